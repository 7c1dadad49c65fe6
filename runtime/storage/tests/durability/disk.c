/* A disk whose power can be cut, which can be full and can fail to sync, for the process that is started with LD_PRELOAD.
 *
 * Of a file in DISK_DIRECTORY, each fsync and fdatasync copies what was written to it by then to
 * DISK_KEPT. If the process is killed at any moment, DISK_KEPT is what the disk would hold after a power
 * cut that dropped everything that was not synced. A file that was removed comes back unless the
 * directory was synced.
 *
 * While the file DISK_FULL exists, writes to files in DISK_DIRECTORY fail with ENOSPC.
 *
 * While the file DISK_BROKEN exists, syncing a file in DISK_DIRECTORY fails with EIO, and what was to be synced is
 * lost to a power cut for good: as Linux does it, the next sync that succeeds says nothing of it.
 *
 * The copy reads through the descriptor itself: opening and closing the file once more would release the
 * process's POSIX locks on it.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The name of the file behind a descriptor, if it is in DISK_DIRECTORY. */
static const char *name_in_directory(int fd, char *path, size_t size) {
    const char *directory = getenv("DISK_DIRECTORY");
    char link[64];
    ssize_t length;
    size_t prefix;
    if (directory == NULL) return NULL;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, size - 1);
    if (length <= 0) return NULL;
    path[length] = '\0';
    prefix = strlen(directory);
    if (strncmp(path, directory, prefix) != 0 || path[prefix] != '/') return NULL;
    return path + prefix + 1;
}

/* Removals become lasting when the directory is synced. */
static int keep_removals(const char *directory, const char *kept) {
    char path[PATH_MAX + 256];
    struct dirent *entry;
    DIR *entries = opendir(kept);
    if (entries == NULL) return -1;
    while ((entry = readdir(entries)) != NULL) {
        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        if (access(path, F_OK) == 0) continue;
        snprintf(path, sizeof path, "%s/%s", kept, entry->d_name);
        unlink(path);
    }
    return closedir(entries);
}

static int is_directory(int fd) {
    struct stat of_fd, of_directory;
    const char *directory = getenv("DISK_DIRECTORY");
    return directory != NULL && fstat(fd, &of_fd) == 0 && stat(directory, &of_directory) == 0 &&
           of_fd.st_dev == of_directory.st_dev && of_fd.st_ino == of_directory.st_ino;
}

static ssize_t pwrite_next(int fd, const void *bytes, size_t count, off_t at) {
    static ssize_t (*next)(int, const void *, size_t, off_t);
    if (next == NULL) next = dlsym(RTLD_NEXT, "pwrite64");
    return next(fd, bytes, count, at);
}

/* What was written through a descriptor since it was last synced. */
#define DESCRIPTORS 1024
static off_t dirty_from[DESCRIPTORS], dirty_to[DESCRIPTORS];

static void mark(int fd, off_t at, ssize_t count) {
    if (fd < 0 || fd >= DESCRIPTORS || count <= 0) return;
    if (dirty_to[fd] == 0 || at < dirty_from[fd]) dirty_from[fd] = at;
    if (at + count > dirty_to[fd]) dirty_to[fd] = at + count;
}

static int keep(int fd) {
    char buffer[1 << 15], path[PATH_MAX], kept[PATH_MAX + 64];
    const char *directory = getenv("DISK_KEPT");
    const char *name = name_in_directory(fd, path, sizeof path);
    struct stat now;
    off_t at;
    int copy;
    if (directory != NULL && is_directory(fd)) return keep_removals(getenv("DISK_DIRECTORY"), directory);
    if (name == NULL || directory == NULL) return 0;
    if (fd >= DESCRIPTORS || fstat(fd, &now) != 0) return -1;
    snprintf(kept, sizeof kept, "%s/%s", directory, name);
    copy = open(kept, O_WRONLY | O_CREAT, 0600);
    if (copy < 0) return -1;
    for (at = dirty_from[fd]; at < dirty_to[fd];) {
        size_t rest = (size_t)(dirty_to[fd] - at);
        ssize_t got = pread(fd, buffer, rest < sizeof buffer ? rest : sizeof buffer, at);
        if (got < 0) return -1;
        if (got == 0) break;
        if (pwrite_next(copy, buffer, (size_t)got, at) != got) return -1;
        at += got;
    }
    dirty_from[fd] = dirty_to[fd] = 0;
    if (ftruncate(copy, now.st_size) != 0) return -1;
    return close(copy);
}

/* Whether the file that a variable names exists, and a descriptor is of the directory. */
static int is_so(const char *variable, int fd) {
    char path[PATH_MAX];
    const char *sign = getenv(variable);
    return sign != NULL && access(sign, F_OK) == 0 && name_in_directory(fd, path, sizeof path) != NULL;
}

static int synced(int fd) {
    if (!is_so("DISK_BROKEN", fd)) return keep(fd);
    if (fd < DESCRIPTORS) dirty_from[fd] = dirty_to[fd] = 0;
    errno = EIO;
    return -1;
}

int fsync(int fd) { return synced(fd); }

int fdatasync(int fd) { return synced(fd); }

#define REFUSE_IF_FULL(fd)         \
    if (is_so("DISK_FULL", fd)) {  \
        errno = ENOSPC;            \
        return -1;                 \
    }

ssize_t write(int fd, const void *bytes, size_t count) {
    static ssize_t (*next)(int, const void *, size_t);
    ssize_t written;
    if (next == NULL) next = dlsym(RTLD_NEXT, "write");
    REFUSE_IF_FULL(fd)
    written = next(fd, bytes, count);
    /* Where it went nobody says, so all of the file is copied. */
    mark(fd, 0, written > 0 ? SSIZE_MAX : 0);
    return written;
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
    ssize_t written;
    REFUSE_IF_FULL(fd)
    written = pwrite_next(fd, bytes, count, at);
    mark(fd, at, written);
    return written;
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) { return pwrite(fd, bytes, count, at); }
