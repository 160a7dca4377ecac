"""Streams: which fetches become one, what each is sent, and how it ends."""

from operator import itemgetter

import pytest

from bus.broker.reads import Fetch, Wanted
from bus.broker.streams import Streams
from bus.errors import NotLeader
from bus.model.limits import (
    STREAM_BEACON_MS,
    STREAM_REST_MS_MAX,
    STREAMS_PER_MS_OF_REST,
    STREAMS_SERVED_AT_ONCE_MAX,
)
from bus.native.batch import header
from tests.fixtures.node import Bench, batch_of
from tests.fixtures.requests import produce, told

SIZE = len(batch_of(b"a"))


class Reader:
    """One peer's fetch, and the answers that it gets."""

    def __init__(
        self,
        tail: "Tail",
        offsets,
        credit=1 << 20,
        part_max=1 << 20,
        peer="reader",
        reads_files=False,
    ):
        self.answers: list = []
        self.gone = False
        wanted = [
            Wanted(partition, partition.index, offset, part_max)
            for partition, offset in zip(tail.partitions, offsets, strict=False)
        ]
        self.fetch = Fetch(
            wanted, 1, 1 << 20, 12, self.answers.append, peer, lambda: self.gone, credit
        )
        self.fetch.reads_files = reads_files
        tail.bench.node.fetches.fetch(self.fetch, 500)

    def offsets(self) -> list[tuple[int, int]]:
        """(partition, base offset) of all records that came."""
        return [
            (part.partition_index, header(part.records)[0])
            for answer in self.answers
            for topic in answer.responses
            for part in topic.partitions
            if part.records
        ]

    def more(self) -> list[bool]:
        return [answer.more for answer in self.answers]


