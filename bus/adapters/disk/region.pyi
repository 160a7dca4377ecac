"""A file mapped for appends: address space for its limit at once, blocks as they are needed."""

from typing_extensions import Buffer

from bus.adapters.disk.job import Job

class File:
    """An open file, closed when nobody refers to it any more."""

    fd: int
    path: str

    def __init__(self, fd: int, path: str, size: int) -> None:
        """Takes over `fd`."""

class MappedRegion:
    """The Region port over a real file."""

    path: str
    capacity: int
    limit: int
    fresh: bool  # its name is not yet durable: the first commit syncs the directory
    file: File | None
    asked: int  # what `prepare` was last asked for

    def __init__(self, fd: int, path: str, size: int, limit: int, fresh: bool) -> None:
        """Takes over `fd`, whose file has `size` bytes. Raises DiskFull for a file with holes."""

    @property
    def buffer(self) -> memoryview:
        """Writable bytes; take it anew after `grow`."""

    def write(self, position: int, head: Buffer, body: Buffer) -> None:
        """Put two pieces one behind the other; OSError or DiskFull, and then they do not count."""

    def view(self, start: int, stop: int) -> memoryview:
        """Bytes for a reader: not writable, valid for as long as they are held."""

    @property
    def is_shared(self) -> bool:
        """Does anyone hold a view?"""

    def is_resident(self, start: int, stop: int) -> bool:
        """Are all pages of a range in memory, so that reading them cannot wait for the disk?"""

    def allocation(self, capacity: int) -> Job | None:
        """The job that makes room up to `capacity`, or None if nothing is to be done."""

    def unmap(self, job: Job) -> None:
        """Let a LET_GO job drop the pages from this mapping, too."""

    def grow(self, capacity: int) -> None:
        """Make at least `capacity` bytes writable. Raises DiskFull, and then nothing changed."""

    def close(self, end: int | None = None, cached: bool = True) -> None:
        """Let go. With `end`, the file is cut to it once nobody maps it (S2)."""
