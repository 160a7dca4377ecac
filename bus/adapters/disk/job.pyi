"""What a disk does without the GIL: sync, allocate, write back, let go of pages, write a file."""

from collections.abc import Callable

from typing_extensions import Buffer

class Job:
    """One thing to do without the GIL, and all that must stay alive until it is done."""

    done: Callable[[OSError | None], None] | None

    @property
    def error(self) -> OSError | None:
        """What it ended with."""

    @property
    def is_sync(self) -> bool:
        """Is it a SYNC, whose error ends the disk?"""

    def run_now(self) -> OSError | None:
        """Do it on the calling thread."""

def sync_job(
    files: list[int],
    directories: list[int],
    kept: object,
    done: Callable[[OSError | None], None] | None,
    shared_filesystem: bool,
) -> Job:
    """fdatasync of descriptors `files`, then fsync of `directories`; `kept` holds them open."""

def write_back_job(fd: int, start: int, stop: int, kept: object) -> Job:
    """Start writing dirty pages of a range, so that the kernel never has to throttle appends."""

def let_go_job(fd: int, start: int, stop: int, kept: object) -> Job:
    """Write a range and drop its pages from memory; `kept` holds the file open."""

def write_job(
    path: str, data: Buffer, durable: bool, done: Callable[[OSError | None], None] | None
) -> Job:
    """A whole file: durably aside, synced, renamed; or in place and left to the kernel."""
