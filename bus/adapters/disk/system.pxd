# The kernel's calls that a disk needs, one name each for Linux and macOS. All return an errno.

from libc.stdint cimport int64_t

cdef enum:
    PAGE_MAX = 65536  # the largest page of any system: a mapping may begin at its multiples

cdef extern from "<pthread.h>" nogil:
    ctypedef struct pthread_t:
        pass

cdef extern from *:
    """
    #include <errno.h>
    #include <fcntl.h>
    #include <pthread.h>
    #include <signal.h>
    #include <stdint.h>
    #include <stdio.h>
    #include <sys/mman.h>
    #include <sys/stat.h>
    #include <sys/uio.h>
    #include <unistd.h>
    #ifdef __linux__
    #include <sys/eventfd.h>
    #endif

    static inline int disk_sync(int fd) {
    #ifdef __APPLE__
        if (fcntl(fd, F_FULLFSYNC) == 0) return 0;
        return fsync(fd) ? errno : 0;
    #else
        return fdatasync(fd) ? errno : 0;
    #endif
    }

    static inline int disk_sync_filesystem(int fd) {
    #ifdef __linux__
        return syncfs(fd) ? errno : 0;
    #else
        (void)fd;
        return ENOSYS;
    #endif
    }

    static inline void disk_start_writing(int fd, int64_t start, int64_t stop) {
    #ifdef __linux__
        (void)sync_file_range(fd, start, stop - start, SYNC_FILE_RANGE_WRITE);
    #else
        (void)fd, (void)start, (void)stop;
    #endif
    }

    /* Write a range and give its memory back, also where it is mapped: a later read of it comes
     * from the disk. An error of writing must be heeded: it is told only once (S4). */
    static inline int disk_let_go(int fd, char *address, int64_t start, int64_t stop) {
    #ifdef __linux__
        if (sync_file_range(fd, start, stop - start,
                            SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
                                SYNC_FILE_RANGE_WAIT_AFTER))
            return errno;
        if (address)
            (void)madvise(address + start, (size_t)(stop - start), MADV_DONTNEED);
        (void)posix_fadvise(fd, start, stop - start, POSIX_FADV_DONTNEED);
    #else
        (void)fd, (void)address, (void)start, (void)stop;
    #endif
        return 0;
    }

    /* Whether all pages of a range of a mapping, from the beginning of one on, are in memory. */
    static inline int disk_in_memory(char *address, size_t size) {
        enum { CHUNK = 1024 };
        const size_t page = (size_t)sysconf(_SC_PAGESIZE);
        for (size_t at = 0; at < size; at += CHUNK * page) {
            size_t piece = size - at < CHUNK * page ? size - at : CHUNK * page;
    #ifdef __APPLE__
            char pages[CHUNK];
    #else
            unsigned char pages[CHUNK];
    #endif
            if (mincore(address + at, piece, pages)) return 0;
            for (size_t i = 0; i < (piece + page - 1) / page; i++)
                if (!(pages[i] & 1)) return 0;
        }
        return 1;
    }

    static inline int disk_write_all(int fd, const unsigned char *data, int64_t size, int64_t at) {
        while (size > 0) {
            ssize_t count = pwrite(fd, data, (size_t)size, at);
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) return errno;
            if (count == 0) return EIO; /* no progress and no reason: never try for ever */
            data += count, at += count, size -= count;
        }
        return 0;
    }

    /* Two pieces one behind the other, in one call as a rule. */
    static inline int disk_write_two(int fd, const unsigned char *head, int64_t head_size,
                                     const unsigned char *body, int64_t body_size, int64_t at) {
        struct iovec pieces[2] = {{(void *)head, (size_t)head_size},
                                  {(void *)body, (size_t)body_size}};
        ssize_t count = pwritev(fd, pieces, 2, at);
        if (count < 0 && errno != EINTR) return errno;
        if (count < 0) count = 0;
        if (count < head_size) {
            int error = disk_write_all(fd, head + count, head_size - count, at + count);
            if (error) return error;
            count = head_size;
        }
        return disk_write_all(fd, body + (count - head_size), head_size + body_size - count,
                              at + count);
    }

    static inline int disk_write_zeros(int fd, int64_t start, int64_t stop) {
        static const unsigned char zeros[65536];
        while (start < stop) {
            int64_t size = stop - start < 65536 ? stop - start : 65536;
            int error = disk_write_all(fd, zeros, size, start);
            if (error) return error;
            start += size;
        }
        return 0;
    }

    /* Blocks for [start, stop), and a length of at least `stop`. Bytes that are there stay. */
    static inline int disk_allocate(int fd, int64_t start, int64_t stop) {
    #ifdef __linux__
        int result;
        do {
            result = fallocate(fd, 0, start, stop - start);
        } while (result && errno == EINTR);
        if (!result) return 0;
        if (errno != EOPNOTSUPP && errno != ENOSYS) return errno;
    #endif
        struct stat facts;
        if (fstat(fd, &facts)) return errno;
    #ifdef __APPLE__
        fstore_t wish = {F_ALLOCATEALL, F_PEOFPOSMODE, 0, stop - facts.st_size, 0};
        if (facts.st_size < stop && fcntl(fd, F_PREALLOCATE, &wish) == 0)
            return ftruncate(fd, stop) ? errno : 0;
    #endif
        return disk_write_zeros(fd, facts.st_size > start ? facts.st_size : start, stop);
    }

    static inline int disk_sync_path(const char *path) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0) return errno;
        int error = fsync(fd) ? errno : 0;
        close(fd);
        return error;
    }

    static inline int disk_write_file(const char *path, const char *aside, const char *parent,
                               const unsigned char *data, int64_t size) {
        int fd = open(aside ? aside : path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (fd < 0) return errno;
        int error = disk_write_all(fd, data, size, 0);
        if (!error && aside) error = fsync(fd) ? errno : 0;
        if (close(fd) && !error) error = errno;
        if (!error && aside && rename(aside, path)) error = errno;
        return error || !aside ? error : disk_sync_path(parent);
    }

    static inline int disk_open_notifier(int fds[2]) {
    #ifdef __linux__
        fds[0] = fds[1] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        return fds[0] < 0 ? errno : 0;
    #else
        if (pipe(fds)) return errno;
        for (int i = 0; i < 2; i++) {
            fcntl(fds[i], F_SETFD, FD_CLOEXEC);
            fcntl(fds[i], F_SETFL, O_NONBLOCK);
        }
        return 0;
    #endif
    }

    /* A full pipe or counter is a wake-up that is already under way. */
    static inline void disk_notify(int fd) {
        uint64_t one = 1;
        ssize_t ignored = write(fd, &one, sizeof one);
        (void)ignored;
    }

    static inline int disk_take(int *next) { return __atomic_fetch_add(next, 1, __ATOMIC_RELAXED); }

    static inline void disk_raise(int64_t *place, int64_t value) {
        if (__atomic_load_n(place, __ATOMIC_ACQUIRE) < value)
            __atomic_store_n(place, value, __ATOMIC_RELEASE);
    }

    static inline int disk_start_thread(pthread_t *thread, void *(*main)(void *), void *argument) {
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        int error = pthread_create(thread, NULL, main, argument);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return error;
    }
    """
    int disk_sync(int fd) nogil
    int disk_sync_filesystem(int fd) nogil
    int disk_sync_directory "fsync"(int fd) nogil
    void disk_start_writing(int fd, int64_t start, int64_t stop) nogil
    bint disk_in_memory(char* address, size_t size) nogil
    int disk_let_go(int fd, char* address, int64_t start, int64_t stop) nogil
    int disk_allocate(int fd, int64_t start, int64_t stop) nogil
    int disk_write_file(const char* path, const char* aside, const char* parent,
                        const unsigned char* data, int64_t size) nogil
    int disk_write_all(int fd, const unsigned char* data, int64_t size, int64_t at) nogil
    int disk_write_two(int fd, const unsigned char* head, int64_t head_size,
                       const unsigned char* body, int64_t body_size, int64_t at) nogil
    int disk_open_notifier(int* fds) nogil
    void disk_notify(int fd) nogil
    int disk_take(int* next) nogil
    void disk_raise(int64_t* place, int64_t value) nogil
    int disk_start_thread(pthread_t* thread, void* (*main)(void*) noexcept nogil,
                          void* argument) nogil
