"""Producers of the world: one partition each, their records numbered in the order of sending.

Kind          What it does with an answer
----          ---------------------------
idempotent    sends again, in order, whatever may be sent again, until it is acknowledged; after
              a loss that was allowed it goes on under a new id
plain         sends each batch once; what is not answered is unknown
"""

from collections import deque
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from bus.errors import OutOfOrderSequence, error_class
from bus.native.batch import seal
from bus.native.builder import encode_list
from bus.testing.history import Span
from bus.wire.produce import (
    PartitionProduceData,
    PartitionProduceResponse,
    ProduceRequest,
    TopicProduceData,
)
from bus.wire.schema import Message
from bus.wire.transactions import InitProducerIdRequest, InitProducerIdResponse
from tests.fixtures.timeline import WALL_MS
from tests.sim.batches import crc_of
from tests.sim.calls import Connection
from tests.sim.client import ASK_MS_MAX, Client
from tests.sim.told import Sent
from tests.sim.violation import Violation

if TYPE_CHECKING:
    from tests.sim.plan import Producer, Topic
    from tests.sim.world import World

WINDOW = 4  # batches under way; 1 until the first of an id is acknowledged
TIMEOUT_MS = 1500
BATCH_BYTES_MAX = 1 << 20


class SimProducer(Client):
    """One of them."""

    def __init__(
        self, world: "World", number: int, spec: "Producer", topic: "Topic | None" = None
    ) -> None:
        super().__init__(world, f"producer {number}")
        self.number = number
        self.spec = spec
        self.topic = topic or world.plan.topics[spec.topic]
        self.sents: list[Sent] = []  # in the order of sending
        self._bytes: dict[Sent, bytearray] = {}
        self._queue: deque[Sent] = deque()
        self._flying: list[Sent] = []
        self._answers: dict[Sent, int | None] = {}  # of those, the error; None: nobody knows
        self._producer_id = -1
        self._next_number = 0
        self._next_sequence = 0
        self._is_asking = False  # for an id, or for the leader
        self._is_known = False  # a batch of this id was acknowledged

    @property
    def is_idle(self) -> bool:
        return not self._queue and not self._flying

    @property
    def losses(self) -> int:
        ghost = self.world.observer.by_name.get((self.topic.name, self.spec.partition))
        return ghost.losses + ghost.is_damaged if ghost is not None else 0

    def send(self, count: int, size: int) -> Sent:
        """One more batch."""
        first, self._next_number = self._next_number, self._next_number + count
        head = f"{self.number} {first} ".encode()
        filler = self.chance.choice([b"x", b"\0"]) * size
        values = [head + b"%d " % place + filler for place in range(count)]
        data, end = encode_list(values, None, WALL_MS, 0, BATCH_BYTES_MAX)
        assert end == count
        seal(data, -1, -1, -1)
        sent = Sent(self.number, Span(first, count), crc_of(data))
        self._bytes[sent] = data
        self.sents.append(sent)
        self._queue.append(sent)
        self._go_on()
        return sent

    def stop(self) -> None:
        """What is under way is of no interest any more."""
        self._queue.clear()
        self._flying.clear()
        self._answers.clear()

    # --- sending ----------------------------------------------------------------------------

    def _go_on(self) -> None:
        if self._is_asking or not self._queue or self._answers:
            return
        if len(self._flying) >= self._window:
            return
        if self.spec.idempotent and self._producer_id < 0:
            self._is_asking = True
            self.anybody().ask(InitProducerIdRequest(), self._on_id, ASK_MS_MAX)
            return
        self._is_asking = True
        self.at_leader(self.topic.name, self.spec.partition, self._on_leader)

    @property
    def _window(self) -> int:
        return 1 if self.spec.idempotent and not self._is_known else WINDOW

    def _on_id(self, answer: Message | None) -> None:
        self._is_asking = False
        if isinstance(answer, InitProducerIdResponse) and answer.error_code == 0:
            self._producer_id, self._next_sequence, self._is_known = answer.producer_id, 0, False
            self._go_on()
        else:
            self.after(10, 60, self._go_on)

    def _on_leader(self, connection: Connection, _topic_id: UUID) -> None:
        self._is_asking = False
        while self._queue and len(self._flying) < self._window and not self._answers:
            sent = self._queue.popleft()
            self._seal(sent)
            sent.losses = self.losses
            sent.may_go = self.world.is_cluster and self.spec.acks != -1
            self._flying.append(sent)
            data = PartitionProduceData(self.spec.partition, bytes(self._bytes[sent]))
            topic_data = [TopicProduceData(self.topic.name, [data])]
            request = ProduceRequest(
                acks=self.spec.acks, timeout_ms=TIMEOUT_MS, topic_data=topic_data
            )
            connection.ask(request, partial(self._on_answer, sent), 2 * TIMEOUT_MS)

    def _seal(self, sent: Sent) -> None:
        if not self.spec.idempotent or sent.sequence >= 0:
            return
        sent.sequence = self._next_sequence
        self._next_sequence += sent.span.count
        seal(self._bytes[sent], self._producer_id, 0, sent.sequence)
        sent.crc = crc_of(self._bytes[sent])

    # --- answers ----------------------------------------------------------------------------

    def _on_answer(self, sent: Sent, answer: Message | None) -> None:
        if sent not in self._flying:
            return  # it was stopped
        part = None if answer is None else answer.responses[0].partition_responses[0]
        sent.answered_ms = self.world.timeline.time_ms
        if part is not None and part.error_code == 0 and not self._answers:
            self._acknowledge(sent, part)
            self._go_on()
            return
        if not self.spec.idempotent:
            self._settle_plain(sent, part)
            self._go_on()
            return
        if part is not None and part.error_code == 0:
            self._acknowledge(sent, part)
        else:
            self._answers[sent] = None if part is None else part.error_code
        if len(self._answers) == len(self._flying):
            self._begin_again()

    def _acknowledge(self, sent: Sent, part: PartitionProduceResponse) -> None:
        self._flying.remove(sent)
        is_flushed = part.flushed_offset >= part.base_offset + sent.span.count
        sent.span = Span(sent.span.first, sent.span.count, part.base_offset, is_flushed)
        sent.state = "acknowledged"
        sent.must_stay = self.spec.acks == -1 and self.topic.flush == "group"
        self._is_known = True
        self._bytes.pop(sent)

    def _settle_plain(self, sent: Sent, part: PartitionProduceResponse | None) -> None:
        self._flying.remove(sent)
        self._bytes.pop(sent)
        is_certain = part is not None and error_class(part.error_code).definite
        if part is not None and part.error_code == 0:
            is_certain = False
        sent.state = "refused" if is_certain else "unknown"
        if part is None or error_class(part.error_code).retriable:
            self.forget(self.topic.name, self.spec.partition)

    def _begin_again(self) -> None:
        """All that was under way is answered, and some of it has to be sent again, in order."""
        head = self._flying[0]
        error = self._answers[head]
        flying, self._flying, self._answers = self._flying, [], {}
        self.forget(self.topic.name, self.spec.partition)
        if error == OutOfOrderSequence.code:
            self._renew(flying)
        elif error is not None and not error_class(error).retriable:
            name = error_class(error).__name__
            raise Violation("I10", f"{head} were refused with {name}, which nobody has caused")
        else:
            self._queue.extendleft(reversed(flying))
        self.after(10, 80, self._go_on)

    def _renew(self, flying: list[Sent]) -> None:
        """The broker does not know what was before: right only after a loss that was allowed."""
        if not self.losses:
            raise Violation("I11", f"{flying[0]} were told to be out of order, and nothing is lost")
        for sent in flying:
            sent.state = "unknown"
            self._bytes.pop(sent)
        self._producer_id = -1
