"""What a partition remembers of its idempotent producers, in memory and in snapshots.

A snapshot, named by an offset, holds the state that the batches below it give. Kafka's format,
version 1, big endian:

    byte  size  field
       0     2  version              1
       2     4  crc                  CRC-32C of all that follows
       6     4  count                producers
      10    46  each producer        id i64, epoch i16, last sequence i32, last offset i64,
                                     offset delta i32, timestamp i64, coordinator epoch i32,
                                     first offset of the open transaction i64 (both -1)
       .     .  our addition         of each producer again: count i32, then for each batch first
                                     sequence i32, last sequence i32, base offset i64, last
                                     offset i64, timestamp i64

Kafka keeps a producer's last batch only, and its tools do not read what follows the table; we
keep all that a duplicate may be compared with. A snapshot is derived: when missing or bad, the
state is replayed from the log (S7).

Invariant: the table is a function of the log's prefix and of the time (expiry, a bound).
"""

import struct

from bus.errors import CorruptLog
from bus.model.batch import NO_PRODUCER_ID, BatchInfo, Buffer
from bus.model.limits import PRODUCER_BATCHES_RETAINED, PRODUCERS_PER_PARTITION_MAX
from bus.model.producer import ProducerEntry, SequencedBatch, sequence_after
from bus.native.batch import crc32c

VERSION = 1
_HEAD = struct.Struct(">hI")
_COUNT = struct.Struct(">i")
_ENTRY = struct.Struct(">qhiqiqiq")
_BATCH = struct.Struct(">iiqqq")
_DELTA_MAX = 2**31 - 1  # of the offsets of one batch


class ProducerTable:
    """Producer id -> ProducerEntry, the least recently active first."""

    def __init__(self) -> None:
        self._entries: dict[int, ProducerEntry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, producer_id: int) -> ProducerEntry | None:
        """What is remembered of a producer."""
        return self._entries.get(producer_id)

    def base_offsets(self) -> list[int]:
        """Of all batches that are remembered, ascending: compaction leaves their headers."""
        batches = (batch for entry in self._entries.values() for batch in entry.batches)
        return sorted(batch.base_offset for batch in batches)

    def replay(self, info: BatchInfo, now_ms: int) -> None:
        """A batch stands in the log; `now_ms` (wall clock) is when its producer was last seen."""
        producer_id = info.producer_id
        if producer_id == NO_PRODUCER_ID:
            return
        entry = self._entries.pop(producer_id, None)
        if entry is None or entry.epoch != info.producer_epoch:
            entry = ProducerEntry(producer_id, info.producer_epoch)
        self._entries[producer_id] = entry
        entry.last_timestamp = now_ms
        if info.base_sequence >= 0:
            entry.batches.append(_sequenced(info))
            if len(entry.batches) > PRODUCER_BATCHES_RETAINED:
                del entry.batches[0]
        if len(self._entries) > PRODUCERS_PER_PARTITION_MAX:
            del self._entries[next(iter(self._entries))]

    def expire(self, now_ms: int, silent_ms: int) -> None:
        """Forget producers that have been silent for so long."""
        for producer_id, entry in list(self._entries.items()):
            if now_ms - entry.last_timestamp < silent_ms:
                break
            del self._entries[producer_id]

    def clear(self) -> None:
        """Forget all, before a replay from the beginning."""
        self._entries.clear()

    def snapshot(self) -> bytes:
        """The file's content."""
        entries = [entry for entry in self._entries.values() if entry.batches]
        body = bytearray(_COUNT.pack(len(entries)))
        for entry in entries:
            last = entry.batches[-1]
            delta = last.last_offset - last.base_offset
            body += _ENTRY.pack(
                entry.producer_id,
                entry.epoch,
                last.last_sequence,
                last.last_offset,
                delta,
                entry.last_timestamp,
                -1,
                -1,
            )
        for entry in entries:
            body += _COUNT.pack(len(entry.batches))
            body += b"".join(_BATCH.pack(*batch) for batch in entry.batches)
        return _HEAD.pack(VERSION, crc32c(body)) + body

    def restore(self, data: Buffer) -> None:
        """Replace all by a snapshot. Raises CorruptLog, and then the table is empty."""
        self._entries.clear()
        try:
            entries = _parse(data)
        except struct.error:
            raise CorruptLog("The producer snapshot ends too early.") from None
        self._entries = {entry.producer_id: entry for entry in entries}


def _sequenced(info: BatchInfo) -> SequencedBatch:
    return SequencedBatch(
        info.base_sequence,
        sequence_after(info.base_sequence, info.last_offset_delta),
        info.base_offset,
        info.base_offset + info.last_offset_delta,
        info.max_timestamp,
    )


def _parse(data: Buffer) -> list[ProducerEntry]:
    version, crc = _HEAD.unpack_from(data, 0)
    if version != VERSION or crc != crc32c(memoryview(data)[_HEAD.size :]):
        raise CorruptLog("The producer snapshot fails its checksum.")
    (count,) = _COUNT.unpack_from(data, _HEAD.size)
    position = _HEAD.size + _COUNT.size
    entries = []
    for _ in range(count):
        producer_id, epoch, sequence, offset, delta, seen, _, _ = _ENTRY.unpack_from(data, position)
        position += _ENTRY.size
        first = (sequence - delta) & 0x7FFFFFFF
        batch = _checked(SequencedBatch(first, sequence, offset - delta, offset, seen))
        entries.append(ProducerEntry(producer_id, epoch, [batch], seen))
    if position == len(data):  # written by Kafka
        return entries
    for entry in entries:
        (batches,) = _COUNT.unpack_from(data, position)
        position += _COUNT.size
        if not 0 < batches <= PRODUCER_BATCHES_RETAINED:
            raise CorruptLog(f"The producer snapshot has {batches} batches of one producer.")
        entry.batches = []
        for _ in range(batches):
            entry.batches.append(_checked(SequencedBatch(*_BATCH.unpack_from(data, position))))
            position += _BATCH.size
    return entries


def _checked(batch: SequencedBatch) -> SequencedBatch:
    """Itself, if its offsets can be a batch's; Kafka writes -1 for a producer without records."""
    if not 0 <= batch.last_offset - batch.base_offset <= _DELTA_MAX:
        raise CorruptLog("The producer snapshot has a batch that ends before it begins.")
    if batch.base_offset < -1:
        raise CorruptLog("The producer snapshot has a batch that begins before the log.")
    return batch
