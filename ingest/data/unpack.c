/* zlib's own reader of files (gzread) ends in silence where a gzip is followed by anything else: what was appended to
 * the file would be lost. */
#define _GNU_SOURCE /* F_SETPIPE_SZ */
#include "ingest/data/unpack.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define CHUNK      ((size_t)64 * 1024)
#define PIPE_BYTES (1 << 20)
#define GZIP_ALONE (15 + 16) /* zlib: the largest window, and a gzip's head and end round it */

struct sol_unpack {
  const char *path;
  int fd, is_gzip, is_judged, is_open, at_end; /* is_open: a gzip is begun; at_end: of the file */
  uint64_t taken;                              /* out of the file */
  z_stream stream;                             /* of a file that is not packed, only the bytes that are at hand */
  unsigned char bytes[CHUNK];
};

/* A pipe of the usual 64 KiB has reader and writer wait for each other at every thousandth line or so. A system that
 * gives no more leaves it as it is. */
static void widen_pipe(int fd) {
#ifdef F_SETPIPE_SZ
  fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES);
#else
  (void)fd;
#endif
}

solid_status sol_unpack_open(sol_unpack **out, const char *path, uint64_t *all) {
  return sol_unpack_take(out, open(path, O_RDONLY | O_CLOEXEC), path, all);
}

solid_status sol_unpack_take(sol_unpack **out, int fd, const char *path, uint64_t *all) {
  struct stat facts;
  if (fd < 0) return solid_fail(SOLID_EIO, "%s: %s", path, strerror(errno));
  int is_known = fstat(fd, &facts) == 0;
  int is_folder = is_known && S_ISDIR(facts.st_mode);
  sol_unpack *file = is_folder ? NULL : calloc(1, sizeof *file);
  if (!file) {
    close(fd);
    return is_folder ? solid_fail(SOLID_EIO, "%s: is a folder: give a file in it", path)
                     : solid_fail(SOLID_ENOMEM, "%s: no room to read it", path);
  }
  if (is_known && S_ISREG(facts.st_mode)) *all = (uint64_t)facts.st_size;
  if (is_known && S_ISFIFO(facts.st_mode)) widen_pipe(fd);
  file->path = path;
  file->fd = fd;
  *out = file;
  return SOLID_OK;
}

void sol_unpack_close(sol_unpack *file) {
  if (!file) return;
  if (file->is_gzip) inflateEnd(&file->stream);
  close(file->fd);
  free(file);
}

uint64_t sol_unpack_used(const sol_unpack *file) {
  return file->taken - file->stream.avail_in;
}

static solid_status read_some(sol_unpack *file, void *buffer, size_t size, size_t *got) {
  ssize_t n = read(file->fd, buffer, size); /* EINTR as well: a program that is told to stop waits for no pipe */
  if (n < 0) return solid_fail(SOLID_EIO, "%s: %s", file->path, strerror(errno));
  *got = (size_t)n;
  file->taken += (uint64_t)n;
  file->at_end = n == 0;
  return SOLID_OK;
}

/* Reads on until `want` bytes are at hand, or the file is at its end. */
static solid_status take_in(sol_unpack *file, size_t want) {
  z_stream *stream = &file->stream;
  solid_status status = SOLID_OK;
  if (stream->avail_in >= want || file->at_end) return SOLID_OK;
  if (stream->avail_in) memmove(file->bytes, stream->next_in, stream->avail_in);
  stream->next_in = file->bytes;
  while (status == SOLID_OK && stream->avail_in < want && !file->at_end) {
    size_t n = 0;
    status = read_some(file, file->bytes + stream->avail_in, CHUNK - stream->avail_in, &n);
    stream->avail_in += (unsigned)n;
  }
  return status;
}

static int begins_gzip(const z_stream *stream) {
  return stream->avail_in >= 2 && stream->next_in[0] == 0x1f && stream->next_in[1] == 0x8b;
}

static solid_status judge(sol_unpack *file) {
  solid_status status = take_in(file, 2);
  if (status != SOLID_OK) return status;
  file->is_judged = 1;
  if (!begins_gzip(&file->stream)) return SOLID_OK;
  if (inflateInit2(&file->stream, GZIP_ALONE) != Z_OK)
    return solid_fail(SOLID_ENOMEM, "%s: no room to unpack it", file->path);
  file->is_gzip = file->is_open = 1;
  return SOLID_OK;
}

/* Behind a gzip there is another one, zeros, or nothing. */
static solid_status begin_next(sol_unpack *file) {
  z_stream *stream = &file->stream;
  solid_status status = take_in(file, 2);
  while (status == SOLID_OK && stream->avail_in && !*stream->next_in) {
    stream->next_in++, stream->avail_in--;
    status = take_in(file, 2);
  }
  if (status != SOLID_OK || !stream->avail_in) return status;
  if (!begins_gzip(stream))
    return solid_fail(
        SOLID_EIO,
        "%s: what stands behind its gzip, from byte %llu on, is no gzip: was a file that is not compressed "
        "put behind it? (compress that as well)",
        file->path, (unsigned long long)sol_unpack_used(file));
  inflateReset(stream);
  file->is_open = 1;
  return SOLID_OK;
}

static solid_status inflate_some(sol_unpack *file, unsigned char *buffer, size_t size, size_t *got) {
  z_stream *stream = &file->stream;
  solid_status status = take_in(file, 1);
  if (status != SOLID_OK) return status;
  stream->next_out = buffer;
  stream->avail_out = (unsigned)(size < CHUNK ? size : CHUNK);
  *got = stream->avail_out;
  int code = inflate(stream, Z_NO_FLUSH); /* without bytes too: it may have some left to give */
  *got -= stream->avail_out;
  if (code == Z_BUF_ERROR && file->at_end)
    return solid_fail(SOLID_EIO, "%s: its gzip is cut: get the whole file", file->path);
  if (code == Z_MEM_ERROR) return solid_fail(SOLID_ENOMEM, "%s: no room to unpack it", file->path);
  if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
    return solid_fail(SOLID_EIO, "%s: its gzip is damaged: %s", file->path,
                      stream->msg ? stream->msg : "it wants a dictionary");
  file->is_open = code != Z_STREAM_END;
  return file->is_open ? SOLID_OK : begin_next(file);
}

/* What is at hand of a file that is not packed, then the file itself. */
static solid_status copy_some(sol_unpack *file, void *buffer, size_t size, size_t *got) {
  z_stream *stream = &file->stream;
  if (!stream->avail_in) return read_some(file, buffer, size, got);
  *got = size < stream->avail_in ? size : stream->avail_in;
  memcpy(buffer, stream->next_in, *got);
  stream->next_in += *got;
  stream->avail_in -= (unsigned)*got;
  return SOLID_OK;
}

solid_status sol_unpack_read(sol_unpack *file, void *buffer, size_t size, size_t *got) {
  solid_status status = file->is_judged ? SOLID_OK : judge(file);
  int is_left = 1;
  for (*got = 0; status == SOLID_OK && *got < size && is_left;) {
    unsigned char *to = (unsigned char *)buffer + *got;
    size_t n = 0;
    is_left = file->is_gzip ? file->is_open : file->stream.avail_in || !file->at_end;
    if (is_left)
      status = file->is_gzip ? inflate_some(file, to, size - *got, &n) : copy_some(file, to, size - *got, &n);
    *got += n;
  }
  return status;
}
