/* Opening, memory, transfers, and helpers that several operations share. */
#include "kernels/cuda/cuda.cuh"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *advice(cudaError_t error) {
  switch (error) {
  case cudaErrorNoDevice:
    return "no NVIDIA GPU is visible; use device cpu";
  case cudaErrorInvalidDevice:
    return "choose a device that nvidia-smi lists";
  case cudaErrorMemoryAllocation:
    return "free memory on the card, or use a smaller batch";
  case cudaErrorCallRequiresNewerDriver:
  case cudaErrorSystemDriverMismatch:
    return "update the NVIDIA driver, or restart the machine if that was done";
  case cudaErrorNoKernelImageForDevice:
    return "the card is older than the architectures of this build";
  case cudaErrorDevicesUnavailable:
    return "another process holds the card; end it, then start again";
  case cudaErrorECCUncorrectable:
    return "the card's memory is damaged; reset or replace the card, then start again";
  default:
    return "this process cannot use the device any more; start it again";
  }
}

/* A driver that is missing counts as version 0, and both as cudaErrorInsufficientDriver. */
static void driver_advice(char *text, size_t size) {
  int driver = 0, runtime = 0;
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  if (driver == 0)
    snprintf(text, size, "no NVIDIA driver is installed; install one, or use device cpu");
  else
    snprintf(text, size, "the driver knows CUDA %d.%d, this build needs %d.%d; update the driver, or use device cpu",
             driver / 1000, driver % 1000 / 10, runtime / 1000, runtime % 1000 / 10);
}

/* "<what>: <name of the error>: <its text>; <what to do>" */
static void explain(cudaError_t error, const char *what, char *text, size_t size) {
  char driver[112];
  if (error == cudaErrorInsufficientDriver) driver_advice(driver, sizeof driver);
  snprintf(text, size, "%s: %s: %s; %s", what, cudaGetErrorName(error), cudaGetErrorString(error),
           error == cudaErrorInsufficientDriver ? driver : advice(error));
}

solid_status sk_cuda_status(sk_backend *be, cudaError_t error, const char *what) {
  if (error == cudaSuccess) return SOLID_OK;
  cudaGetLastError(); /* clears the error, or the next launch would be blamed for it; a lasting error returns by itself
                       */
  char text[224];
  explain(error, what, text, sizeof text);
  return sk_fail(be, error == cudaErrorMemoryAllocation ? SOLID_ENOMEM : SOLID_EDEVICE, "cuda %s", text);
}

static solid_status probe(char *text, size_t size) {
  int count = 0;
  cudaError_t error = cudaGetDeviceCount(&count);
  if (error == cudaSuccess && count == 0) error = cudaErrorNoDevice;
  if (error != cudaSuccess) {
    cudaGetLastError();
    if (text && size) explain(error, "cuda", text, size);
    return SOLID_EUNSUPPORTED;
  }
  cudaDeviceProp prop;
  if (text && size && cudaGetDeviceProperties(&prop, 0) == cudaSuccess)
    snprintf(text, size, "cuda: %d device(s), first %s, sm_%d%d, %zu MiB", count, prop.name, prop.major, prop.minor,
             prop.totalGlobalMem >> 20);
  return SOLID_OK;
}

static void close_backend(sk_backend *be) {
  if (!be) return;
  sk_cuda_guard guard;
  sk_cuda *cuda = (sk_cuda *)be;
  cudaSetDevice(cuda->device);
  for (int lane = 0; lane < SK_LANES; lane++) sk_cuda_close_queue(&cuda->queues[lane]);
  cudaGetLastError();
  free(cuda);
}

extern "C" const sk_backend_ops sk_cuda_table;

