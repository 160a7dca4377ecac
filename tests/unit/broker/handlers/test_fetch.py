"""Fetch: what is visible, how long it waits, and what ends the wait."""

from uuid import UUID

import pytest

from bus.adapters.disk.facts import boot_id
from bus.adapters.disk.foreign_file import read_range
from bus.errors import (
    FencedLeaderEpoch,
    FetchSessionIdNotFound,
    OffsetNotAvailable,
    OffsetOutOfRange,
    UnknownLeaderEpoch,
    UnknownTopicId,
    UnknownTopicOrPartition,
)
from bus.native.batch import check_all
from bus.wire.fetch import FetchPartition, FetchRequest
from bus.wire.offsets import DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic
from tests.fixtures.node import Bench, batch_of
from tests.fixtures.requests import fetch, got, produce, told


@pytest.fixture
def topic(bench: Bench) -> Bench:
    bench.create_topic("t", 2, 1, {"flush": "os"})
    return bench


def test_written_records_come_back(topic: Bench) -> None:
    told(topic, produce(batch_of(b"a", b"b")))
    data = got(topic, fetch())
    assert data.high_watermark == 2
    (found,) = check_all(data.records)
    assert found[0] == 0
    assert found[10] == 2


def test_records_that_are_not_flushed_are_not_visible(bench: Bench) -> None:
    bench.create_topic("t", 1, 1, {"flush": "group"})
    bench.send(produce(batch_of(b"a"), acks=1))
    data = got(bench, fetch())
    assert data.high_watermark == 0
    assert not data.records


def test_a_fetch_at_the_end_waits_for_its_time(topic: Bench) -> None:
    answers = topic.send(fetch(wait_ms=500))
    topic.pass_ms(499)
    assert answers == []
    topic.pass_ms(1)
    assert len(answers) == 1


def test_a_commit_wakes_a_waiting_fetch(topic: Bench) -> None:
    answers = topic.send(fetch(wait_ms=500))
    told(topic, produce(batch_of(b"a")))
    assert len(answers[0].responses[0].partitions[0].records) > 61
    assert len(topic.node.fetches) == 0


def test_a_fetch_waits_until_it_has_its_minimum(topic: Bench) -> None:
    size = len(batch_of(b"a"))
    answers = topic.send(fetch(wait_ms=500, bytes_min=2 * size))
    told(topic, produce(batch_of(b"a")))
    assert answers == []
    told(topic, produce(batch_of(b"b")))
    assert len(answers[0].responses[0].partitions[0].records) == 2 * size


def test_an_error_in_one_partition_ends_the_wait_for_all(topic: Bench) -> None:
    request = fetch(wait_ms=500)
    request.topics[0].partitions.append(FetchPartition(partition=9))
    partitions = topic.ask(request).responses[0].partitions
    assert [p.error_code for p in partitions] == [0, UnknownTopicOrPartition.code]


def test_the_first_batch_comes_whole_however_small_the_limit(topic: Bench) -> None:
    batch = batch_of(b"x" * 5000)
    told(topic, produce(batch))
    told(topic, produce(batch))
    assert len(got(topic, fetch(bytes_max=1)).records) == len(batch)


def test_deleting_the_topic_ends_the_wait(topic: Bench) -> None:
    answers = topic.send(fetch(wait_ms=500))
    topic.delete_topic("t")
    assert answers[0].responses[0].partitions[0].error_code != 0


@pytest.mark.parametrize("offset", [-1, 1])
def test_an_offset_outside_the_log_is_refused(topic: Bench, offset: int) -> None:
    assert got(topic, fetch(offset, wait_ms=500)).error_code == OffsetOutOfRange.code


@pytest.mark.parametrize(("epoch", "error"), [(7, UnknownLeaderEpoch), (0, None)])
def test_another_leader_epoch_is_refused(topic: Bench, epoch: int, error: type | None) -> None:
    data = got(topic, fetch(current_leader_epoch=epoch))
    assert data.error_code == (error.code if error else 0)


def test_an_older_leader_epoch_is_fenced_after_a_restart(topic: Bench) -> None:
    topic.restart()
    assert got(topic, fetch(current_leader_epoch=0)).error_code == FencedLeaderEpoch.code


def test_a_reader_with_other_records_is_told_where_the_logs_part(topic: Bench) -> None:
    told(topic, produce(batch_of(b"a", b"b")))
    data = got(topic, fetch(2, last_fetched_epoch=5))
    assert data.diverging_epoch is not None
    assert (data.diverging_epoch.epoch, data.diverging_epoch.end_offset) == (0, 2)


