"""Whatever the network does, an idempotent lane neither reorders nor doubles what is written."""

from collections import deque
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bus.client.lane import SEQUENCE_END, Delivered, Failed, Lane, LaneRules, Parcel, Written
from bus.errors import (
    BusError,
    InvalidProducerEpoch,
    MessageTooLarge,
    NetworkError,
    NotEnoughReplicas,
    NotLeader,
    OutOfOrderSequence,
)
from bus.model.ids import TopicPartition

RETAINED = 5


class ModelLeader:
    """What a Kafka leader knows of one producer (protocol notes 2.1), and its log."""

    def __init__(self) -> None:
        self.epoch = -1
        self.end_sequence = 0  # next expected
        self.recent: deque[tuple[int, int, int]] = deque(maxlen=RETAINED)
        self.log: list[int] = []

    def produce(self, copy: Parcel) -> int | BusError:
        """Base offset, or an error; `copy` is the parcel as it was when it was sent."""
        for sequence, count, offset in self.recent:
            if copy.epoch == self.epoch and (sequence, count) == (copy.sequence, copy.count):
                return offset
        if copy.epoch < self.epoch:
            return InvalidProducerEpoch()
        if copy.epoch > self.epoch:
            if copy.sequence != 0 and self.epoch != -1:
                return OutOfOrderSequence()
            self.recent.clear()
        elif copy.sequence != self.end_sequence:
            return OutOfOrderSequence()
        self.epoch = copy.epoch
        self.end_sequence = (copy.sequence + copy.count) % SEQUENCE_END
        offset = len(self.log)
        self.log.extend(copy.payload)
        self.recent.append((copy.sequence, copy.count, offset))
        return offset


class World:
    """A lane, a leader, and a network that reorders answers, loses them and delivers late."""

    def __init__(self, random: Random, first_sequence: int) -> None:
        self.random = random
        self.lane = Lane(TopicPartition("t", 0), LaneRules(backoff_ms=1), epoch=0)
        self.lane.next_sequence = first_sequence
        self.leader = ModelLeader()
        self.now = 0
        self.made = 0
        self.sent: deque[tuple[Parcel, Parcel]] = deque()  # (parcel, copy), not yet processed
        self.late: list[Parcel] = []  # copies of a broken connection that still travel
        self.answers: list[tuple[Parcel, int | BusError]] = []
        self.delivered: list[int] = []
        self.failed: list[int] = []

    def add(self) -> None:
        count = self.random.randint(1, 3)
        parcel = Parcel(count, 100, self.now + self.random.choice([20, 200, 10_000]))
        parcel.deadline_ms = max([parcel.deadline_ms, *(p.deadline_ms for p in self.lane.waiting)])
        parcel.payload = tuple(range(self.made, self.made + count))  # a number a record
        self.made += count
        self.lane.add(parcel)

    def send(self) -> None:
        while (parcel := self.lane.take(self.now)) is not None:
            copy = Parcel(parcel.count, 0, 0, parcel.payload, -1, parcel.sequence, parcel.epoch)
            self.sent.append((parcel, copy))

    def process(self, faults: bool) -> None:
        if not self.sent:
            return
        parcel, copy = self.sent.popleft()
        fault = self.random.random() if faults else 1.0
        answer: int | BusError
        if fault < 0.08:
            answer = NotEnoughReplicas()
        elif fault < 0.14:
            answer = MessageTooLarge()
        else:
            answer = self.leader.produce(copy)
            if 0.14 <= fault < 0.2:
                answer = NotLeader()  # it was written, or not; nobody can tell
        self.answers.append((parcel, answer))

    def answer(self) -> None:
        if self.answers:
            index = self.random.randrange(len(self.answers))
            self._tell(*self.answers.pop(index))

    def break_connection(self) -> None:
        for _parcel, copy in self.sent:
            if self.random.random() < 0.5:
                self.late.append(copy)
        lost = [parcel for parcel, _ in (*self.sent, *self.answers)]
        self.sent.clear()
        self.answers.clear()
        for parcel in lost:
            self._tell(parcel, NetworkError())

    def arrive_late(self) -> None:
        if self.late:
            self.leader.produce(self.late.pop(0))

    def pass_time(self) -> None:
        self.now += self.random.randint(1, 30)
        self._note(self.lane.expire(self.now))

    def _tell(self, parcel: Parcel, answer: int | BusError) -> None:
        if isinstance(answer, MessageTooLarge) and parcel.count > 1 and not parcel.overdue:
            self._note(self.lane.on_cut(parcel, self._parts(parcel)))
        elif isinstance(answer, BusError):
            self._note(self.lane.on_refused(parcel, answer, self.now))
        else:
            self._note(self.lane.on_written(parcel, Written(answer)))

    def _parts(self, parcel: Parcel) -> list[Parcel]:
        at = self.random.randint(1, parcel.count - 1)
        halves = (parcel.payload[:at], parcel.payload[at:])
        return [Parcel(len(half), 100, parcel.deadline_ms, half) for half in halves]

    def _note(self, effects: list) -> None:
        for effect in effects:
            match effect:
                case Delivered(parcel, written):
                    base = written.base_offset
                    written_there = self.leader.log[base : base + parcel.count]
                    assert tuple(written_there) == parcel.payload
                    self.delivered += parcel.payload
                case Failed(parcel, _):
                    self.failed += parcel.payload

    def check(self) -> None:
        log = self.leader.log
        assert log == sorted(log), f"reordered: {log}"
        assert len(log) == len(set(log)), f"doubled: {log}"
        settled = self.delivered + self.failed
        assert len(settled) == len(set(settled)), "told twice"

    def run(self, steps: int) -> None:
        actions = [self.add, self.send, lambda: self.process(True), self.answer, self.pass_time]
        rare = [self.break_connection, self.arrive_late]
        for _ in range(steps):
            self.random.choice(rare if self.random.random() < 0.1 else actions)()
            self.check()

    def drain(self) -> None:
        for _ in range(1000):
            if self.lane.idle:
                return
            self.send()
            self.process(False)
            self.answer()
            self.now += 1
            self._note(self.lane.expire(self.now))
            self.check()
        raise AssertionError(f"stuck: {self.lane}")


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32), st.sampled_from([0, SEQUENCE_END - 4]))
def test_batches_are_written_once_and_in_order_under_any_fault(seed, first_sequence):
    world = World(Random(seed), first_sequence)
    world.run(300)
    world.drain()
    assert sorted(world.delivered + world.failed) == list(range(world.made))
    assert set(world.delivered) <= set(world.leader.log)