solid_status sk_cuda_take(sk_backend *be, void **out, size_t bytes, const char *what) {
  sk_cuda_guard guard;
  void *device = NULL;
  cudaError_t error = bytes > 0 ? cudaMalloc(&device, bytes) : cudaSuccess;
  if (error == cudaErrorMemoryAllocation) {
    size_t left = 0, total = 0;
    cudaGetLastError();
    cudaMemGetInfo(&left, &total);
    return sk_fail(be, SOLID_ENOMEM, "cuda %s: %s: needs %zu MiB, %zu of %zu MiB are free; %s", what,
                   cudaGetErrorName(error), bytes >> 20, left >> 20, total >> 20, advice(error));
  }
  if (error != cudaSuccess) return sk_cuda_status(be, error, what);
  be->allocations += bytes > 0;
  be->bytes += bytes;
  *out = device;
  return SOLID_OK;
}

/* A thread has one current device, set by the backend it used last or by another library, and a stream accepts work
 * only on its own device. So every entry that enqueues or allocates begins here. */
static solid_status enter(sk_backend *be) {
  return sk_cuda_status(be, cudaSetDevice(((sk_cuda *)be)->device), "device");
}

static solid_status open_device(sk_cuda *cuda) {
  sk_cuda_guard guard;
  sk_backend *be = &cuda->base;
  int count = 0;
  solid_status status = sk_cuda_status(be, cudaGetDeviceCount(&count), "devices");
  if (status != SOLID_OK) return status;
  if (cuda->device < 0 || cuda->device >= count)
    return sk_fail(be, SOLID_EUNSUPPORTED, "cuda device %d: %s: this machine has %d; %s", cuda->device,
                   cudaGetErrorName(cudaErrorInvalidDevice), count, advice(cudaErrorInvalidDevice));
  status = sk_cuda_status(be, cudaSetDevice(cuda->device), "device");
  int major = 0, minor = 0;
  if (status == SOLID_OK)
    status = sk_cuda_status(be, cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, cuda->device),
                            "capability");
  if (status == SOLID_OK)
    status = sk_cuda_status(be, cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, cuda->device),
                            "capability");
  cuda->wgmma = major == 9 && minor == 0;
  cuda->bf16 = major >= 8;
  cuda->base.rounds = cuda->tf32 && cuda->bf16;
  return status == SOLID_OK ? sk_cuda_open_queue(be, &cuda->queues[0]) : status;
}

static solid_status open_backend(sk_backend **out, const sk_options *options) {
  char *why = options ? options->why : NULL;
  solid_status status = probe(why, why ? options->why_size : 0);
  if (status != SOLID_OK) return status;
  sk_cuda *cuda = (sk_cuda *)calloc(1, sizeof *cuda);
  if (!cuda) {
    if (why) snprintf(why, options->why_size, "out of memory on the host");
    return SOLID_ENOMEM;
  }
  cuda->base.ops = &sk_cuda_table;
  cuda->device = options ? options->device : 0;
  cuda->tf32 = options && options->tf32;
  status = open_device(cuda);
  if (status == SOLID_OK) {
    *out = &cuda->base;
    return SOLID_OK;
  }
  if (why) snprintf(why, options->why_size, "%s", cuda->base.err);
  close_backend(&cuda->base);
  return status;
}

static solid_status alloc(sk_backend *be, void **out, size_t bytes) {
  solid_status status = enter(be);
  return status == SOLID_OK ? sk_cuda_take(be, out, bytes, "alloc") : status;
}

static void release(sk_backend *be, void *device) {
  (void)be;
  sk_cuda_guard guard;
  cudaFree(device);
}

static solid_status alloc_host(sk_backend *be, void **out, size_t bytes) {
  sk_cuda_guard guard;
  void *host = NULL;
  solid_status status = enter(be);
  if (status == SOLID_OK && bytes > 0) status = sk_cuda_status(be, cudaMallocHost(&host, bytes), "pinned host memory");
  if (status != SOLID_OK) return status;
  be->allocations += bytes > 0;
  *out = host;
  return SOLID_OK;
}

static void free_host(sk_backend *be, void *host) {
  (void)be;
  sk_cuda_guard guard;
  cudaFreeHost(host);
}

static solid_status memory(sk_backend *be, size_t *left, size_t *total) {
  solid_status status = enter(be);
  return status == SOLID_OK ? sk_cuda_status(be, cudaMemGetInfo(left, total), "memory") : status;
}