def test_a_reader_at_the_start_of_what_is_kept_has_not_parted_from_it(topic: Bench) -> None:
    told(topic, produce(batch_of(b"a", b"b")))
    topic.restart()
    part = DeleteRecordsPartition(partition_index=0, offset=2)
    topic.ask(DeleteRecordsRequest(topics=[DeleteRecordsTopic(name="t", partitions=[part])]))
    data = got(topic, fetch(2, last_fetched_epoch=0))
    assert data.diverging_epoch is None
    assert data.error_code == 0


def test_no_high_watermark_is_told_before_all_of_an_earlier_epoch_is_committed(
    topic: Bench,
) -> None:
    told(topic, produce(batch_of(b"a")))
    topic.node.runtime.find("t", 0).leader.epoch_start_offset = 2  # as a new leader has it (R9)
    assert got(topic, fetch()).error_code == OffsetNotAvailable.code
    told(topic, produce(batch_of(b"b")))
    assert got(topic, fetch()).high_watermark == 2


def test_a_topic_is_found_by_its_id(topic: Bench) -> None:
    request = fetch()
    request.topics[0].topic = ""
    request.topics[0].topic_id = topic.node.metadata.image.topics["t"].topic_id
    assert got(topic, request).error_code == 0
    request.topics[0].topic_id = UUID(int=99)
    assert got(topic, request).error_code == UnknownTopicId.code


def test_a_session_that_is_not_kept_is_said(topic: Bench) -> None:
    request = fetch()
    request.session_id, request.session_epoch = 5, 1
    assert topic.ask(request).error_code == FetchSessionIdNotFound.code


def test_within_a_session_only_what_is_new_is_told(topic: Bench) -> None:
    request = fetch()
    request.session_epoch = 0
    first = topic.ask(request)
    assert (first.session_id > 0, len(first.responses)) == (True, 1)
    again = FetchRequest(session_id=first.session_id, session_epoch=1)
    assert topic.ask(again).responses == []
    told(topic, produce(batch_of(b"a")))
    again.session_epoch = 2
    (found,) = topic.ask(again).responses
    assert found.partitions[0].high_watermark == 1


def test_the_first_batch_comes_whatever_the_limits_say(topic: Bench) -> None:
    told(topic, produce(batch_of(b"a")))
    request = fetch(bytes_max=0)
    request.max_bytes = 0
    assert len(got(topic, request).records) > 61


@pytest.mark.parametrize(("level", "aborted"), [(0, None), (1, [])])
def test_aborted_transactions_are_told_to_who_asks_for_them(
    topic: Bench, level: int, aborted: list[None] | None
) -> None:
    request = fetch()
    request.isolation_level = level
    assert got(topic, request).aborted_transactions == aborted


def test_with_too_many_waiting_a_fetch_is_answered_empty_at_once(tmp_path) -> None:
    bench = Bench(tmp_path / "few", max_parked_fetches=1)
    bench.create_topic("t", 1, 1, {})
    assert bench.send(fetch(wait_ms=500)) == []
    assert len(bench.send(fetch(wait_ms=500))) == 1
    bench.close()


@pytest.fixture
def full(topic: Bench) -> Bench:
    """With more than is worth telling a place of."""
    told(topic, produce(batch_of(b"x" * 300_000)))
    told(topic, produce(batch_of(b"y" * 300_000)))
    return topic


def asked_by(host: str) -> FetchRequest:
    request = fetch(1)
    request.host = host
    return request


def test_a_reader_on_this_machine_is_told_where_the_records_stand(full: Bench) -> None:
    data = got(full, asked_by(full.node.host))
    assert not data.records
    found = read_range(
        data.file_range.path,
        data.file_range.identity,
        data.file_range.position,
        data.file_range.size,
    )
    assert bytes(found) == bytes(got(full, fetch(1)).records)
    assert data.file_range.below == 2


@pytest.mark.parametrize("host", ["", "another"])
def test_a_reader_elsewhere_gets_the_records(full: Bench, host: str) -> None:
    data = got(full, asked_by(host))
    assert data.file_range is None
    assert len(data.records) > 300_000


def test_a_client_of_kafka_s_gets_the_records_whatever_it_says(full: Bench) -> None:
    (answer,) = full.send(asked_by(full.node.host), is_kafka=True)
    data = answer.responses[0].partitions[0]
    assert data.file_range is None
    assert len(data.records) > 300_000


def test_nobody_is_told_a_place_if_the_setting_says_so(tmp_path) -> None:
    bench = Bench(tmp_path / "silent", fetch_from_files=False)
    try:
        bench.create_topic("t", 1, 1, {"flush": "os"})
        told(bench, produce(batch_of(b"x" * 300_000)))
        request = fetch()
        request.host = boot_id()
        assert got(bench, request).file_range is None
    finally:
        bench.close()
