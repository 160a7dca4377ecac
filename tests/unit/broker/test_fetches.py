"""Parked fetches: what ends a wait, whom a commit wakes, and cold reads that come later."""

from concurrent.futures import Future

import pytest

from bus.broker.fetches import Fetches
from bus.broker.reads import Fetch, Wanted
from bus.errors import CorruptMessage, StorageError, UnknownTopicOrPartition
from tests.fixtures.node import Bench, batch_of
from tests.fixtures.requests import produce, told

SIZE = len(batch_of(b"a"))


class HeldPool:
    """The Pool port: reads are done when the test says so, with the outcome it says."""

    def __init__(self) -> None:
        self.held = []

    def submit(self, work, done) -> None:
        self.held.append((work, done))

    def finish(self, error: Exception | None = None) -> None:
        work, done = self.held.pop(0)
        future: Future[memoryview] = Future()
        if error is None:
            future.set_result(work())
        else:
            future.set_exception(error)
        done(future)


class Readers:
    """Fetches over the partitions of one topic; what the answers say of each is kept."""

    def __init__(self, bench: Bench, parked_max: int = 10) -> None:
        self.bench = bench
        self.pool = HeldPool()
        node = bench.node
        self.fetches = Fetches(bench.clock, self.pool, node.counters, node.streams, parked_max)
        node.runtime._on_committed = self.fetches.on_committed
        self.partitions = [node.runtime.find("t", index) for index in (0, 1)]
        self.answers: list[list] = []

    def fetch(self, *offsets: int, wait_ms=500, bytes_min=1, bytes_max=1 << 20, part_max=1 << 20):
        wanted = [
            Wanted(partition, partition.index, offset, part_max)
            for partition, offset in zip(self.partitions, offsets, strict=False)
        ]
        self.put(wanted, wait_ms, bytes_min, bytes_max)

    def put(self, wanted, wait_ms=500, bytes_min=1, bytes_max=1 << 20) -> None:
        self.fetches.fetch(Fetch(wanted, bytes_min, bytes_max, 12, self.keep), wait_ms)

    def keep(self, answer) -> None:
        self.answers.append([part for topic in answer.responses for part in topic.partitions])

    def write(self, value: bytes = b"a", index: int = 0) -> None:
        told(self.bench, produce(batch_of(value), index=index))

    def sizes(self) -> list[int]:
        """Of the records in the last answer."""
        return [len(part.records) for part in self.answers[-1]]


@pytest.fixture
def readers(bench: Bench) -> Readers:
    bench.create_topic("t", 2, 1, {"flush": "os"})
    return Readers(bench)


def test_without_a_wait_the_answer_is_what_there_is(readers: Readers) -> None:
    readers.fetch(0, wait_ms=0)
    assert readers.sizes() == [0]


def test_a_wait_ends_with_its_time(readers: Readers) -> None:
    readers.fetch(0, wait_ms=500)
    assert readers.fetches.next_tick_ms() == readers.bench.clock.ms + 500
    readers.fetches.tick(readers.bench.clock.ms + 500)
    assert readers.sizes() == [0]
    assert (len(readers.fetches), readers.fetches.next_tick_ms()) == (0, None)


def test_who_wants_nothing_does_not_wait_for_it(readers: Readers) -> None:
    readers.fetch(wait_ms=500)
    assert readers.sizes() == []


def test_a_commit_in_any_of_its_partitions_wakes_a_fetch(readers: Readers) -> None:
    readers.fetch(0, 0)
    readers.write(index=1)
    assert readers.sizes() == [0, SIZE]


def test_a_commit_elsewhere_does_not(readers: Readers) -> None:
    readers.fetch(0)
    readers.write(index=1)
    assert readers.answers == []


def test_all_who_wait_for_a_partition_are_woken(readers: Readers) -> None:
    for _ in range(3):
        readers.fetch(0)
    readers.write()
    assert len(readers.answers) == 3


def test_bytes_of_all_partitions_count_for_the_minimum(readers: Readers) -> None:
    readers.fetch(0, 0, bytes_min=2 * SIZE)
    readers.write(index=0)
    assert readers.answers == []
    readers.write(index=1)
    assert readers.sizes() == [SIZE, SIZE]


def test_what_is_left_of_the_maximum_goes_to_the_next_partition(readers: Readers) -> None:
    for index in (0, 0, 1, 1):
        readers.write(index=index)
    readers.fetch(0, 0, bytes_max=3 * SIZE)
    assert readers.sizes() == [2 * SIZE, SIZE]


def test_a_partition_for_which_nothing_is_left_is_empty(readers: Readers) -> None:
    readers.write(b"x" * 5000, index=0)
    readers.write(index=1)
    readers.fetch(0, 0, bytes_max=10)
    assert readers.sizes()[0] > 5000
    assert readers.sizes()[1] == 0


def test_a_partition_that_is_not_hosted_answers_its_error_at_once(readers: Readers) -> None:
    readers.put([Wanted(None, 7, 0, 100, error=UnknownTopicOrPartition.code)])
    assert [part.error_code for part in readers.answers[0]] == [UnknownTopicOrPartition.code]


def test_a_full_house_answers_at_once(bench: Bench) -> None:
    bench.create_topic("t", 2, 1, {"flush": "os"})
    readers = Readers(bench, parked_max=1)
    readers.fetch(0)
    readers.fetch(0)
    assert (len(readers.fetches), len(readers.answers)) == (1, 1)


def test_a_stop_answers_all_whatever_their_time(readers: Readers) -> None:
    readers.fetch(0, wait_ms=500)
    readers.fetch(0, wait_ms=9000)
    readers.fetches.drain()
    assert (len(readers.fetches), len(readers.answers)) == (0, 2)


def test_what_was_answered_is_counted(readers: Readers) -> None:
    readers.write()
    readers.fetch(0)
    assert readers.bench.node.counters.bytes_out == SIZE


def rested(readers: Readers) -> None:
    """Let what is written be in a segment of which nothing is in memory any more."""
    readers.write()
    (segment,) = readers.partitions[0].log.segments
    segment.rest()
    for _ in range(2):
        segment.forget_idle_indexes()


def test_a_cold_read_is_answered_when_it_is_there(readers: Readers) -> None:
    rested(readers)
    readers.fetch(0, 0)
    assert readers.answers == []
    readers.pool.finish()
    assert readers.sizes() == [SIZE, 0]


@pytest.mark.parametrize(
    ("error", "code"),
    [(CorruptMessage("bad"), CorruptMessage.code), (OSError("gone"), StorageError.code)],
)
def test_a_cold_read_that_fails_is_its_partition_s_error(
    readers: Readers, error: Exception, code: int
) -> None:
    rested(readers)
    readers.fetch(0, 0)
    readers.pool.finish(error)
    assert [part.error_code for part in readers.answers[0]] == [code, 0]
