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
 * lost to a power cut for good: as Linux does it, a later sync that succeeds says nothing of it. What is to be synced, and
 * lost, is what was written to the file by any descriptor; each of them that was used before hears once that a sync has
 * failed, whoever asked for it.
 *
 * The file DISK_BROKEN_BESIDE holds `sync` or `write`: the next of these that the thread does that brings SQLite's
 * journal into its file fails (EIO, ENOSPC), once, and the file is gone.
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
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
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

/* What was written to a file since it was last synced, and how many of its syncs have failed. */
#define FILES 1024
static struct file {
    dev_t device;
    ino_t inode;
    off_t dirty_from, dirty_to;
    unsigned failures;
} files[FILES];
static int known_files;

/* The file of a descriptor, and of how many of its failures it was told. */
#define DESCRIPTORS 1024
static struct descriptor {
    struct file *file;
    unsigned told;
} descriptors[DESCRIPTORS];

/* Held around all of them: threads write and sync at the same time. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* One that was not used before has missed the failures of before. */
static struct descriptor *find(int fd) {
    struct stat now;
    struct file *file = files;
    if (fd < 0 || fd >= DESCRIPTORS || fstat(fd, &now) != 0 || !S_ISREG(now.st_mode)) return NULL;
    while (file < files + known_files && (file->device != now.st_dev || file->inode != now.st_ino)) file++;
    if (file == files + known_files) {
        if (known_files == FILES) return NULL;
        known_files++;
        file->device = now.st_dev;
        file->inode = now.st_ino;
    }
    if (descriptors[fd].file != file) {
        descriptors[fd].file = file;
        descriptors[fd].told = file->failures;
    }
    return &descriptors[fd];
}

static void mark(int fd, off_t at, ssize_t count) {
    struct descriptor *written;
    if (count <= 0) return;
    pthread_mutex_lock(&lock);
    written = find(fd);
    if (written != NULL) {
        struct file *file = written->file;
        if (file->dirty_to == 0 || at < file->dirty_from) file->dirty_from = at;
        if (at + count > file->dirty_to) file->dirty_to = at + count;
    }
    pthread_mutex_unlock(&lock);
}

static int keep(int fd) {
    char buffer[1 << 15], path[PATH_MAX], kept[PATH_MAX + 64];
    const char *directory = getenv("DISK_KEPT");
    const char *name = name_in_directory(fd, path, sizeof path);
    struct descriptor *asked;
    struct file *file;
    struct stat now;
    off_t at;
    int copy;
    if (directory != NULL && is_directory(fd)) return keep_removals(getenv("DISK_DIRECTORY"), directory);
    if (name == NULL || directory == NULL) return 0;
    asked = find(fd);
    if (asked == NULL || fstat(fd, &now) != 0) return -1;
    file = asked->file;
    snprintf(kept, sizeof kept, "%s/%s", directory, name);
    copy = open(kept, O_WRONLY | O_CREAT, 0600);
    if (copy < 0) return -1;
    for (at = file->dirty_from; at < file->dirty_to;) {
        size_t rest = (size_t)(file->dirty_to - at);
        ssize_t got = pread(fd, buffer, rest < sizeof buffer ? rest : sizeof buffer, at);
        if (got < 0) return -1;
        if (got == 0) break;
        if (pwrite_next(copy, buffer, (size_t)got, at) != got) return -1;
        at += got;
    }
    file->dirty_from = file->dirty_to = 0;
    if (ftruncate(copy, now.st_size) != 0) return -1;
    if (close(copy) != 0) return -1;
    if (asked->told == file->failures) return 0;
    asked->told = file->failures;
    errno = EIO;
    return -1;
}

/* Whether the file that a variable names exists, and a descriptor is of the directory. */
static int is_so(const char *variable, int fd) {
    char path[PATH_MAX];
    const char *sign = getenv(variable);
    return sign != NULL && access(sign, F_OK) == 0 && name_in_directory(fd, path, sizeof path) != NULL;
}

/* Whether this is what DISK_BROKEN_BESIDE has fail, on the thread that it means. */
static int breaks_beside(const char *what, int fd) {
    char thread[16], path[PATH_MAX], wanted[16];
    const char *sign = getenv("DISK_BROKEN_BESIDE");
    ssize_t length;
    int file;
    if (sign == NULL || prctl(PR_GET_NAME, thread) != 0 || strcmp(thread, "sqlite-journal") != 0) return 0;
    if (name_in_directory(fd, path, sizeof path) == NULL) return 0;
    file = open(sign, O_RDONLY);
    if (file < 0) return 0;
    length = read(file, wanted, sizeof wanted - 1);
    close(file);
    if (length <= 0) return 0;
    wanted[length] = '\0';
    return strcmp(wanted, what) == 0 && unlink(sign) == 0;
}

static int lose(int fd) {
    struct descriptor *failed = find(fd);
    if (failed != NULL) {
        failed->file->dirty_from = failed->file->dirty_to = 0;
        failed->told = ++failed->file->failures;
    }
    errno = EIO;
    return -1;
}

static int synced(int fd) {
    int outcome, why;
    pthread_mutex_lock(&lock);
    outcome = (is_so("DISK_BROKEN", fd) || breaks_beside("sync", fd)) ? lose(fd) : keep(fd);
    why = errno;
    pthread_mutex_unlock(&lock);
    errno = why;
    return outcome;
}

int fsync(int fd) { return synced(fd); }

int fdatasync(int fd) { return synced(fd); }

#define REFUSE_IF_FULL(fd)                                       \
    if (is_so("DISK_FULL", fd) || breaks_beside("write", fd)) {  \
        errno = ENOSPC;                                          \
        return -1;                                               \
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
