"""Files of a broker on this machine, read by another process: its consumers'."""

import os
import stat

from bus.adapters.disk.pread import read_fully
from bus.model.limits import FRAME_BYTES_MAX
from bus.native.blocks import take


def identity_of(facts: os.stat_result) -> str:
    """What tells a file from any other of the machine, in whatever container it is looked at."""
    return f"{facts.st_dev}:{facts.st_ino}"


def read_range(path: str, identity: str, position: int, size: int) -> memoryview:
    """`size` bytes; any thread, it may wait for the disk.

    Raises OSError: the file cannot be opened, is another one than `identity` says, or ends early;
    ValueError for what is no place in a file.
    """
    if position < 0 or not 0 < size <= FRAME_BYTES_MAX:
        raise ValueError(f"{size} bytes from position {position} are no range that is told of.")
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        facts = os.fstat(fd)
        if identity_of(facts) != identity or not stat.S_ISREG(facts.st_mode):
            raise OSError(f"{path} is another file here.")
        if facts.st_size < position + size:
            raise OSError(f"{path} ends before position {position + size}.")
        block = take(size)
        if read_fully(fd, position, block) < size:
            raise OSError(f"{path} ends before position {position + size}.")
        return block
    finally:
        os.close(fd)
