/* Runs a fuzz target over files without libFuzzer: every seed of a corpus, and for each some seeded mutations, so that
 * the targets are exercised by every compiler.   fuzz_NAME CORPUS_DIR MUTATIONS_PER_SEED */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_INPUT = 1 << 20 };

static uint64_t state = 1;

static uint32_t draw(uint32_t n) {
  state = state * 6364136223846793005ULL + 1442695040888963407ULL;
  return (uint32_t)(state >> 33) % n;
}

/* One of: flip a bit, overwrite a byte, cut the end, repeat a stretch. */
static size_t mutate(uint8_t *data, size_t size) {
  if (size == 0) return 0;
  uint32_t at = draw((uint32_t)size);
  switch (draw(4)) {
  case 0:
    data[at] ^= (uint8_t)(1u << draw(8));
    return size;
  case 1:
    data[at] = (uint8_t)draw(256);
    return size;
  case 2:
    return at;
  default: {
    size_t stretch = size - at;
    if (size + stretch > MAX_INPUT) return size;
    memmove(data + size, data + at, stretch);
    return size + stretch;
  }
  }
}

static size_t run_file(const char *path, int mutations) {
  FILE *file = fopen(path, "rb");
  if (!file) return 0;
  uint8_t *seed = malloc(MAX_INPUT), *work = malloc(MAX_INPUT);
  size_t size = seed ? fread(seed, 1, MAX_INPUT, file) : 0, runs = 0;
  fclose(file);
  for (int i = 0; seed && work && i <= mutations; i++, runs++) {
    memcpy(work, seed, size);
    size_t length = size;
    for (int step = 0; step < i % 4 + (i > 0); step++) length = mutate(work, length);
    uint8_t *exact =
        malloc(length ? length : 1); /* of the exact size, so that the address sanitizer sees an over-read */
    if (!exact) break;
    memcpy(exact, work, length);
    LLVMFuzzerTestOneInput(exact, length);
    free(exact);
  }
  free(seed);
  free(work);
  return runs;
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: %s CORPUS_DIR MUTATIONS_PER_SEED\n", argv[0]);
    return 2;
  }
  int mutations = atoi(argv[2]);
  DIR *dir = opendir(argv[1]);
  if (!dir) {
    perror(argv[1]);
    return 2;
  }
  size_t runs = 0;
  for (struct dirent *entry; (entry = readdir(dir));) {
    char path[4096];
    if (entry->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
    runs += run_file(path, mutations);
  }
  closedir(dir);
  printf("%s: %zu inputs\n", argv[1], runs);
  return runs == 0;
}
