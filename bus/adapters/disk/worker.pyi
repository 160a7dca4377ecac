"""Native threads that do a disk's jobs, and the descriptor through which they come back."""

from bus.adapters.disk.job import Job

class Engine:
    """The threads of one disk, and the descriptor through which their jobs come back."""

    def fileno(self) -> int:
        """Readable while finished jobs wait for `drain`."""

    @property
    def busy(self) -> int:
        """Jobs that are not yet drained."""

    def submit(self, index: int, job: Job) -> bool:
        """Queue a job on a thread: 0 flusher, 1 allocator, 2 writer, 3 cleaner.

        False: its queue is full.
        """

    def drain(self) -> list[Job]:
        """The jobs that finished since the last call, in the order in which they did."""

    def wait(self, timeout: float | None) -> bool:
        """Sleep until a job has finished, at most `timeout` seconds; None is for ever."""

    def wake(self) -> None:
        """Make the descriptor readable although no job has finished."""

    def join(self) -> None:
        """Let the threads finish their queues and end; `drain` still gives what they did."""

    def stop(self) -> None:
        """Join the threads and close the descriptor; harmless when done before."""
