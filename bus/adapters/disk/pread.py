"""Reading at a position until there is no more."""

import os


def read_fully(fd: int, position: int, buffer: memoryview) -> int:
    """Fill `buffer` from `position` on; how many bytes were read, fewer only at the file's end."""
    read = 0
    while read < len(buffer):
        more = os.preadv(fd, [buffer[read:]], position + read)
        if not more:
            break
        read += more
    return read
