"""Writes to a partition of `__consumer_offsets`: those of one turn of the loop go together.

A write is done when the last batch that holds a record of it is committed, or failed when any of
them is. They are told in their order, so records are replayed in that of the log.

The log's answer             What the group's clients are told, as Kafka's are
----------------             -------------------------------------------------
NotLeader, StorageError      NotCoordinator: look for the next one
batch or record too large    UnknownServerError
any other                    CoordinatorNotAvailable: too few replicas, before or after the append

Of too few replicas after the append nobody knows whether it will stand: the write is in doubt.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from bus.broker.coordinators_records import Row
from bus.broker.partition import Partition
from bus.broker.runtime import Runtime
from bus.control.effects import Answer
from bus.control.leader import ACKS_ALL
from bus.errors import (
    NONE,
    CoordinatorNotAvailable,
    MessageTooLarge,
    NotCoordinator,
    NotEnoughReplicasAfterAppend,
    NotLeader,
    RecordListTooLarge,
    StorageError,
    UnknownServerError,
)
from bus.model.batch import NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, BatchInfo
from bus.model.limits import OFFSETS_BATCH_BYTES
from bus.native.batch import header, seal
from bus.native.builder import encode_list
from bus.ports import Clock

Later = Callable[[float, Callable[[], None]], object]  # run after so many seconds
Done = Callable[[int, bool], None]  # told the error, 0 if it is durable; and is it in doubt?
FOREVER_MS = 1 << 40  # a write is answered when it is known what came of it, and not before
_TELLS = {
    NotLeader.code: NotCoordinator.code,
    StorageError.code: NotCoordinator.code,
    MessageTooLarge.code: UnknownServerError.code,
    RecordListTooLarge.code: UnknownServerError.code,
}


@dataclass(slots=True)
class Queued:
    """A write on its way."""

    end: int  # rows of the partition's writes up to its last one, since the start
    done: Done
    error: int = NONE
    in_doubt: bool = False


class Writes:
    """The writer of one partition."""

    def __init__(self, runtime: Runtime, partition: Partition, clock: Clock, later: Later) -> None:
        self._runtime = runtime
        self._partition = partition
        self._clock = clock
        self._later = later
        self._rows: list[Row] = []  # of this turn
        self._queue: deque[Queued] = deque()
        self._end = 0  # rows that were asked for
        self._closed = False
        self.batches = 0

    def append(self, rows: list[Row], done: Done) -> None:
        """Write these rows with the others of this turn."""
        is_first = not self._rows
        self._rows += rows
        self._end += len(rows)
        self._queue.append(Queued(self._end, done))
        if is_first:
            self._later(0, self.flush)

    def close(self) -> None:
        """What is not in the log yet is not written: its groups are another coordinator's."""
        self._rows.clear()
        self._closed = True

    def flush(self) -> None:
        """Write what has come in this turn."""
        rows, self._rows = self._rows, []
        first = self._end - len(rows)
        keys: list[bytes | None] = [key for key, _ in rows]
        values = [value for _, value in rows]
        start, now = 0, self._clock.wall_ms()
        while start < len(rows) and not self._closed:
            batch, end = encode_list(values, keys, now, start, OFFSETS_BATCH_BYTES)
            seal(batch, NO_PRODUCER_ID, NO_PRODUCER_EPOCH, NO_SEQUENCE)
            self.batches += 1
            self._offer(batch, first + start, first + end)
            start = end

    def _offer(self, batch: memoryview, start: int, end: int) -> None:
        info = BatchInfo(*header(batch))

        def answered(answer: Answer) -> None:
            error = answer.error
            in_doubt = error == NotEnoughReplicasAfterAppend.code
            if error:
                error = _TELLS.get(error, CoordinatorNotAvailable.code)
            self._on_answered(start, end, error, in_doubt)

        self._runtime.produce(self._partition, batch, info, ACKS_ALL, FOREVER_MS, answered)

    def _on_answered(self, start: int, end: int, error: int, in_doubt: bool) -> None:
        begin = 0
        for write in self._queue:
            if error and begin < end and write.end > start:
                write.error, write.in_doubt = error, write.in_doubt or in_doubt
            begin = write.end
        while self._queue and self._queue[0].end <= end:
            write = self._queue.popleft()
            write.done(write.error, write.in_doubt)
