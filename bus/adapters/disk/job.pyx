"""What a disk does without the GIL: sync, allocate, write back, let go of pages, write a file.

A Job carries one such task in C and keeps alive what the task borrows; it runs on a thread of the
engine (worker.pyx), or on the caller's.
"""

import os

from libc.errno cimport errno
from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free

from bus.adapters.disk.system cimport (
    disk_allocate,
    disk_let_go,
    disk_raise,
    disk_start_thread,
    disk_start_writing,
    disk_sync,
    disk_sync_directory,
    disk_sync_filesystem,
    disk_take,
    disk_write_file,
    pthread_t,
)

cdef extern from "<pthread.h>" nogil:
    int pthread_join(pthread_t, void**)

cdef enum:
    FILES_ONE_BY_ONE = 4  # up to here each file is synced in turn (S3)
    FILES_BY_THREADS = 64  # up to here by a small pool; above by syncfs where that is ours
    SYNC_THREADS = 8


cdef struct Pool:
    Task* task
    int next  # index of the file that the next free thread takes
    int error


cdef void* sync_from_pool(void* argument) noexcept nogil:
    cdef Pool* pool = <Pool*>argument
    cdef int index
    cdef int error
    while True:
        index = disk_take(&pool.next)
        if index >= pool.task.file_count:
            return NULL
        error = disk_sync(pool.task.fds[index])
        if error:
            pool.error = error


cdef int sync_by_threads(Task* task) noexcept nogil:
    cdef pthread_t threads[SYNC_THREADS]
    cdef Pool pool
    cdef int started = 0
    cdef int index
    pool.task = task
    pool.next = 0
    pool.error = 0
    for _ in range(SYNC_THREADS - 1):
        if disk_start_thread(&threads[started], sync_from_pool, &pool) == 0:
            started += 1
    sync_from_pool(&pool)
    for index in range(started):
        pthread_join(threads[index], NULL)
    return pool.error


cdef int run_sync(Task* task) noexcept nogil:
    """All files, then the directories that hold new ones; the first error ends it (S4)."""
    cdef Py_ssize_t index
    cdef int error = 0
    if task.file_count > FILES_BY_THREADS and not task.shared_filesystem:
        return disk_sync_filesystem(task.fds[0])
    if task.file_count > 1:
        for index in range(task.file_count):
            disk_start_writing(task.fds[index], 0, 1 << 62)
    if task.file_count > FILES_ONE_BY_ONE:
        error = sync_by_threads(task)
    else:
        for index in range(task.file_count):
            if not error:
                error = disk_sync(task.fds[index])
    for index in range(task.file_count, task.file_count + task.directory_count):
        if not error and disk_sync_directory(task.fds[index]) != 0:
            error = errno
    return error


cdef void run_task(Task* task) noexcept nogil:
    if task.kind == SYNC:
        task.error = run_sync(task)
    elif task.kind == ALLOCATE:
        task.error = disk_allocate(task.fds[0], task.start, task.stop)
        if not task.error:
            disk_raise(task.allocated, task.stop)
    elif task.kind == WRITE_BACK:
        disk_start_writing(task.fds[0], task.start, task.stop)
    elif task.kind == LET_GO:
        task.error = disk_let_go(task.fds[0], task.address, task.start, task.stop)
    else:
        task.error = disk_write_file(
            task.path, task.path_aside, task.path_parent, task.data, task.size
        )


cdef bytes path_bytes(object path):
    return os.fsencode(path)


cdef class Job:
    """One thing to do without the GIL, and all that must stay alive until it is done."""

    def __cinit__(self):
        self.task.job = <void*>self

    def __dealloc__(self):
        free(self.task.fds)

    @property
    def error(self):
        """The OSError that it ended with, or None."""
        if self.task.error == 0:
            return None
        return OSError(self.task.error, os.strerror(self.task.error))

    @property
    def is_sync(self):
        """Is it a SYNC, whose error ends the disk?"""
        return self.task.kind == SYNC

    cdef int run(self) noexcept:
        """Do it here and now; the errno."""
        with nogil:
            run_task(&self.task)
        return self.task.error

    def run_now(self):
        """Do it on the calling thread; the OSError or None."""
        self.run()
        return self.error


cdef int* copy_fds(list fds) except NULL:
    cdef int* copy = <int*>calloc(max(1, len(fds)), sizeof(int))
    if copy == NULL:
        raise MemoryError
    for index, fd in enumerate(fds):
        copy[index] = fd
    return copy


def sync_job(list files not None, list directories not None, kept, done, bint shared_filesystem):
    """fdatasync of descriptors `files`, then fsync of `directories`; `kept` holds them open."""
    cdef Job job = Job()
    job.task.kind = SYNC
    job.task.fds = copy_fds(files + directories)
    job.task.file_count = len(files)
    job.task.directory_count = len(directories)
    job.task.shared_filesystem = shared_filesystem
    job.kept = kept
    job.done = done
    return job


def write_back_job(int fd, int64_t start, int64_t stop, kept):
    """Start writing dirty pages of a range, so that the kernel never has to throttle appends."""
    cdef Job job = Job()
    job.task.kind = WRITE_BACK
    job.task.fds = copy_fds([fd])
    job.task.start = start
    job.task.stop = stop
    job.kept = kept
    return job


def let_go_job(int fd, int64_t start, int64_t stop, kept):
    """Write a range and drop its pages from memory; `kept` holds the file open."""
    cdef Job job = write_back_job(fd, start, stop, kept)
    job.task.kind = LET_GO
    return job


def write_job(path, data, bint durable, done):
    """A whole file: durably aside, synced, renamed; or in place and left to the kernel."""
    cdef Job job = Job()
    cdef bytes name = path_bytes(path)
    cdef bytes aside = name + b".new"
    cdef bytes parent = os.path.dirname(name)
    cdef bytes content = bytes(data)
    job.task.kind = WRITE
    job.task.path = name
    job.task.path_aside = <char*>aside if durable else NULL
    job.task.path_parent = parent
    job.task.data = content
    job.task.size = len(content)
    job.kept = (name, aside, parent, content)
    job.done = done
    return job
