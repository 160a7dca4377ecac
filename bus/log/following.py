"""Append what a leader's Fetch answer holds, byte for byte, as a follower (R14).

Found in the answer                                  Done
-------------------                                  ----
batches that begin where the log ends, one behind    appended, in pieces of a segment each
the other, sound, of epochs that rise up to the
leader's
a batch that is anything else                        it is refused, and all that follows; what
                                                     stands before it is appended
the beginning of a batch, cut off by the end         left out: the next fetch brings it whole
a batch larger than a segment                        it gets a segment of its own
a batch of an epoch below one that was promised at   appended: nothing was ever written under that
the log's end                                        promise, whose place in the cache it takes
the first batch of an empty log begins below its     the log begins there anew, and its start is
start: the leader's starts within a batch            raised to where it was

A hole is refused: a log has none where nothing is wrong, because compaction leaves none
(docs/decisions/compaction-leaves-no-holes.md). One kind is real: records that the operator of a
damaged leader has given up. It can only stand where an answer begins, because it is between two
segments; who asks with `may_fill` has made sure that the answer is to this very fetch, and gets
batches without records in its place, so that this log has no hole. Whoever refuses gives the
session up and fetches again from the log's end; nothing of the answer has to be taken back.

All that a peer's bytes decide is found out by one native pass; Python works once a segment, an
epoch, and for the last few batches of an idempotent producer.
"""

import struct
from typing import TYPE_CHECKING, NamedTuple

from bus.errors import StorageError
from bus.log.segment import POSITION_MAX
from bus.model.batch import BatchInfo, Buffer
from bus.model.limits import (
    BATCH_OVERHEAD,
    FETCHED_RUN_BATCHES_MAX,
    FILLED_OFFSETS_MAX,
    PRODUCER_BATCHES_RETAINED,
)
from bus.model.replication_errors import BadFetch
from bus.native.fetched import Run, check_run, filling

if TYPE_CHECKING:
    from bus.log.partition_log import PartitionLog

_OFFSETS = struct.Struct(">q15xi")  # base offset and last offset delta of a header


class Followed(NamedTuple):
    """What was appended of an answer."""

    base_offset: int
    end_offset: int
    size: int  # bytes
    batches: int
    records: int
    refused: BadFetch | None  # why all that follows was not; None if nothing was wrong


def append_fetched(
    log: "PartitionLog", data: Buffer, epoch_max: int, may_fill: bool, now_ms: int
) -> Followed:
    """See the module, and `PartitionLog.append_fetched`."""
    if log.read_only is not None:
        raise StorageError(log.read_only)
    view = memoryview(data)
    start_offset = log.start_offset
    _begin_within_batch(log, view, epoch_max)
    if may_fill:
        _fill_hole(log, view, epoch_max, now_ms)
    base_offset, position, batches, records = log.end_offset, 0, 0, 0
    refused = None
    while position < len(view):
        epoch_min = max(log.last_epoch, 0)
        run = check_run(
            view, position, log.end_offset, epoch_min, epoch_max, FETCHED_RUN_BATCHES_MAX
        )
        _append(log, view, run, now_ms)
        position, batches, records = run.position, batches + run.count, records + run.records
        if run.reason is not None or (run.is_cut and batches == 0):
            reason = run.reason or "it is not all there"
            refused = BadFetch(
                f"The leader's answer for {log.directory} holds a batch at byte {position} that "
                f"cannot follow offset {log.end_offset}: {reason}."
            )
        if refused is not None or run.is_cut:
            break
    if log.start_offset < start_offset < log.end_offset:
        log.delete_prefix(start_offset)
    return Followed(base_offset, log.end_offset, position, batches, records, refused)


def _append(log: "PartitionLog", data: memoryview, run: Run, now_ms: int) -> None:
    """All batches of a run, as many at once as the segment takes."""
    first = 0
    while first < run.count:
        start, end, end_offset = run.span(first, first + 1)
        limit = max(log.settings.segment_bytes, end - start)
        segment = log.active(end - start, end_offset - 1, limit)
        stop = run.fitting(first, limit - segment.size, segment.base_offset + POSITION_MAX + 1)
        segment.append_run(data, run, first, stop, limit)
        log.on_appended(segment)
        for epoch, base_offset in run.epochs(first, stop):
            log.note_epoch(epoch, base_offset)
        for header in run.telling(first, stop, PRODUCER_BATCHES_RETAINED):
            log.producers.replay(BatchInfo(*header), now_ms)
        first = stop


def _fill_hole(log: "PartitionLog", data: memoryview, epoch_max: int, now_ms: int) -> None:
    """Batches without records up to where a sound first batch begins."""
    if len(data) < BATCH_OVERHEAD:
        return
    base_offset: int = _OFFSETS.unpack_from(data)[0]
    end_offset, epoch = log.end_offset, log.last_epoch
    if not end_offset < base_offset <= end_offset + FILLED_OFFSETS_MAX:
        return
    run = check_run(data, 0, base_offset, max(epoch, 0), epoch_max, 2)
    if _is_first(run):
        epoch = run.epochs(0, 1)[0][0] if epoch < 0 else epoch
        made = memoryview(filling(end_offset, base_offset, epoch, FETCHED_RUN_BATCHES_MAX))
        filled = check_run(made, 0, end_offset, epoch, epoch, FETCHED_RUN_BATCHES_MAX)
        _append(log, made, filled, now_ms)


def _is_first(run: Run) -> bool:
    """Is the first batch sound? No checksum covers its base offset: the next must follow it."""
    return run.count > 0 and run.reason is None


def _begin_within_batch(log: "PartitionLog", data: memoryview, epoch_max: int) -> None:
    """An empty log takes the batch that its start lies in."""
    if log.start_offset != log.end_offset or len(data) < BATCH_OVERHEAD:
        return
    base_offset, last_delta = _OFFSETS.unpack_from(data)
    if not 0 <= base_offset < log.start_offset <= base_offset + last_delta:
        return
    if _is_first(check_run(data, 0, base_offset, 0, epoch_max, 2)):
        log.restart_at(base_offset)
