"""Compress the records of a batch, if that makes it smaller."""

from bus.model.limits import BATCH_OVERHEAD
from bus.native.builder import with_records
from bus.native.compression import compress


def packed(batch: memoryview, codec: int) -> memoryview:
    """The batch under a codec (0 is none); the batch itself if it would not shrink."""
    if codec == 0:
        return batch
    smaller = with_records(batch, codec, compress(codec, batch[BATCH_OVERHEAD:]))
    return smaller if len(smaller) < len(batch) else batch
