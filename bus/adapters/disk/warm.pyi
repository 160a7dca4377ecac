"""Bytes of a file that are in memory anyway: a mapping of them that lives as long as its views."""

def view_in_memory(fd: int, start: int, stop: int) -> memoryview | None:
    """Bytes `start` to `stop` of a file; None if it has less, or not all of them are in memory.

    The descriptor may be closed. Raises OSError.
    """
