/* Preloaded into a process under test (Linux, glibc): writes down, in order, what the process
 * does to the files of one folder, so that a power cut can be played at any moment afterwards.
 *
 * Each operation and its record are one step under one mutex; nothing is withheld from the
 * process. Ending the process with SIGKILL leaves a log that is whole up to its last record.
 * What can't be written down (a writable shared mapping, a copy inside the kernel) is recorded
 * as unsupported, and reading such a log fails: silence would make a test worthless.
 *
 * FAULTY_DISK_ROOT        the folder
 * FAULTY_DISK_LOG         the log, outside of it
 * FAULTY_DISK_FULL        while this file exists, no file of the folder grows (ENOSPC)
 * FAULTY_DISK_READ_ONLY   while this file exists, nothing in the folder can be written (EROFS), as
 *                         when the system has remounted a failing disk
 * FAULTY_DISK_SYNC_FAILS  while this file exists, syncing fails (EIO), and what was to be synced
 *                         counts as clean from then on without ever reaching the disk, as on
 *                         Linux
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind {
    OPEN = 1, CREATE, WRITE, TRUNCATE, SYNC, SYNC_FOLDER, RENAME, UNLINK, MAKE_FOLDER,
    SYNC_FAILED, UNSUPPORTED
};

struct record {
    uint32_t magic;
    uint32_t kind;
    uint64_t file;   /* inode */
    uint64_t offset; /* or length, for TRUNCATE */
    uint32_t name;   /* bytes of the name that follows, relative to the folder */
    uint32_t other;  /* bytes of a second name, for RENAME */
    uint64_t data;   /* bytes that follow the names */
};

#define MAGIC 0x4b534944u
#define MAX_FDS 65536

struct tracked {
    uint64_t file;
    int folder;
    char *name;
};

static struct tracked *fds[MAX_FDS];
static char root[PATH_MAX];
static size_t root_len;
static int log_fd = -1;
static const char *full_flag, *read_only_flag, *sync_flag;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

