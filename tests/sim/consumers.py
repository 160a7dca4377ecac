"""Consumers of the world: one partition each, from its start on, below the high watermark."""

from typing import TYPE_CHECKING
from uuid import UUID

from bus.errors import CorruptBatch, CorruptMessage, OffsetOutOfRange
from bus.wire.fetch import (
    FetchPartition,
    FetchRequest,
    FetchResponse,
    FetchTopic,
    PartitionData,
)
from bus.wire.schema import Message
from tests.sim import invariants as rules
from tests.sim.batches import Batch, batches_in
from tests.sim.calls import Connection
from tests.sim.client import Client
from tests.sim.violation import Violation, fail_if

if TYPE_CHECKING:
    from tests.sim.ghosts import Ghost
    from tests.sim.plan import Consumer, Topic
    from tests.sim.world import World

WAIT_MS_MAX = 400
ASK_MS_MAX = 2500
PAUSE_MS_MAX = 120


class SimConsumer(Client):
    """One of them; `read` is what it was given since it last had to begin anew."""

    def __init__(
        self,
        world: "World",
        name: str,
        spec: "Consumer",
        is_eager: bool = False,
        topic: "Topic | None" = None,
    ) -> None:
        super().__init__(world, name)
        self.spec = spec
        self.is_eager = is_eager
        self.topic = topic or world.plan.topics[spec.topic]
        self.position = 0
        self.read: list[Batch] = []
        self.high_watermark = -1
        self.start_offset = 0
        self.is_stopped = False
        self.is_stuck = False  # the records at its position are damaged
        self._losses = 0  # of the partition, when it last asked

    @property
    def ghost(self) -> "Ghost | None":
        return self.world.observer.by_name.get((self.topic.name, self.spec.partition))

    def go_on(self) -> None:
        if not self.is_stopped:
            self.at_leader(self.topic.name, self.spec.partition, self._ask)

    def _ask(self, connection: Connection, topic_id: UUID) -> None:
        losses = self.ghost.losses if self.ghost is not None else 0
        if losses != self._losses:
            self.high_watermark, self._losses = -1, losses
        last_epoch = self.read[-1].epoch if self.read and self.spec.checks_epochs else -1
        asked = FetchPartition(
            self.spec.partition,
            -1,
            self.position,
            last_epoch,
            -1,
            1 << 20 if self.is_eager else self.chance.choice([300, 3000, 1 << 20]),
        )
        request = FetchRequest(
            max_wait_ms=self.chance.randrange(WAIT_MS_MAX),
            min_bytes=1,
            topics=[FetchTopic(self.topic.name, topic_id, [asked])],
        )
        connection.ask(request, self._on_answer, ASK_MS_MAX)

    def _on_answer(self, answer: Message | None) -> None:
        if isinstance(answer, FetchResponse) and answer.responses:
            self._take(answer.responses[0].partitions[0])
        else:
            self.forget(self.topic.name, self.spec.partition)
        self.after(0, 1 if self.is_eager else PAUSE_MS_MAX, self.go_on)

    def _take(self, part: PartitionData) -> None:
        ghost = self.ghost
        if ghost is None:
            assert part.error_code != 0, "nobody has it yet"
            self.forget(self.topic.name, self.spec.partition)
            return
        self.is_stuck = part.error_code == CorruptMessage.code and ghost.is_damaged
        if part.diverging_epoch is not None:
            self._begin_anew(part, f"diverging at {part.diverging_epoch}")
        elif part.error_code == OffsetOutOfRange.code:
            self._begin_anew(part, "out of range")
        elif part.error_code != 0:
            self.forget(self.topic.name, self.spec.partition)
        else:
            self._take_records(ghost, part)

    def _take_records(self, ghost: "Ghost", part: PartitionData) -> None:
        data = bytes(part.records or b"")
        try:
            batches = batches_in(data, 0, len(data))
        except CorruptBatch:
            if not ghost.is_damaged:
                raise
            self.is_stuck = True
            return
        is_same = ghost.losses == self._losses
        if is_same:
            before, now = self.high_watermark, part.high_watermark
            problem = rules.high_watermark_falls(before, now)
            fail_if("I5", problem and f"{self.name} of {ghost.name}: {problem}")
            self.high_watermark = now
        self.start_offset = part.log_start_offset
        for problem in (
            None if ghost.is_damaged else rules.read_what_is_not_committed(batches, ghost.ever),
            rules.read_with_a_gap(self.position, batches),
        ):
            fail_if("I9", problem and f"{self.name} of {ghost.name}: {problem}")
        self.read += batches
        if batches:
            self.position = batches[-1].end

    def _begin_anew(self, part: PartitionData, why: str) -> None:
        """Its position is not in the log: right after a deletion or a loss that was allowed."""
        ghost = self.ghost
        start = max(part.log_start_offset, 0)
        is_below = self.position < start and ghost.may_shrink
        if not is_below and not ghost.losses and not ghost.is_damaged:
            raise Violation("I9", f"{self.name} of {ghost.name} at {self.position} is {why}")
        self.world.note(f"{self.name} begins anew at {start}, was {why} at {self.position}")
        self.position, self.read = start, []
