/* Recognises binary files by their first bytes; the error names the format and how to get text from it. */
#include "ingest/data/text.h"
#include <string.h>

typedef struct magic {
  const char *bytes;
  size_t size;
  const char *what;
} magic;

#define MAGIC(bytes, what)                                                                                             \
  { bytes, sizeof(bytes) - 1, what }

static const magic known[] = {
    MAGIC("PAR1", "a Parquet file: write it as csv, e.g. duckdb -c \"copy 'FILE' to 'FILE.csv'\", or with "
                  "pandas.read_parquet(FILE).to_csv(FILE.csv, index=False)"),
    MAGIC("\x28\xb5\x2f\xfd", "compressed with zstd: unpack it (zstd -d FILE), or give it through a pipe (zstdcat)"),
    MAGIC("\xfd\x37\x7a\x58\x5a\x00", "compressed with xz: unpack it (xz -dk FILE), or give it through a pipe (xzcat)"),
    MAGIC("\x1f\x8b", "compressed with gzip twice: unpack it once (zcat)"),
    MAGIC("PK\x03\x04", "a zip archive: unpack it (unzip) and give the file that is in it"),
    MAGIC("7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it and give the file that is in it"),
    MAGIC("\x89HDF\r\n\x1a\n", "an HDF5 file: write its table as csv, e.g. with pandas.read_hdf(FILE).to_csv"),
    MAGIC("SQLite format 3\x00",
          "an SQLite data base: write its table as csv (sqlite3 -header -csv FILE 'select ...')"),
    MAGIC("ARROW1\x00\x00", "an Arrow (Feather) file: write it as csv, e.g. with pandas.read_feather(FILE).to_csv"),
    MAGIC("version https://git-lfs.github.com/", "a pointer of Git LFS, and not the file (git lfs pull)"),
    MAGIC("Obj\x01", "an Avro file: write its records as lines of JSON (avro-tools tojson)"),
    MAGIC("\x93NUMPY", "a NumPy array: events are text; vectors of items are given by --vectors"),
    MAGIC("\xff\xfe", "text in UTF-16: write it as UTF-8 (iconv -f UTF-16 -t UTF-8)"),
    MAGIC("\xfe\xff", "text in UTF-16: write it as UTF-8 (iconv -f UTF-16 -t UTF-8)"),
};

/* "BZh1" may be an id, so the mark of the first block is compared as well. */
static int is_bzip2(const char *bytes, size_t size) {
  return size >= 10 && memcmp(bytes, "BZh", 3) == 0 && memcmp(bytes + 4, "1AY&SY", 6) == 0;
}

solid_status sol_check_magic(const char *path, const char *bytes, size_t size) {
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (size >= known[i].size && memcmp(bytes, known[i].bytes, known[i].size) == 0)
      return solid_fail(SOLID_EFORMAT, "%s: %s", path, known[i].what);
  if (is_bzip2(bytes, size))
    return solid_fail(SOLID_EFORMAT,
                      "%s: compressed with bzip2: unpack it (bzip2 -dk FILE), or give it through a pipe (bzcat)", path);
  return SOLID_OK;
}
