"""What a RecordBatch v2 header says, and the constants of its attributes.

protocol: Record Batch. The bytes are read and written in `csrc/`; this is what the deciding code
sees of them.
"""

from typing import NamedTuple, TypeAlias

Buffer: TypeAlias = bytes | bytearray | memoryview

NO_PRODUCER_ID = -1
NO_PRODUCER_EPOCH = -1
NO_SEQUENCE = -1
NO_TIMESTAMP = -1
NO_LEADER_EPOCH = -1
OFFSET_END = (1 << 63) - 1  # above every offset

COMPRESSION_MASK = 0x07
TIMESTAMP_TYPE_FLAG = 0x08  # set: the broker's append time
TRANSACTIONAL_FLAG = 0x10
CONTROL_FLAG = 0x20


class BatchInfo(NamedTuple):
    """One batch's header; `bus.native.batch` fills it in this order."""

    base_offset: int
    size: int  # bytes, header included
    leader_epoch: int
    attributes: int
    last_offset_delta: int
    base_timestamp: int  # ms since the epoch
    max_timestamp: int  # ms since the epoch
    producer_id: int
    producer_epoch: int
    base_sequence: int
    record_count: int

    @property
    def end_offset(self) -> int:
        """The offset after the batch's last."""
        return self.base_offset + self.last_offset_delta + 1

    @property
    def compression(self) -> int:
        """0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd."""
        return self.attributes & COMPRESSION_MASK

    @property
    def is_control(self) -> bool:
        """Written by a transaction coordinator, not by a client."""
        return bool(self.attributes & CONTROL_FLAG)

    @property
    def is_transactional(self) -> bool:
        """Part of a transaction."""
        return bool(self.attributes & TRANSACTIONAL_FLAG)
