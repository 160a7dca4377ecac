"""Values to send: random bytes from a seed, in calls of a fixed size, with their checksum.

The pool is some 50 MB, so that neither the sender nor the receiver lives in the CPU's caches,
and random, so that nothing can be folded. The checksum is zlib's CRC-32 over all values in
order: another one than the log's own, and it does not depend on where batches begin.
"""

import random
import zlib
from collections.abc import Iterable

VALUE_BYTES = 100
CALL_RECORDS = 10_000
POOL_CALLS = 50
SEED = 20_240_229


class Pool:
    """`call(i)` is the i-th call's list of values; the same for the same seed."""

    def __init__(
        self, value_bytes: int = VALUE_BYTES, call_records: int = CALL_RECORDS, calls: int = 0
    ) -> None:
        self.value_bytes = value_bytes
        self.call_records = call_records
        count = calls or POOL_CALLS
        size = value_bytes * call_records
        draw = random.Random(SEED)
        self._bytes = [draw.randbytes(size) for _ in range(count)]
        self._lists = [
            [data[at : at + value_bytes] for at in range(0, size, value_bytes)]
            for data in self._bytes
        ]

    def call(self, index: int) -> list[bytes]:
        """The values of one call."""
        return self._lists[index % len(self._lists)]

    def checksum(self, calls: int) -> int:
        """Of the first `calls` calls."""
        crc = 0
        for index in range(calls):
            crc = zlib.crc32(self._bytes[index % len(self._bytes)], crc)
        return crc


def checksum(values: Iterable[bytes], before: int = 0) -> int:
    """Continue a checksum over further values."""
    return zlib.crc32(b"".join(values), before)
