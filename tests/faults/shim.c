/* shim.c: a disk that fails on request, between a process and the C library (LD_PRELOAD).
 *
 * FAULTS_FILE names a file that the test maps, too; both sides read and write it at any time:
 *
 *   byte  size  field
 *      0    64  rules        one a kind of call, 16 bytes each: sync, write, read, allocate
 *     64   192  part         only files whose path contains this text; empty: all
 *
 *   a rule, native int32:
 *      0     4  error        errno to fail with; 0: do half of a write and no more
 *      4     4  left         so many calls fail; -1: all; 0: none
 *      8     4  hits         so many have failed
 *     12     4  passing      so many calls go through first
 *
 * Only plain files are touched. Calls that the C library makes inside of itself are not seen. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { SYNC, WRITE, READ, ALLOCATE, KINDS };

struct rule {
    int32_t error, left, hits, passing;
};

struct control {
    struct rule rules[KINDS];
    char part[192];
};

static struct control *control;

__attribute__((constructor)) static void attach(void) {
    const char *path = getenv("FAULTS_FILE");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *mapped = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped != MAP_FAILED)
        control = mapped;
}

static int is_meant(int fd) {
    struct stat facts;
    char link[64], path[4096];
    if (fstat(fd, &facts) || S_ISSOCK(facts.st_mode) || S_ISFIFO(facts.st_mode))
        return 0;
    if (!control->part[0])
        return 1;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0)
        return 0;
    path[size] = 0;
    return strstr(path, control->part) != NULL;
}

/* -1: let the call through; else the errno to fail with. */
static int verdict(int kind, int fd) {
    if (!control)
        return -1;
    struct rule *rule = &control->rules[kind];
    if (!__atomic_load_n(&rule->left, __ATOMIC_ACQUIRE) || !is_meant(fd))
        return -1;
    if (__atomic_load_n(&rule->passing, __ATOMIC_ACQUIRE) > 0) {
        __atomic_fetch_sub(&rule->passing, 1, __ATOMIC_ACQ_REL);
        return -1;
    }
    if (rule->left > 0)
        __atomic_fetch_sub(&rule->left, 1, __ATOMIC_ACQ_REL);
    __atomic_fetch_add(&rule->hits, 1, __ATOMIC_ACQ_REL);
    return rule->error;
}

#define REAL(name) __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)
#define FAIL_IF_TOLD(kind, fd)                                                                     \
    int error = verdict(kind, fd);                                                                 \
    if (error > 0)                                                                                 \
    return errno = error, -1

#define ONE_DESCRIPTOR(name)                                                                       \
    int name(int fd) {                                                                             \
        REAL(name);                                                                                \
        FAIL_IF_TOLD(SYNC, fd);                                                                    \
        return real(fd);                                                                           \
    }
ONE_DESCRIPTOR(fdatasync)
ONE_DESCRIPTOR(fsync)
ONE_DESCRIPTOR(syncfs)

#define PLAIN_WRITE(name, offset)                                                                  \
    ssize_t name(int fd, const void *data, size_t size, offset at) {                               \
        REAL(name);                                                                                \
        FAIL_IF_TOLD(WRITE, fd);                                                                   \
        return real(fd, data, error == 0 && size > 1 ? size / 2 : size, at);                       \
    }
PLAIN_WRITE(pwrite, off_t)
PLAIN_WRITE(pwrite64, off64_t)

#define VECTOR_WRITE(name, offset)                                                                 \
    ssize_t name(int fd, const struct iovec *pieces, int count, offset at) {                       \
        REAL(name);                                                                                \
        FAIL_IF_TOLD(WRITE, fd);                                                                   \
        if (error == 0 && pieces[0].iov_len > 1) {                                                 \
            struct iovec half = {pieces[0].iov_base, pieces[0].iov_len / 2};                       \
            return real(fd, &half, 1, at);                                                         \
        }                                                                                          \
        return real(fd, pieces, count, at);                                                        \
    }
VECTOR_WRITE(pwritev, off_t)
VECTOR_WRITE(pwritev64, off64_t)

#define PLAIN_READ(name, offset)                                                                   \
    ssize_t name(int fd, void *data, size_t size, offset at) {                                     \
        REAL(name);                                                                                \
        FAIL_IF_TOLD(READ, fd);                                                                    \
        return real(fd, data, size, at);                                                           \
    }
PLAIN_READ(pread, off_t)
PLAIN_READ(pread64, off64_t)

#define VECTOR_READ(name, offset)                                                                  \
    ssize_t name(int fd, const struct iovec *pieces, int count, offset at) {                       \
        REAL(name);                                                                                \
        FAIL_IF_TOLD(READ, fd);                                                                    \
        return real(fd, pieces, count, at);                                                        \
    }
VECTOR_READ(preadv, off_t)
VECTOR_READ(preadv64, off64_t)

#define FLAGGED_READ(name, offset)                                                                 \
    ssize_t name(int fd, const struct iovec *pieces, int count, offset at, int flags) {            \
        REAL(name);                                                                                \
        FAIL_IF_TOLD(READ, fd);                                                                    \
        return real(fd, pieces, count, at, flags);                                                 \
    }
FLAGGED_READ(preadv2, off_t)
FLAGGED_READ(preadv64v2, off64_t)

#define ALLOCATES(name, offset)                                                                    \
    int name(int fd, int mode, offset start, offset size) {                                        \
        REAL(name);                                                                                \
        FAIL_IF_TOLD(ALLOCATE, fd);                                                                \
        return real(fd, mode, start, size);                                                        \
    }
ALLOCATES(fallocate, off_t)
ALLOCATES(fallocate64, off64_t)
