"""Memory of exactly the size of an input: neither `bytes` nor `bytearray` ends where it ends."""

import numpy


def exact(data: bytes) -> memoryview:
    """A writable copy whose last byte is the last of its allocation."""
    return memoryview(numpy.frombuffer(data, numpy.uint8).copy())