#define REAL(result, name, ...) \
    static result (*real)(__VA_ARGS__); \
    if (!real) real = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void begin(void) {
    const char *folder = getenv("FAULTY_DISK_ROOT"), *log = getenv("FAULTY_DISK_LOG");
    int (*open_real)(const char *, int, ...) =
        (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
    if (!folder || !log || !realpath(folder, root)) return;
    root_len = strlen(root);
    full_flag = getenv("FAULTY_DISK_FULL");
    read_only_flag = getenv("FAULTY_DISK_READ_ONLY");
    sync_flag = getenv("FAULTY_DISK_SYNC_FAILS");
    int fd = open_real(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) abort();
    log_fd = fcntl(fd, F_DUPFD_CLOEXEC, 1000);
    if (log_fd < 0) log_fd = fd;
}

static int flag(const char *path) { return path && access(path, F_OK) == 0; }

static void note(enum kind kind, uint64_t file, uint64_t offset, const char *name,
                 const char *other, const void *data, size_t len) {
    struct record head = {MAGIC, kind, file, offset, name ? strlen(name) : 0,
                          other ? strlen(other) : 0, len};
    struct iovec parts[4] = {{&head, sizeof head},
                             {(void *)name, head.name},
                             {(void *)other, head.other},
                             {(void *)data, len}};
    REAL(ssize_t, writev, int, const struct iovec *, int);
    ssize_t whole = (ssize_t)(sizeof head + head.name + head.other + len);
    if (real(log_fd, parts, 4) != whole) abort();
}

/* The path below the folder, or NULL when it lies elsewhere or is of no account: SQLite's shared
 * memory is made anew after a crash, and a lock file holds nothing. */
static char *below(int at, const char *path) {
    char whole[PATH_MAX], parent[PATH_MAX];
    if (log_fd < 0 || !path) return NULL;
    if (path[0] == '/' || at == AT_FDCWD) {
        if (snprintf(whole, sizeof whole, "%s", path) >= (int)sizeof whole) return NULL;
    } else {
        char link[64], folder[PATH_MAX];
        snprintf(link, sizeof link, "/proc/self/fd/%d", at);
        ssize_t n = readlink(link, folder, sizeof folder - 1);
        if (n < 0) return NULL;
        folder[n] = 0;
        if (snprintf(whole, sizeof whole, "%s/%s", folder, path) >= (int)sizeof whole) return NULL;
    }
    char *slash = strrchr(whole, '/');
    const char *last = slash ? slash + 1 : whole;
    if (slash == whole) strcpy(parent, "/");
    else if (!slash) { if (!realpath(".", parent)) return NULL; }
    else { *slash = 0; if (!realpath(whole, parent)) return NULL; }
    size_t len = strlen(last);
    if (len > 4 && strcmp(last + len - 4, "-shm") == 0) return NULL;
    if (len > 5 && strcmp(last + len - 5, ".lock") == 0) return NULL;
    size_t parent_len = strlen(parent);
    if (parent_len == root_len && strcmp(parent, root) == 0) return strdup(last);
    if (parent_len > root_len && strncmp(parent, root, root_len) == 0 && parent[root_len] == '/') {
        char *out = malloc(parent_len - root_len + len + 1);
        if (!out) abort();
        sprintf(out, "%s/%s", parent + root_len + 1, last);
        return out;
    }
    char real[PATH_MAX]; /* the folder itself */
    if (slash) *slash = '/';
    if (realpath(whole, real) && strcmp(real, root) == 0) return strdup("");
    return NULL;
}

static struct tracked *of(int fd) { return fd >= 0 && fd < MAX_FDS ? fds[fd] : NULL; }

static void forget(int fd) {
    struct tracked *entry = of(fd);
    if (!entry) return;
    fds[fd] = NULL;
    free(entry->name);
    free(entry);
}

/* Takes over `name`. */
static void opened(int fd, char *name, int existed, int flags) {
    struct stat about;
    if (fd < 0 || fd >= MAX_FDS || fstat(fd, &about) != 0) { free(name); return; }
    forget(fd);
    if (!S_ISREG(about.st_mode) && !S_ISDIR(about.st_mode)) { free(name); return; }
    struct tracked *entry = calloc(1, sizeof *entry);
    if (!entry) abort();
    entry->file = about.st_ino;
    entry->folder = S_ISDIR(about.st_mode);
    entry->name = name;
    fds[fd] = entry;
    if (entry->folder) return;
    note(existed ? OPEN : CREATE, entry->file, 0, name, NULL, NULL, 0);
    if (existed && (flags & O_TRUNC)) note(TRUNCATE, entry->file, 0, NULL, NULL, NULL, 0);
}

static int open_with(int at, const char *path, int flags, mode_t mode) {
    REAL(int, openat, int, const char *, int, ...);
    char *name = below(at, path);
    if (!name) return real(at, path, flags, mode);
    pthread_mutex_lock(&mutex);
    int existed = faccessat(at, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    int fd = real(at, path, flags, mode);
    int saved = errno;
    if (fd >= 0) opened(fd, name, existed, flags);
    else free(name);
    pthread_mutex_unlock(&mutex);
    errno = saved;
    return fd;
}

#define MODE(flags, mode) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { \
        va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); \
    }

