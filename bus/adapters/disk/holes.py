"""Where a file's data end: what is only allocated behind them need not be read to be known as zero.

A hole, and an extent that was allocated and never written, read as zeroes; the kernel tells both
apart from data, and pages that wait to be written count as data. It is asked only where that is
known to hold: a filesystem that took data for a hole would have a recovery cut it off.
"""

import errno
import os
import sys

from bus.adapters.disk.facts import read_facts


def tells_holes(path: str) -> bool:
    """May the filesystem of this directory be asked?"""
    return sys.platform == "linux" and read_facts(path).durable


def last_data(fd: int) -> int:
    """The position behind the last data, at most a block further; moves the file's position."""
    size = os.lseek(fd, 0, os.SEEK_END)
    end = 0
    while end < size:
        try:
            start = os.lseek(fd, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # no data follow
                break
            raise
        end = os.lseek(fd, start, os.SEEK_HOLE)
    return end
