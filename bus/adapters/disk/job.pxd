# A task for the native threads of one disk: its layout, shared with region and worker.

from libc.stdint cimport int64_t


cdef struct Task:
    int kind  # one of the Kind values
    int error  # errno, 0 when all went well
    int* fds  # SYNC: files, then directories; ALLOCATE, WRITE_BACK, LET_GO: one file
    Py_ssize_t file_count
    Py_ssize_t directory_count
    int64_t start  # ALLOCATE, WRITE_BACK, LET_GO: the range
    int64_t stop
    int64_t* allocated  # ALLOCATE: raised to `stop` when done
    char* address  # LET_GO: of the file's mapping, NULL if there is none
    char* path  # WRITE: absolute, and the name beside it that is written first
    char* path_aside  # NULL: written in place, and not synced
    char* path_parent
    const unsigned char* data
    Py_ssize_t size
    int shared_filesystem  # SYNC: syncfs() would sync others' files too
    void* job  # the Job that owns this, borrowed
    Task* following


cdef enum Kind:
    SYNC = 0
    ALLOCATE = 1
    WRITE_BACK = 2
    LET_GO = 3
    WRITE = 4


cdef class Job:
    """One thing to do without the GIL, and all that must stay alive until it is done."""
    cdef Task task
    cdef object kept  # references that the task borrows
    cdef readonly object done  # called with an OSError or None, or None

    cdef int run(self) noexcept


cdef void run_task(Task* task) noexcept nogil
