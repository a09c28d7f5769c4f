#include "examples/common/apart.h"
#include "solid/extend.h"
#include <sys/stat.h>

static int is_plain(const apart_file *file, struct stat *info) {
  return file->path && stat(file->path, info) == 0 && S_ISREG(info->st_mode);
}

static int is_same(const apart_file *a, const apart_file *b) {
  struct stat of_a, of_b;
  return is_plain(a, &of_a) && is_plain(b, &of_b) && of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino;
}

solid_status apart_check(const apart_file *written, const apart_file *read) {
  for (; written->flag; written++)
    for (const apart_file *r = read; r->flag; r++)
      if (is_same(written, r))
        return solid_fail(SOLID_EINVAL, "%s %s: this is the file of %s, which would be lost: name another",
                          written->flag, written->path, r->flag);
  return SOLID_OK;
}

solid_status apart_check_parts(const apart_file *parts) {
  for (; parts->flag; parts++)
    for (const apart_file *other = parts + 1; other->flag; other++)
      if (is_same(parts, other))
        return solid_fail(SOLID_EINVAL,
                          "%s %s: this is the file of %s, and no event may be in two parts of a split: name another",
                          other->flag, other->path, parts->flag);
  return SOLID_OK;
}