/* Either side may be memory of the host, whatever the slot is called (alloc_host): the addresses tell. */
static solid_status transfer(sk_backend *be, void *to, const void *from, size_t bytes, const char *what) {
  if (bytes == 0) return SOLID_OK;
  solid_status status = enter(be);
  if (status != SOLID_OK) return status;
  return sk_cuda_status(be, cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, sk_cuda_stream(be)), what);
}

static solid_status upload(sk_backend *be, void *device, const void *host, size_t bytes) {
  return transfer(be, device, host, bytes, "upload");
}

static solid_status download(sk_backend *be, void *host, const void *device, size_t bytes) {
  return transfer(be, host, device, bytes, "download");
}

static solid_status copy(sk_backend *be, void *to, const void *from, size_t bytes) {
  return transfer(be, to, from, bytes, "copy");
}

static solid_status zero(sk_backend *be, void *device, size_t bytes) {
  if (bytes == 0) return SOLID_OK;
  solid_status status = enter(be);
  if (status != SOLID_OK) return status;
  return sk_cuda_status(be, cudaMemsetAsync(device, 0, bytes, sk_cuda_stream(be)), "zero");
}

static solid_status sync(sk_backend *be) {
  return sk_cuda_status(be, cudaStreamSynchronize(sk_cuda_stream(be)), "sync");
}

/* Row-major a b is column-major b^T a^T: the operands change places and keep their transposition. */
solid_status sk_cuda_product(sk_backend *be, bool transpose_a, bool transpose_b, int m, int n, int k, const float *a,
                             int lda, const float *b, int ldb, float beta, float *c, int ldc) {
  const float one = 1.0f;
  sk_cuda *cuda = (sk_cuda *)be;
  cublasStatus_t error =
      cublasSgemm(cuda->queues[cuda->lane].blas, transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N,
                  transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N, n, m, k, &one, b, ldb, a, lda, &beta, c, ldc);
  if (error == CUBLAS_STATUS_SUCCESS) return SOLID_OK;
  return sk_fail(be, SOLID_EDEVICE, "cuda product (%d, %d, %d): %s", m, n, k, cublasGetStatusString(error));
}

static solid_status lane(sk_backend *be, int number) {
  solid_status status = enter(be);
  return status == SOLID_OK ? sk_cuda_lane(be, number) : status;
}

static solid_status join(sk_backend *be) {
  solid_status status = enter(be), joined = sk_cuda_join(be);
  return status == SOLID_OK ? joined : status;
}

static solid_status replay(sk_backend *be, sk_graph **graph, sk_body body, void *user) {
  solid_status status = enter(be);
  return status == SOLID_OK ? sk_cuda_replay(be, graph, body, user) : status;
}

#define ENTER_SLOT(op)                                                                                                 \
  static solid_status enter_##op(sk_backend *be, const sk_##op##_args *a) {                                            \
    solid_status status = enter(be);                                                                                   \
    return status == SOLID_OK ? sk_cuda_##op(be, a) : status;                                                          \
  }
SK_OPS(ENTER_SLOT)
#undef ENTER_SLOT

extern "C" const sk_backend_ops sk_cuda_table = {.name = "cuda",
                                                 .tile_rows = 16384,
                                                 .records = 1,
                                                 .unified = 0,
                                                 .probe = probe,
                                                 .open = open_backend,
                                                 .close = close_backend,
                                                 .alloc = alloc,
                                                 .free = release,
                                                 .upload = upload,
                                                 .download = download,
                                                 .copy = copy,
                                                 .zero = zero,
                                                 .sync = sync,
                                                 .alloc_host = alloc_host,
                                                 .free_host = free_host,
                                                 .memory = memory,
                                                 .lane = lane,
                                                 .join = join,
                                                 .replay = replay,
                                                 .forget = sk_cuda_forget,
#define FILL_SLOT(op) .op = enter_##op,
                                                 SK_OPS(FILL_SLOT)
#undef FILL_SLOT
};
