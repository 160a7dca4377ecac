"""Open a batch's compressed records, within the bounds that hold for every peer's bytes."""

from bus.model.batch import Buffer
from bus.model.limits import DECOMPRESSED_BYTES_MAX, DECOMPRESSED_RATIO_MAX
from bus.native.compression import decompress


def unpack(codec: int, packed: Buffer) -> bytes:
    """The records as they were before. Raises CorruptBatch if they are damaged or too many."""
    limit = min(max(len(packed), 1) * DECOMPRESSED_RATIO_MAX, DECOMPRESSED_BYTES_MAX)
    return decompress(codec, packed, limit)