int open(const char *path, int flags, ...) { MODE(flags, mode) return open_with(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags, mode) return open_with(AT_FDCWD, path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { MODE(flags, mode) return open_with(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE(flags, mode) return open_with(at, path, flags, mode); }
int creat(const char *path, mode_t mode) { return open_with(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return creat(path, mode); }

int close(int fd) {
    REAL(int, close, int);
    pthread_mutex_lock(&mutex);
    forget(fd);
    int result = real(fd);
    int saved = errno;
    pthread_mutex_unlock(&mutex);
    errno = saved;
    return result;
}

/* Why a file can't be written up to `end`, or 0. */
static int refusal(int fd, off_t end) {
    struct stat about;
    if (flag(read_only_flag)) return EROFS;
    return flag(full_flag) && fstat(fd, &about) == 0 && end > about.st_size ? ENOSPC : 0;
}

/* Where a write without an offset goes. */
static off_t place(int fd) {
    struct stat about;
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0 && (flags & O_APPEND) && fstat(fd, &about) == 0) return about.st_size;
    return lseek(fd, 0, SEEK_CUR);
}

ssize_t write(int fd, const void *data, size_t len) {
    REAL(ssize_t, write, int, const void *, size_t);
    if (!of(fd)) return real(fd, data, len);
    pthread_mutex_lock(&mutex);
    struct tracked *entry = of(fd);
    off_t offset = place(fd);
    ssize_t done = -1;
    int refused = refusal(fd, offset + (off_t)len);
    if (refused) errno = refused;
    else done = real(fd, data, len);
    int saved = errno;
    if (entry && done > 0) note(WRITE, entry->file, offset, NULL, NULL, data, done);
    pthread_mutex_unlock(&mutex);
    errno = saved;
    return done;
}

static ssize_t write_at(int fd, const void *data, size_t len, off_t offset) {
    REAL(ssize_t, pwrite, int, const void *, size_t, off_t);
    if (!of(fd)) return real(fd, data, len, offset);
    pthread_mutex_lock(&mutex);
    struct tracked *entry = of(fd);
    ssize_t done = -1;
    int refused = refusal(fd, offset + (off_t)len);
    if (refused) errno = refused;
    else done = real(fd, data, len, offset);
    int saved = errno;
    if (entry && done > 0) note(WRITE, entry->file, offset, NULL, NULL, data, done);
    pthread_mutex_unlock(&mutex);
    errno = saved;
    return done;
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset) { return write_at(fd, data, len, offset); }
ssize_t pwrite64(int fd, const void *data, size_t len, off_t offset) { return write_at(fd, data, len, offset); }

/* One part after the other: a short write is always allowed. */
ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(ssize_t, writev, int, const struct iovec *, int);
    if (!of(fd)) return real(fd, parts, count);
    for (int i = 0; i < count; i++)
        if (parts[i].iov_len) return write(fd, parts[i].iov_base, parts[i].iov_len);
    return 0;
}

static ssize_t writev_at(int fd, const struct iovec *parts, int count, off_t offset) {
    REAL(ssize_t, pwritev, int, const struct iovec *, int, off_t);
    if (!of(fd)) return real(fd, parts, count, offset);
    for (int i = 0; i < count; i++)
        if (parts[i].iov_len) return write_at(fd, parts[i].iov_base, parts[i].iov_len, offset);
    return 0;
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) { return writev_at(fd, parts, count, offset); }
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t offset) { return writev_at(fd, parts, count, offset); }

static int cut(int fd, off_t len) {
    REAL(int, ftruncate, int, off_t);
    if (!of(fd)) return real(fd, len);
    pthread_mutex_lock(&mutex);
    struct tracked *entry = of(fd);
    int result = -1;
    int refused = refusal(fd, len);
    if (refused) errno = refused;
    else result = real(fd, len);
    int saved = errno;
    if (entry && result == 0) note(TRUNCATE, entry->file, len, NULL, NULL, NULL, 0);
    pthread_mutex_unlock(&mutex);
    errno = saved;
    return result;
}

int ftruncate(int fd, off_t len) { return cut(fd, len); }
int ftruncate64(int fd, off_t len) { return cut(fd, len); }

/* The real sync is left out: a power cut is played from the log, and a test's disk is spared. */
static int synced(int fd) {
    struct tracked *entry = of(fd);
    int result = 0;
    if (flag(sync_flag)) {
        result = -1;
        if (!entry->folder) note(SYNC_FAILED, entry->file, 0, NULL, NULL, NULL, 0);
    } else if (entry->folder) {
        note(SYNC_FOLDER, entry->file, 0, entry->name, NULL, NULL, 0);
    } else {
        note(SYNC, entry->file, 0, NULL, NULL, NULL, 0);
    }
    if (result) errno = EIO;
    return result;
}

#define SYNCING(name) \
    int name(int fd) { \
        REAL(int, name, int); \
        if (!of(fd)) return real(fd); \
        pthread_mutex_lock(&mutex); \
        int result = of(fd) ? synced(fd) : real(fd); \
        pthread_mutex_unlock(&mutex); \
        return result; \
    }
SYNCING(fsync)
SYNCING(fdatasync)
SYNCING(syncfs)

static int renamed(int from_at, const char *from, int to_at, const char *to) {
    REAL(int, renameat, int, const char *, int, const char *);
    char *old = below(from_at, from), *new = below(to_at, to);
    pthread_mutex_lock(&mutex);
    int result = real(from_at, from, to_at, to);
    int saved = errno;
    if (result == 0 && old && new) note(RENAME, 0, 0, old, new, NULL, 0);
    else if (result == 0 && (old || new)) note(UNSUPPORTED, 0, 0, "rename across the folder's border", NULL, NULL, 0);
    pthread_mutex_unlock(&mutex);
    free(old);
    free(new);
    errno = saved;
    return result;
}

int rename(const char *from, const char *to) { return renamed(AT_FDCWD, from, AT_FDCWD, to); }
int renameat(int from_at, const char *from, int to_at, const char *to) { return renamed(from_at, from, to_at, to); }
int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags) {
    REAL(int, renameat2, int, const char *, int, const char *, unsigned);
    if (!flags) return renamed(from_at, from, to_at, to);
    char *name = below(from_at, from);
    if (name) note(UNSUPPORTED, 0, 0, "renameat2 with flags", NULL, NULL, 0);
    free(name);
    return real(from_at, from, to_at, to, flags);
}

