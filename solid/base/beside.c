#include "solid/base/beside.h"
#include "solid/extend.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRIES = 8 };

solid_status sol_write_status(int error) {
  return error == ENOSPC || error == EDQUOT || error == EFBIG ? SOLID_EFULL : SOLID_EIO;
}

static solid_status failed(const char *path, const char *what, int error) {
  char text[96];
  const char *why = strerror_r(error, text, sizeof text) ? "unknown reason" : text;
  return solid_fail(sol_write_status(error), "%s: %s: %s", path, what, why);
}

/* Returns 0 and an open, locked file, or an errno. EEXIST also if another program took the new file for an abandoned
 * one. */
static int create(const char *path, int *out) {
  struct stat ours, there;
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (fd < 0) return errno;
  int is_taken = flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK; /* some file systems have no locks */
  if (is_taken || fstat(fd, &ours) != 0 || lstat(path, &there) != 0 || ours.st_ino != there.st_ino ||
      ours.st_dev != there.st_dev) {
    close(fd);
    return EEXIST;
  }
  *out = fd;
  return 0;
}

/* Removes what a killed program left. Returns 0, or the errno that says why it was not removed. */
static solid_status remove_left(const char *path) {
  struct stat about;
  int fd = open(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return SOLID_OK;
  if (fd < 0) return failed(path, "is there, and no file of ours", errno);
  solid_status status = SOLID_OK;
  if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode))
    status = solid_fail(SOLID_EIO, "%s: is there, and not a regular file", path);
  else if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    status = solid_fail(SOLID_EIO, "%s: another program is writing it", path);
  else if (unlink(path) != 0 && errno != ENOENT)
    status = failed(path, "cannot be removed", errno);
  close(fd);
  return status;
}

static solid_status open_temporary(sol_beside *file) {
  for (int tries = 0; tries < TRIES; tries++) {
    int error = create(file->temporary, &file->fd);
    if (!error) return SOLID_OK;
    if (error != EEXIST) return failed(file->temporary, "cannot be opened for writing", error);
    solid_status status = remove_left(file->temporary);
    if (status) return status;
  }
  return solid_fail(SOLID_EIO, "%s: others make it again and again", file->temporary);
}

solid_status sol_beside_open(sol_beside *file, const char *path, int special) {
  struct stat found;
  size_t room = strlen(path) + 5;
  int is_special = stat(path, &found) == 0 && !S_ISREG(found.st_mode);
  *file = (sol_beside){.fd = -1};
  if (is_special && (!special || S_ISDIR(found.st_mode)))
    return solid_fail(SOLID_EIO, S_ISDIR(found.st_mode) ? "%s: is a folder" : "%s: is there and not a regular file",
                      path);
  file->path = strdup(path);
  file->temporary = is_special ? NULL : malloc(room);
  solid_status status = SOLID_OK;
  if (!file->path || (!is_special && !file->temporary)) {
    status = solid_fail(SOLID_ENOMEM, "%s: out of memory", path);
  } else if (is_special) {
    file->fd = open(path, O_WRONLY | O_CLOEXEC);
    if (file->fd < 0) status = failed(path, "cannot be opened for writing", errno);
  } else {
    snprintf(file->temporary, room, "%s.tmp", path);
    status = open_temporary(file);
  }
  if (status) sol_beside_abandon(file);
  return status;
}

/* The new name must survive a crash as well; folders that cannot be synced (on some network file systems) are left
 * alone. */
static void sync_folder(const sol_beside *file) {
  char *room = file->temporary;
  strcpy(room, file->path);
  char *slash = strrchr(room, '/');
  if (slash == room) slash++;
  if (slash) *slash = '\0';
  int fd = open(slash ? room : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  (void)fsync(fd);
  close(fd);
}

static void clear(sol_beside *file) {
  if (file->fd >= 0) close(file->fd);
  free(file->path);
  free(file->temporary);
  *file = (sol_beside){.fd = -1};
}

solid_status sol_beside_commit(sol_beside *file) {
  solid_status status = SOLID_OK;
  if (file->temporary && fsync(file->fd)) status = failed(file->path, "cannot be written", errno);
  if (!status && file->temporary && rename(file->temporary, file->path))
    status = failed(file->path, "cannot be replaced", errno);
  if (!status && !file->temporary && close(file->fd)) status = failed(file->path, "cannot be written", errno);
  if (!status && !file->temporary) file->fd = -1;
  if (status) {
    sol_beside_abandon(file);
    return status;
  }
  if (file->temporary) sync_folder(file);
  clear(file);
  return SOLID_OK;
}

void sol_beside_abandon(sol_beside *file) {
  if (!file->path) return;
  if (file->temporary && file->fd >= 0) (void)unlink(file->temporary);
  clear(file);
}
