"""A file mapped for appends: address space for its limit at once, blocks as they are needed.

The whole limit (segment.bytes) is mapped when the region is opened, so that `grow` never moves
the mapping and every view stays good; `buffer` shows only the part that has blocks behind it.
Touching the rest would be a SIGBUS, and nobody is handed a view of it.

Appends go in by `write` (pwritev) and not through the mapping, which readers use: the page cache
is one, a write takes no page fault, and only the blocks that were written become dirty
(docs/decisions/page-cache.md).

Three lives that end one after the other: the Region (the log lets go by `close`), the Mapping
(the last view of it is released), the File (the last commit has synced it). The file is cut to
the log's end when the third one ends, never while anyone maps it (S2), and its descriptor stays
the same from creation to its last sync (S3).
"""

import os

from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport calloc

from bus.adapters.disk.job cimport ALLOCATE, Job
from bus.adapters.disk.system cimport PAGE_MAX, disk_allocate, disk_in_memory, disk_write_two
from bus.native.exported cimport export_bytes

from bus.errors import DiskFull

cdef extern from "<sys/mman.h>" nogil:
    void* mmap(void* address, size_t length, int protection, int flags, int fd, int64_t offset)
    int munmap(void* address, size_t length)
    int PROT_READ, PROT_WRITE, MAP_SHARED
    void* MAP_FAILED

cdef extern from "<unistd.h>" nogil:
    int ftruncate(int fd, int64_t length)
    int close(int fd)
    int getpid()

cdef extern from * nogil:
    """
    #include <fcntl.h>
    static void forget_pages(int fd) {
    #ifdef POSIX_FADV_DONTNEED
        posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    #else
        (void)fd;
    #endif
    }
    """
    void forget_pages(int fd)

cdef extern from "<errno.h>" nogil:
    int errno
    int ENOSPC, EDQUOT

cdef enum:
    PAGE = 4096
    GIL_BYTES = 32768  # above it a copy is worth releasing the GIL


cdef object os_error(int error, str path):
    if error == ENOSPC or error == EDQUOT:
        return DiskFull(f"The disk has no room for the next piece of {path}: free some space.")
    return OSError(error, os.strerror(error), path)


cdef class File:
    """An open file, closed when nobody refers to it any more."""
    cdef readonly int fd
    cdef readonly str path
    cdef int64_t allocated  # bytes from the start that have blocks; raised by the allocator
    cdef int64_t cut_to  # length to cut to at the end, -1 for none
    cdef bint drop  # leave the page cache at the end
    cdef int owner  # pid that may cut

    def __cinit__(self, int fd, str path, int64_t size):
        self.fd = fd
        self.path = path
        self.allocated = size
        self.cut_to = -1
        self.drop = False
        self.owner = getpid()

    def __dealloc__(self):
        if self.cut_to >= 0 and self.owner == getpid():
            ftruncate(self.fd, self.cut_to)
        if self.drop:
            forget_pages(self.fd)
        close(self.fd)


cdef class Mapping:
    """The address space of one file; unmapped when the last view is gone."""
    cdef void* address
    cdef Py_ssize_t size
    cdef File file
    cdef Py_ssize_t views  # taken and not yet released

    def __cinit__(self, File file not None, Py_ssize_t size):
        self.file = file
        self.address = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file.fd, 0)
        if self.address == MAP_FAILED:
            self.address = NULL
            raise OSError(errno, os.strerror(errno), file.path)
        self.size = size

    def __getbuffer__(self, Py_buffer* view, int flags):
        export_bytes(view, self, self.address, self.size, False, flags)
        self.views += 1

    def __releasebuffer__(self, Py_buffer* view):
        self.views -= 1

    def __dealloc__(self):
        if self.address != NULL:
            munmap(self.address, self.size)