static int removed(int at, const char *path, int flags) {
    REAL(int, unlinkat, int, const char *, int);
    char *name = below(at, path);
    pthread_mutex_lock(&mutex);
    int result = real(at, path, flags);
    int saved = errno;
    if (result == 0 && name) note(UNLINK, 0, 0, name, NULL, NULL, 0);
    pthread_mutex_unlock(&mutex);
    free(name);
    errno = saved;
    return result;
}

int unlink(const char *path) { return removed(AT_FDCWD, path, 0); }
int unlinkat(int at, const char *path, int flags) { return removed(at, path, flags); }
int rmdir(const char *path) { return removed(AT_FDCWD, path, AT_REMOVEDIR); }
int remove(const char *path) {
    struct stat about;
    int folder = lstat(path, &about) == 0 && S_ISDIR(about.st_mode);
    return removed(AT_FDCWD, path, folder ? AT_REMOVEDIR : 0);
}

static int made(int at, const char *path, mode_t mode) {
    REAL(int, mkdirat, int, const char *, mode_t);
    char *name = below(at, path);
    pthread_mutex_lock(&mutex);
    int result = real(at, path, mode);
    int saved = errno;
    if (result == 0 && name) note(MAKE_FOLDER, 0, 0, name, NULL, NULL, 0);
    pthread_mutex_unlock(&mutex);
    free(name);
    errno = saved;
    return result;
}

int mkdir(const char *path, mode_t mode) { return made(AT_FDCWD, path, mode); }
int mkdirat(int at, const char *path, mode_t mode) { return made(at, path, mode); }

static void unsupported(const char *what) {
    pthread_mutex_lock(&mutex);
    note(UNSUPPORTED, 0, 0, what, NULL, NULL, 0);
    pthread_mutex_unlock(&mutex);
}

void *mmap(void *address, size_t len, int protection, int flags, int fd, off_t offset) {
    REAL(void *, mmap, void *, size_t, int, int, int, off_t);
    if (of(fd) && (protection & PROT_WRITE) && (flags & MAP_SHARED)) unsupported("writable mapping");
    return real(address, len, protection, flags, fd, offset);
}
void *mmap64(void *address, size_t len, int protection, int flags, int fd, off_t offset) {
    return mmap(address, len, protection, flags, fd, offset);
}

