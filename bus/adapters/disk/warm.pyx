"""Bytes of a file that are in memory anyway: a mapping of them that lives as long as its views."""

import os

from libc.stdint cimport int64_t

from bus.adapters.disk.system cimport PAGE_MAX, disk_in_memory
from bus.native.exported cimport export_bytes

cdef extern from "<sys/mman.h>" nogil:
    void* mmap(void* address, size_t length, int protection, int flags, int fd, int64_t offset)
    int munmap(void* address, size_t length)
    int PROT_READ, MAP_SHARED
    void* MAP_FAILED

cdef extern from "<errno.h>" nogil:
    int errno


cdef class Range:
    """Some bytes of a file."""
    cdef char* address
    cdef size_t mapped
    cdef Py_ssize_t skipped  # from where the mapping begins to where the range does

    def __cinit__(self, int fd, int64_t start, int64_t stop):
        cdef int64_t first = start // PAGE_MAX * PAGE_MAX
        cdef void* address = mmap(NULL, stop - first, PROT_READ, MAP_SHARED, fd, first)
        if address == MAP_FAILED:
            raise OSError(errno, os.strerror(errno))
        self.address = <char*>address
        self.mapped = stop - first
        self.skipped = start - first

    def __getbuffer__(self, Py_buffer* view, int flags):
        export_bytes(
            view, self, self.address + self.skipped, self.mapped - self.skipped, True, flags
        )

    def __dealloc__(self):
        if self.address != NULL:
            munmap(self.address, self.mapped)


def view_in_memory(int fd, int64_t start, int64_t stop):
    cdef Range found
    assert 0 <= start < stop, "a range of some bytes"
    if os.fstat(fd).st_size < stop:  # someone has cut it: what is not there must not be touched
        return None
    found = Range(fd, start, stop)
    if not disk_in_memory(found.address, found.mapped):
        return None
    return memoryview(found)