cdef class MappedRegion:
    """The Region port over a real file. See the module for who lives how long."""
    cdef readonly str path
    cdef readonly int64_t capacity
    cdef readonly int64_t limit
    cdef public bint fresh  # its name is not yet durable: the first commit syncs the directory
    cdef readonly File file
    cdef readonly int64_t asked  # what `prepare` was last asked for
    cdef Mapping mapping

    def __init__(self, int fd, str path, int64_t size, int64_t limit, bint fresh):
        """Takes over `fd`, whose file has `size` bytes. Raises DiskFull for a file with holes."""
        cdef File file = File(fd, path, size)
        cdef int error = 0
        if size:
            with nogil:
                error = disk_allocate(fd, 0, size)
        if error:
            raise os_error(error, path)
        self.path = path
        self.file = file
        self.limit = max(size, limit, 1)
        self.fresh = fresh
        self.mapping = Mapping(file, self.limit)
        self.capacity = self.asked = size

    @property
    def buffer(self):
        """Writable bytes; take it anew after `grow`."""
        return memoryview(self.mapping)[:self.capacity]

    def write(self, int64_t position, const uint8_t[::1] head not None,
              const uint8_t[::1] body not None):
        """Put two pieces one behind the other; OSError or DiskFull, and then they do not count."""
        cdef const uint8_t* first = &head[0] if head.shape[0] else NULL
        cdef const uint8_t* second = &body[0] if body.shape[0] else NULL
        cdef int64_t first_size = head.shape[0]
        cdef int64_t second_size = body.shape[0]
        cdef int fd = self.file.fd
        cdef int error
        assert 0 <= position and position + first_size + second_size <= self.capacity, \
            "only allocated bytes may be written"
        if second_size > GIL_BYTES:
            with nogil:
                error = disk_write_two(fd, first, first_size, second, second_size, position)
        else:
            error = disk_write_two(fd, first, first_size, second, second_size, position)
        if error:
            raise os_error(error, self.path)

    def view(self, int64_t start, int64_t stop):
        """Bytes for a reader: not writable, valid for as long as they are held."""
        assert 0 <= start <= stop <= self.capacity, "only allocated bytes may be touched"
        return memoryview(self.mapping)[start:stop].toreadonly()

    @property
    def is_shared(self):
        """Does anyone hold a view?"""
        return self.mapping.views > 0

    def is_resident(self, int64_t start, int64_t stop):
        """Are all pages of a range in memory, so that reading them cannot wait for the disk?"""
        cdef int64_t first = start // PAGE_MAX * PAGE_MAX
        assert 0 <= start <= stop <= self.capacity, "only allocated bytes may be touched"
        return disk_in_memory(<char*>self.mapping.address + first, stop - first)

    def allocation(self, int64_t capacity):
        """The job that makes room up to `capacity`, or None if nothing is to be done."""
        cdef int64_t stop = min(self.limit, (capacity + PAGE - 1) // PAGE * PAGE)
        cdef Job job
        if self.mapping is None or stop <= self.asked:
            return None
        job = Job()
        job.task.kind = ALLOCATE
        job.task.fds = <int*>calloc(1, sizeof(int))
        if job.task.fds == NULL:
            raise MemoryError
        job.task.fds[0] = self.file.fd
        job.task.start = self.capacity
        job.task.stop = stop
        job.task.allocated = &self.file.allocated
        job.kept = self.file
        self.asked = stop
        return job

    def unmap(self, Job job not None):
        """Let a LET_GO job drop the pages from this mapping, too."""
        if self.mapping is not None:
            job.task.address = <char*>self.mapping.address
            job.kept = (self.file, self.mapping)

    def grow(self, int64_t capacity):
        """Make at least `capacity` bytes writable. Raises DiskFull, and then nothing changed."""
        cdef int64_t stop = min(self.limit, (capacity + PAGE - 1) // PAGE * PAGE)
        cdef int error = 0
        assert capacity <= self.limit, "a region never grows beyond its limit"
        if capacity <= self.capacity:
            return
        if self.file.allocated < stop:
            with nogil:
                error = disk_allocate(self.file.fd, self.capacity, stop)
            if error:
                self.asked = self.capacity
                raise os_error(error, self.path)
            self.file.allocated = max(self.file.allocated, stop)
        self.capacity = max(stop, min(self.file.allocated, self.limit))
        self.asked = max(self.asked, self.capacity)

    def close(self, end=None, cached=True):
        """Let go. With `end`, the file is cut to it once nobody maps it (S2)."""
        if end is not None and self.file is not None:
            self.file.cut_to = end
            self.file.drop = not cached
        self.mapping = None
        self.file = None
        self.capacity = 0
