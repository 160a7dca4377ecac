"""The ends of a log, a time and an epoch in it, and its start moved up."""

import pytest

from bus.errors import FencedLeaderEpoch, OffsetOutOfRange, UnknownTopicOrPartition
from bus.wire.offsets import (
    DeleteRecordsPartition,
    DeleteRecordsRequest,
    DeleteRecordsTopic,
    ListOffsetsPartition,
    ListOffsetsRequest,
    ListOffsetsTopic,
    OffsetForLeaderEpochRequest,
    OffsetForLeaderPartition,
    OffsetForLeaderTopic,
)
from tests.fixtures.node import WALL_MS, Bench, batch_of
from tests.fixtures.requests import fetch, got, produce, told

LATEST, EARLIEST, MAX_TIMESTAMP = -1, -2, -3


@pytest.fixture
def topic(bench: Bench) -> Bench:
    """Offsets 0 to 5: two records at each of three times, the latest time in the middle."""
    bench.create_topic("t", 1, 1, {"flush": "os"})
    for time in (10, 30, 20):
        told(bench, produce(batch_of(b"a", b"b", timestamp=WALL_MS + time)))
    return bench


def offset(bench: Bench, timestamp: int, index: int = 0, epoch: int = -1):
    asked = ListOffsetsPartition(index, epoch, timestamp)
    request = ListOffsetsRequest(topics=[ListOffsetsTopic("t", [asked])])
    return bench.ask(request).topics[0].partitions[0]


def delete(bench: Bench, before: int, index: int = 0):
    asked = DeleteRecordsTopic("t", [DeleteRecordsPartition(index, before)])
    return bench.ask(DeleteRecordsRequest(topics=[asked])).topics[0].partitions[0]


@pytest.mark.parametrize(
    ("timestamp", "found"),
    [
        (LATEST, (-1, 6)),
        (EARLIEST, (-1, 0)),
        (MAX_TIMESTAMP, (WALL_MS + 30, 2)),
        (0, (WALL_MS + 10, 0)),
        (WALL_MS + 11, (WALL_MS + 30, 2)),
        (WALL_MS + 30, (WALL_MS + 30, 2)),
        (WALL_MS + 31, (-1, -1)),
    ],
)
def test_a_place_in_the_log_is_found(topic: Bench, timestamp: int, found) -> None:
    answer = offset(topic, timestamp)
    assert (answer.error_code, (answer.timestamp, answer.offset)) == (0, found)
    assert answer.leader_epoch == (-1 if answer.offset < 0 else 0)


def test_what_is_not_committed_is_not_found(bench: Bench) -> None:
    bench.create_topic("t", 1, 1, {"flush": "group"})
    bench.send(produce(batch_of(b"a"), acks=1))
    assert offset(bench, LATEST).offset == 0
    assert offset(bench, 0).offset == -1
    assert offset(bench, MAX_TIMESTAMP).offset == -1


def test_an_empty_log_has_ends_and_no_times(bench: Bench) -> None:
    bench.create_topic("t", 1)
    assert [offset(bench, time).offset for time in (LATEST, EARLIEST)] == [0, 0]
    assert [offset(bench, time).offset for time in (MAX_TIMESTAMP, 0)] == [-1, -1]


def test_a_partition_that_is_not_there_is_an_error(topic: Bench) -> None:
    assert offset(topic, LATEST, index=5).error_code == UnknownTopicOrPartition.code
    assert delete(topic, 1, index=5).error_code == UnknownTopicOrPartition.code


def test_an_older_leader_epoch_is_fenced(topic: Bench) -> None:
    topic.restart()
    assert offset(topic, LATEST, epoch=0).error_code == FencedLeaderEpoch.code


def test_records_below_an_offset_are_given_up(topic: Bench) -> None:
    assert delete(topic, 3).low_watermark == 3
    assert offset(topic, EARLIEST).offset == 3
    assert got(topic, fetch(2)).error_code == OffsetOutOfRange.code
    assert got(topic, fetch(3)).error_code == 0


def test_minus_one_gives_up_all_that_is_committed(topic: Bench) -> None:
    assert delete(topic, -1).low_watermark == 6
    assert offset(topic, LATEST).offset == 6


def test_a_start_never_moves_back(topic: Bench) -> None:
    delete(topic, 4)
    assert delete(topic, 2).low_watermark == 4


@pytest.mark.parametrize("before", [-2, 7])
def test_records_that_are_not_there_cannot_be_given_up(topic: Bench, before: int) -> None:
    answer = delete(topic, before)
    assert (answer.error_code, answer.low_watermark) == (OffsetOutOfRange.code, -1)
    assert offset(topic, EARLIEST).offset == 0


def epoch_end(bench: Bench, epoch: int, current: int = -1, index: int = 0):
    asked = OffsetForLeaderPartition(index, current, epoch)
    request = OffsetForLeaderEpochRequest(topics=[OffsetForLeaderTopic("t", [asked])])
    answer = bench.ask(request).topics[0].partitions[0]
    return answer.error_code, answer.leader_epoch, answer.end_offset


def test_an_epoch_ends_where_the_next_begins(topic: Bench) -> None:
    topic.restart()
    assert epoch_end(topic, 0) == (0, 0, 6)
    told(topic, produce(batch_of(b"c")))
    assert epoch_end(topic, 0) == (0, 0, 6)
    assert epoch_end(topic, 1) == (0, 1, 7)


def test_the_latest_epoch_is_known_before_it_has_records(topic: Bench) -> None:
    topic.restart()
    assert epoch_end(topic, 1) == (0, 1, 6)


def test_an_epoch_of_the_future_is_not_known(topic: Bench) -> None:
    assert epoch_end(topic, 5) == (0, -1, -1)


def test_an_epoch_older_than_all_records_ends_where_those_begin(topic: Bench) -> None:
    topic.restart()
    told(topic, produce(batch_of(b"c")))
    delete(topic, 7)
    topic.restart()
    assert epoch_end(topic, 0) == (0, 0, 7)


def test_who_asks_by_another_epoch_than_ours_is_told(topic: Bench) -> None:
    topic.restart()
    assert epoch_end(topic, 0, current=0)[0] == FencedLeaderEpoch.code
    assert epoch_end(topic, 0, index=9)[0] == UnknownTopicOrPartition.code


def test_an_offset_comes_with_the_epoch_of_its_record(topic: Bench) -> None:
    topic.restart()
    told(topic, produce(batch_of(b"c", timestamp=WALL_MS + 90)))
    found = [offset(topic, time).leader_epoch for time in (EARLIEST, WALL_MS + 90, LATEST)]
    assert found == [0, 1, 1]
