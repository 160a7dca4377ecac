"""Native threads for what a disk is slow at, and the descriptor through which they report.

A job goes into the queue of one of four threads, runs without the GIL and comes back through one
descriptor (an eventfd, elsewhere a pipe) that an event loop watches:

thread      jobs                    why it is one of its own
------      ----                    ------------------------
flusher     SYNC                    group commit: nothing may stand before it
allocator   ALLOCATE                ahead of the appends: must not wait for a flush
writer      WRITE                   checkpoints and indexes: nobody waits for them
cleaner     WRITE_BACK, LET_GO      behind the appends, as slow as the disk

Threads start with their first job. Signals are blocked in them, so that Python's handlers run on
the main thread. After a fork the child has none of them: its engine refuses to work.
"""

import os
import select

from bus.adapters.disk.job cimport Job, Task, run_task
from bus.adapters.disk.system cimport (
    disk_notify,
    disk_open_notifier,
    disk_start_thread,
    pthread_t,
)

cdef extern from "<unistd.h>" nogil:
    int close(int fd)
    int getpid()

cdef extern from "<pthread.h>" nogil:
    ctypedef struct pthread_mutex_t:
        pass
    ctypedef struct pthread_cond_t:
        pass
    int pthread_join(pthread_t, void**)
    int pthread_mutex_init(pthread_mutex_t*, void*)
    int pthread_mutex_destroy(pthread_mutex_t*)
    int pthread_mutex_lock(pthread_mutex_t*)
    int pthread_mutex_unlock(pthread_mutex_t*)
    int pthread_cond_init(pthread_cond_t*, void*)
    int pthread_cond_destroy(pthread_cond_t*)
    int pthread_cond_wait(pthread_cond_t*, pthread_mutex_t*)
    int pthread_cond_signal(pthread_cond_t*)

cdef enum:
    JOBS_QUEUED_MAX = 256  # a thread's queue; a full one is the caller's to deal with
    THREADS = 4


cdef struct Shared:
    pthread_mutex_t mutex  # of the list of done tasks
    Task* done_first
    Task* done_last
    int notify_fd


cdef struct Thread:
    pthread_t thread
    pthread_mutex_t mutex
    pthread_cond_t wake
    Task* first
    Task* last
    int count
    int started
    int stopping
    Shared* shared


cdef void finish(Shared* shared, Task* task) noexcept nogil:
    task.following = NULL
    pthread_mutex_lock(&shared.mutex)
    if shared.done_last == NULL:
        shared.done_first = task
    else:
        shared.done_last.following = task
    shared.done_last = task
    pthread_mutex_unlock(&shared.mutex)
    disk_notify(shared.notify_fd)


cdef void* thread_main(void* argument) noexcept nogil:
    cdef Thread* self = <Thread*>argument
    cdef Task* task
    while True:
        pthread_mutex_lock(&self.mutex)
        while self.first == NULL and not self.stopping:
            pthread_cond_wait(&self.wake, &self.mutex)
        task = self.first
        if task == NULL:
            pthread_mutex_unlock(&self.mutex)
            return NULL
        self.first = task.following
        if self.first == NULL:
            self.last = NULL
        self.count -= 1
        pthread_mutex_unlock(&self.mutex)
        run_task(task)
        finish(self.shared, task)


cdef class Engine:
    """The threads of one disk, and the descriptor through which their jobs come back."""

    cdef Shared shared
    cdef Thread threads[THREADS]
    cdef int notifier[2]
    cdef set under_way  # jobs in queues: what keeps their memory alive
    cdef int owner  # pid that may use the threads
    cdef bint closed

    def __cinit__(self):
        cdef int index
        self.closed = True
        cdef int error = disk_open_notifier(self.notifier)
        if error:
            raise OSError(error, os.strerror(error))
        self.closed = False
        self.owner = getpid()
        self.under_way = set()
        self.shared.notify_fd = self.notifier[1]
        pthread_mutex_init(&self.shared.mutex, NULL)
        for index in range(THREADS):
            self.threads[index].shared = &self.shared
            pthread_mutex_init(&self.threads[index].mutex, NULL)
            pthread_cond_init(&self.threads[index].wake, NULL)

    def __dealloc__(self):
        self.stop()

    def fileno(self):
        """Readable while finished jobs wait for `drain`."""
        return self.notifier[0]

    @property
    def busy(self):
        """Jobs that are not yet drained."""
        return len(self.under_way)

    def submit(self, int index, Job job not None):
        """Queue a job on a thread: 0 flusher, 1 allocator, 2 writer, 3 cleaner.

        False: its queue is full.
        """
        cdef Thread* thread = &self.threads[index]
        cdef Task* task = &job.task
        cdef int error = 0
        if self.closed or self.owner != getpid():
            raise ValueError("this disk is closed, or belongs to the parent process")
        if thread.count >= JOBS_QUEUED_MAX:
            return False
        if not thread.started:
            error = disk_start_thread(&thread.thread, thread_main, thread)
            if error:
                raise OSError(error, os.strerror(error))
            thread.started = 1
        self.under_way.add(job)
        with nogil:
            task.following = NULL
            pthread_mutex_lock(&thread.mutex)
            if thread.last == NULL:
                thread.first = task
            else:
                thread.last.following = task
            thread.last = task
            thread.count += 1
            pthread_cond_signal(&thread.wake)
            pthread_mutex_unlock(&thread.mutex)
        return True

    def drain(self):
        """The jobs that finished since the last call, in the order in which they did."""
        cdef Task* task
        cdef list jobs = []
        try:
            os.read(self.notifier[0], 4096)
        except BlockingIOError:
            pass
        pthread_mutex_lock(&self.shared.mutex)
        task = self.shared.done_first
        self.shared.done_first = self.shared.done_last = NULL
        pthread_mutex_unlock(&self.shared.mutex)
        while task != NULL:
            job = <Job>task.job
            task = task.following
            self.under_way.discard(job)
            jobs.append(job)
        return jobs

    def wait(self, timeout):
        """Sleep until a job has finished, at most `timeout` seconds; None is for ever."""
        poll = select.poll()
        poll.register(self.notifier[0], select.POLLIN)
        return bool(poll.poll(None if timeout is None else max(0.0, timeout) * 1000))

    def wake(self):
        """Make the descriptor readable although no job has finished."""
        disk_notify(self.notifier[1])

    def join(self):
        """Let the threads finish their queues and end; `drain` still gives what they did."""
        cdef int index
        cdef Thread* thread
        for index in range(THREADS):
            thread = &self.threads[index]
            if not thread.started or self.owner != getpid():
                continue
            with nogil:
                pthread_mutex_lock(&thread.mutex)
                thread.stopping = 1
                pthread_cond_signal(&thread.wake)
                pthread_mutex_unlock(&thread.mutex)
                pthread_join(thread.thread, NULL)
            thread.started = 0
            thread.stopping = 0

    def stop(self):
        """Join the threads and close the descriptor; harmless when done before."""
        if self.closed:
            return
        self.closed = True
        self.join()
        close(self.notifier[0])  # in C: the interpreter may be going, and `os` with it
        if self.notifier[1] != self.notifier[0]:
            close(self.notifier[1])
