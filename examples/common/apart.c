#include "examples/common/apart.h"
#include "solid/extend.h"
#include <sys/stat.h>

static int is_plain(const apart_file *file, struct stat *info) {
  return file->path && stat(file->path, info) == 0 && S_ISREG(info->st_mode);
}

solid_status apart_check(const apart_file *written, const apart_file *read) {
  struct stat to, from;
  for (; written->flag; written++)
    for (const apart_file *r = read; r->flag && is_plain(written, &to); r++)
      if (is_plain(r, &from) && to.st_dev == from.st_dev && to.st_ino == from.st_ino)
        return solid_fail(SOLID_EINVAL, "%s %s: this is the file of %s, which would be lost: name another",
                          written->flag, written->path, r->flag);
  return SOLID_OK;
}