class Tail:
    """A topic of two partitions; deliveries run when the test says so."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.due: list = []
        node = bench.node
        self.streams = Streams(bench.clock, node.counters, self._later)
        node.streams = node.fetches._streams = self.streams
        bench.create_topic("t", 2, 1, {"flush": "os"})
        self.partitions = [node.runtime.find("t", index) for index in (0, 1)]

    def write(self, value: bytes = b"a", index: int = 0) -> None:
        told(self.bench, produce(batch_of(value), index=index))

    def deliver(self) -> None:
        """Whatever is due by now, and what comes to be due by it."""
        while self.due and min(at for at, _ in self.due) <= self.bench.clock.ms:
            self.due.remove(first := min(self.due, key=itemgetter(0)))
            first[1]()

    def _later(self, seconds: float, work) -> None:
        self.due.append((self.bench.clock.ms + round(seconds * 1000), work))

    def reader(self, *offsets: int, **options) -> Reader:
        return Reader(self, offsets, **options)


@pytest.fixture
def tail(bench: Bench) -> Tail:
    return Tail(bench)


def test_a_fetch_at_the_end_gets_each_batch_that_becomes_visible(tail: Tail) -> None:
    reader = tail.reader(0)
    for _ in range(3):
        tail.write()
        tail.deliver()
    assert reader.offsets() == [(0, 0), (0, 1), (0, 2)]
    assert reader.more() == [True, True, True]


def test_a_fetch_without_credit_gets_one_answer(tail: Tail) -> None:
    reader = tail.reader(0, credit=-1)
    tail.write()
    tail.write()
    tail.deliver()
    assert (reader.offsets(), reader.more()) == ([(0, 0)], [False])


def test_what_is_there_already_comes_first(tail: Tail) -> None:
    tail.write()
    reader = tail.reader(0)
    tail.write()
    tail.deliver()
    assert reader.offsets() == [(0, 0), (0, 1)]


def test_a_fetch_that_does_not_reach_the_end_is_a_plain_one(tail: Tail) -> None:
    tail.write()
    tail.write()
    reader = tail.reader(0, part_max=10)
    assert (reader.more(), len(tail.streams)) == ([False], 0)


def test_what_commits_after_a_silence_leaves_without_a_turn_of_the_loop(tail: Tail) -> None:
    reader = tail.reader(0)
    tail.write()
    assert reader.offsets() == [(0, 0)]


def test_to_many_readers_nothing_leaves_before_the_next_turn(tail: Tail) -> None:
    readers = [tail.reader(0, peer=str(n)) for n in range(STREAMS_SERVED_AT_ONCE_MAX + 1)]
    tail.write()
    assert [reader.answers for reader in readers] == [[]] * len(readers)


def test_what_commits_before_a_delivery_comes_in_one_answer(tail: Tail) -> None:
    reader = tail.reader(0)
    for _ in range(3):
        tail.write()
    assert reader.offsets() == [(0, 0)]
    tail.deliver()
    assert len(reader.answers) == 2
    assert len(reader.answers[1].responses[0].partitions[0].records) == 2 * SIZE


def test_an_answer_has_only_the_partitions_that_moved(tail: Tail) -> None:
    reader = tail.reader(0, 0)
    tail.write(index=1)
    tail.deliver()
    parts = reader.answers[0].responses[0].partitions
    assert [part.partition_index for part in parts] == [1]


def test_more_than_an_answer_holds_comes_in_several(tail: Tail) -> None:
    reader = tail.reader(0, part_max=10)
    tail.write()
    tail.write()
    tail.deliver()
    assert reader.offsets() == [(0, 0), (0, 1)]
    assert len(reader.answers) == 2


def test_readers_at_the_same_place_share_one_answer(tail: Tail) -> None:
    first, second = tail.reader(0, peer="a"), tail.reader(0, peer="b")
    tail.write()
    tail.deliver()
    assert first.answers[0] is second.answers[0]


def test_a_reader_that_began_later_gets_only_what_it_lacks(tail: Tail) -> None:
    first = tail.reader(0, peer="a")
    tail.write()
    tail.write()
    second = tail.reader(1, peer="b")
    tail.write()
    tail.deliver()
    assert first.offsets() == [(0, 0), (0, 1)]
    assert second.offsets() == [(0, 1), (0, 2)]


def test_used_up_credit_ends_a_stream_with_a_whole_answer(tail: Tail) -> None:
    reader = tail.reader(0, 0, credit=SIZE + 1)
    for _ in range(2):
        tail.write()
        tail.deliver()
    assert (reader.more(), len(tail.streams)) == ([True, False], 0)
    assert reader.offsets() == [(0, 0), (0, 1)]
    assert len(reader.answers[-1].responses[0].partitions) == 2


def test_each_reader_has_a_credit_of_its_own(tail: Tail) -> None:
    poor, rich = tail.reader(0, peer="a", credit=1), tail.reader(0, peer="b")
    tail.write()
    tail.deliver()
    assert (poor.more(), rich.more()) == ([False], [True])


def test_a_partition_that_is_gone_ends_a_stream_with_its_error(tail: Tail) -> None:
    reader = tail.reader(0)
    tail.bench.delete_topic("t")
    tail.deliver()
    assert reader.more() == [False]
    assert reader.answers[0].responses[0].partitions[0].error_code == NotLeader.code


def test_silence_is_shown_once_a_beacon_s_time(tail: Tail) -> None:
    reader = tail.reader(0)
    for _ in range(3):
        tail.bench.pass_ms(STREAM_BEACON_MS)
        tail.streams.tick(tail.bench.clock.ms)
    assert (reader.more(), reader.offsets()) == ([True, True], [])


def test_a_reader_s_next_fetch_of_a_partition_ends_its_stream(tail: Tail) -> None:
    older, other = tail.reader(0), tail.reader(0, peer="other")
    newer = tail.reader(0)
    tail.write()
    tail.deliver()
    assert (older.more(), older.offsets()) == ([False], [])
    assert (newer.offsets(), other.offsets()) == ([(0, 0)], [(0, 0)])


def test_who_is_gone_is_sent_nothing_and_forgotten(tail: Tail) -> None:
    reader = tail.reader(0)
    reader.gone = True
    tail.write()
    tail.deliver()
    assert (reader.answers, len(tail.streams)) == ([], 0)


def test_who_is_gone_is_noticed_without_a_commit(tail: Tail) -> None:
    reader = tail.reader(0)
    reader.gone = True
    tail.bench.pass_ms(STREAM_BEACON_MS)
    tail.streams.tick(tail.bench.clock.ms)
    assert len(tail.streams) == 0


def test_a_stop_ends_every_stream(tail: Tail) -> None:
    reader = tail.reader(0)
    tail.bench.node.fetches.drain()
    assert (reader.more(), len(tail.streams)) == ([False], 0)


def test_a_few_readers_are_served_at_every_turn(tail: Tail) -> None:
    readers = [tail.reader(0, peer=str(n)) for n in range(STREAMS_PER_MS_OF_REST - 1)]
    for _ in range(3):
        tail.write()
        tail.deliver()
    assert all(len(reader.answers) == 3 for reader in readers)


def test_after_a_delivery_to_many_a_partition_rests_and_collects(tail: Tail) -> None:
    readers = [tail.reader(0, peer=str(n)) for n in range(5 * STREAMS_PER_MS_OF_REST)]
    for _ in range(3):
        tail.write()
        tail.deliver()
    assert all(reader.offsets() == [(0, 0)] for reader in readers)
    tail.bench.pass_ms(5)
    tail.deliver()
    assert all(reader.offsets() == [(0, 0), (0, 1)] for reader in readers)
    assert len(readers[0].answers[1].responses[0].partitions[0].records) == 2 * SIZE


def test_a_rest_has_an_end_however_many_there_are(tail: Tail) -> None:
    count = 2 * STREAM_REST_MS_MAX * STREAMS_PER_MS_OF_REST
    readers = [tail.reader(0, peer=str(n)) for n in range(count)]
    for _ in range(2):
        tail.write()
        tail.deliver()
    tail.bench.pass_ms(STREAM_REST_MS_MAX)
    tail.deliver()
    assert all(len(reader.answers) == 2 for reader in readers)


def test_a_partition_does_not_wait_for_another_one_s_rest(tail: Tail) -> None:
    for number in range(5 * STREAMS_PER_MS_OF_REST):
        tail.reader(0, peer=str(number))
    both = tail.reader(0, 0)
    for _ in range(2):
        tail.write(index=0)
        tail.write(index=1)
        tail.deliver()
    assert both.offsets() == [(0, 0), (1, 0), (1, 1)]


def test_after_a_silence_nothing_waits(tail: Tail) -> None:
    readers = [tail.reader(0, peer=str(n)) for n in range(5 * STREAMS_PER_MS_OF_REST)]
    for _ in range(2):
        tail.write()
        tail.deliver()
        tail.bench.pass_ms(STREAM_REST_MS_MAX)
    assert all(reader.offsets() == [(0, 0), (0, 1)] for reader in readers)


def told_of(reader: Reader) -> list[tuple[int, int]]:
    """(records' bytes, end of the place told of or -1) of each answer."""
    return [
        (len(part.records), part.file_range.below if part.file_range is not None else -1)
        for answer in reader.answers
        for topic in answer.responses
        for part in topic.partitions
    ]


def test_a_reader_of_files_is_sent_places_where_much_follows(tail: Tail) -> None:
    reader = Reader(tail, [0], reads_files=True)
    tail.write(b"x" * 300_000)
    tail.deliver()
    tail.write(b"y")
    tail.deliver()
    assert told_of(reader) == [(0, 1), (len(batch_of(b"y")), -1)]
    assert reader.more() == [True, True]


def test_readers_of_bytes_beside_it_are_sent_bytes(tail: Tail) -> None:
    files, other = Reader(tail, [0], reads_files=True), Reader(tail, [0], peer="other")
    tail.write(b"x" * 300_000)
    tail.deliver()
    assert told_of(files) == [(0, 1)]
    assert told_of(other) == [(len(batch_of(b"x" * 300_000)), -1)]