ssize_t copy_file_range(int from, off_t *from_at, int to, off_t *to_at, size_t len, unsigned flags) {
    REAL(ssize_t, copy_file_range, int, off_t *, int, off_t *, size_t, unsigned);
    if (of(to)) { errno = EXDEV; return -1; } /* callers fall back to reading and writing */
    return real(from, from_at, to, to_at, len, flags);
}
ssize_t sendfile(int to, int from, off_t *from_at, size_t len) {
    REAL(ssize_t, sendfile, int, int, off_t *, size_t);
    if (of(to)) { errno = EINVAL; return -1; } /* the same */
    return real(to, from, from_at, len);
}
ssize_t sendfile64(int to, int from, off_t *from_at, size_t len) { return sendfile(to, from, from_at, len); }

static int reserve(int fd, int mode, off_t offset, off_t len) {
    REAL(int, fallocate, int, int, off_t, off_t);
    if (of(fd)) { errno = EOPNOTSUPP; return -1; } /* callers write instead */
    return real(fd, mode, offset, len);
}
int fallocate(int fd, int mode, off_t offset, off_t len) { return reserve(fd, mode, offset, len); }
int fallocate64(int fd, int mode, off_t offset, off_t len) { return reserve(fd, mode, offset, len); }
int posix_fallocate(int fd, off_t offset, off_t len) {
    REAL(int, posix_fallocate, int, off_t, off_t);
    if (of(fd)) return EINVAL; /* callers write instead */
    return real(fd, offset, len);
}
int posix_fallocate64(int fd, off_t offset, off_t len) { return posix_fallocate(fd, offset, len); }

static int linked(int from_at, const char *from, int to_at, const char *to, int flags) {
    REAL(int, linkat, int, const char *, int, const char *, int);
    char *name = below(to_at, to);
    if (name) unsupported("hard link");
    free(name);
    return real(from_at, from, to_at, to, flags);
}
int link(const char *from, const char *to) { return linked(AT_FDCWD, from, AT_FDCWD, to, 0); }
int linkat(int from_at, const char *from, int to_at, const char *to, int flags) { return linked(from_at, from, to_at, to, flags); }

/* A second descriptor of the same file would escape the table above. */
static int doubled(int fd, int copy) {
    if (copy >= 0) {
        pthread_mutex_lock(&mutex);
        struct tracked *entry = of(fd);
        if (copy != fd) forget(copy);
        if (entry && copy < MAX_FDS && copy != fd) {
            struct tracked *twin = calloc(1, sizeof *twin);
            if (!twin) abort();
            *twin = *entry;
            twin->name = strdup(entry->name);
            fds[copy] = twin;
        }
        pthread_mutex_unlock(&mutex);
    }
    return copy;
}
int dup(int fd) { REAL(int, dup, int); return doubled(fd, real(fd)); }
int dup2(int fd, int to) { REAL(int, dup2, int, int); return doubled(fd, real(fd, to)); }
int dup3(int fd, int to, int flags) { REAL(int, dup3, int, int, int); return doubled(fd, real(fd, to, flags)); }
static int control(int fd, int command, void *argument) {
    REAL(int, fcntl, int, int, ...);
    int result = real(fd, command, argument);
    if (command == F_DUPFD || command == F_DUPFD_CLOEXEC) return doubled(fd, result);
    return result;
}
int fcntl(int fd, int command, ...) {
    va_list rest; va_start(rest, command); void *argument = va_arg(rest, void *); va_end(rest);
    return control(fd, command, argument);
}
int fcntl64(int fd, int command, ...) {
    va_list rest; va_start(rest, command); void *argument = va_arg(rest, void *); va_end(rest);
    return control(fd, command, argument);
}
