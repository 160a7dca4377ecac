"""Produce: what is written, what is refused and with which code, and when the answer comes."""

import pytest

from bus.errors import (
    CorruptMessage,
    InvalidConfig,
    InvalidRecord,
    InvalidTimestamp,
    InvalidTransactionState,
    MessageTooLarge,
    OutOfOrderSequence,
    UnknownTopicOrPartition,
    UnsupportedCompressionType,
)
from bus.model.limits import BATCH_BYTES_MAX
from bus.native.batch import header, seal
from bus.native.builder import encode_list, with_records
from bus.native.compression import compress
from tests.fixtures.node import WALL_MS, Bench, batch_of
from tests.fixtures.requests import produce, told

HOUR_MS = 3600 * 1000


@pytest.fixture(params=["group", "os"])
def topic(request: pytest.FixtureRequest, bench: Bench) -> Bench:
    bench.create_topic("t", 1, 1, {"flush": request.param})
    return bench


def test_records_get_the_next_offsets(topic: Bench) -> None:
    assert told(topic, produce(batch_of(b"a", b"b"))).base_offset == 0
    assert told(topic, produce(batch_of(b"c"))).base_offset == 2


def test_an_answer_with_flush_group_says_that_the_records_are_flushed(bench: Bench) -> None:
    bench.create_topic("t", 1, 1, {"flush": "group"})
    answer = told(bench, produce(batch_of(b"a", b"b")))
    assert answer.flushed_offset == 2
    assert answer.replicas == 1


def test_an_answer_with_flush_group_waits_for_the_disk(bench: Bench) -> None:
    bench.create_topic("t", 1, 1, {"flush": "group"})
    answers = bench.send(produce(batch_of(b"a")))
    assert answers == []
    while not answers:
        assert bench.disk.wait(60)


def test_an_answer_with_flush_os_does_not_wait(bench: Bench) -> None:
    bench.create_topic("t", 1, 1, {"flush": "os"})
    assert len(bench.send(produce(batch_of(b"a")))) == 1


def test_acks_0_is_not_answered(topic: Bench) -> None:
    assert topic.send(produce(batch_of(b"a"), acks=0)) == [None]
    assert told(topic, produce(batch_of(b"b"))).base_offset == 1


def test_a_duplicate_gets_its_first_offset_and_is_not_written(topic: Bench) -> None:
    first = batch_of(b"a", b"b", producer=(7, 0, 0))
    assert told(topic, produce(first)).base_offset == 0
    assert told(topic, produce(batch_of(b"c", producer=(7, 0, 2)))).base_offset == 2
    assert told(topic, produce(first)).base_offset == 0
    assert topic.node.runtime.find("t", 0).log.end_offset == 3


def test_a_gap_in_the_sequences_is_refused(topic: Bench) -> None:
    told(topic, produce(batch_of(b"a", producer=(7, 0, 0))))
    answer = told(topic, produce(batch_of(b"b", producer=(7, 0, 5))))
    assert answer.error_code == OutOfOrderSequence.code
    assert "sequence 5; 1 was due" in (answer.error_message or "")


def flipped(batch: bytes, position: int) -> bytes:
    return batch[:position] + bytes([batch[position] ^ 1]) + batch[position + 1 :]


@pytest.mark.parametrize(
    ("records", "error"),
    [
        (None, InvalidRecord),
        (b"", InvalidRecord),
        (b"garbage", CorruptMessage),
        (batch_of(b"a")[:-1], CorruptMessage),
        (flipped(batch_of(b"a"), 67), CorruptMessage),
        (batch_of(b"a") + batch_of(b"b"), InvalidRecord),
        (batch_of(b"x" * BATCH_BYTES_MAX), MessageTooLarge),
        (batch_of(b"a", timestamp=WALL_MS + 2 * HOUR_MS), InvalidTimestamp),
    ],
)
def test_records_that_may_not_be_written_are_refused(
    bench: Bench, records: bytes | None, error: type
) -> None:
    bench.create_topic("t", 1, 1, {})
    answer = told(bench, produce(records))
    assert answer.error_code == error.code
    assert answer.error_message
    assert bench.node.runtime.find("t", 0).log.end_offset == 0


@pytest.mark.parametrize(("ahead", "error"), [(500, 0), (501, InvalidTimestamp.code)])
def test_a_timestamp_may_be_ahead_of_the_clock_as_far_as_the_topic_says(
    bench: Bench, ahead: int, error: int
) -> None:
    bench.create_topic("t", 1, 1, {"message.timestamp.after.max.ms": "500"})
    now = bench.clock.wall_ms()
    answer = told(bench, produce(batch_of(b"a", timestamp=now + ahead)))
    assert answer.error_code == error
    assert ("message.timestamp.after.max.ms is 500" in (answer.error_message or "")) == bool(error)


def test_a_timestamp_may_be_as_old_as_it_likes(topic: Bench) -> None:
    assert told(topic, produce(batch_of(b"a", timestamp=0))).error_code == 0


def test_a_bound_on_old_timestamps_is_refused_for_it_would_not_be_kept(bench: Bench) -> None:
    with pytest.raises(InvalidConfig, match=r"message\.timestamp\.before\.max\.ms"):
        bench.create_topic("t", 1, 1, {"message.timestamp.before.max.ms": "1000"})
    bench.create_topic("t", 1, 1, {"message.timestamp.before.max.ms": str(2**63 - 1)})


def test_a_timestamp_ahead_does_not_matter_where_the_broker_stamps_its_own(bench: Bench) -> None:
    config = {"message.timestamp.type": "LogAppendTime", "message.timestamp.after.max.ms": "0"}
    bench.create_topic("t", 1, 1, config)
    assert told(bench, produce(batch_of(b"a", timestamp=WALL_MS + HOUR_MS))).error_code == 0


def test_zstd_needs_a_client_that_knows_it(topic: Bench) -> None:
    plain = batch_of(b"a" * 100)
    packed = with_records(plain, 4, compress(4, plain[61:]))
    seal(packed, -1, -1, -1)
    assert told(topic, produce(bytes(packed)), version=6).error_code == (
        UnsupportedCompressionType.code
    )
    assert told(topic, produce(bytes(packed)), version=7).error_code == 0


def test_an_unknown_partition_is_refused(topic: Bench) -> None:
    assert told(topic, produce(batch_of(b"a"), index=9)).error_code == UnknownTopicOrPartition.code


def test_a_transactional_produce_is_refused(topic: Bench) -> None:
    request = produce(batch_of(b"a"))
    request.transactional_id = "tx"
    assert told(topic, request).error_code == InvalidTransactionState.code


def test_the_broker_stamps_its_own_time_where_the_topic_asks(bench: Bench) -> None:
    bench.create_topic("t", 1, 1, {"message.timestamp.type": "LogAppendTime"})
    answer = told(bench, produce(batch_of(b"a", timestamp=5)))
    assert answer.log_append_time_ms == WALL_MS + bench.clock.ms
    log = bench.node.runtime.find("t", 0).log
    assert header(log.read(0, 1000, 1))[6] == answer.log_append_time_ms


@pytest.mark.parametrize("codec", [0, 1])
def test_a_record_without_a_key_is_refused_by_a_compacted_topic(bench: Bench, codec: int) -> None:
    bench.create_topic("t", 1, 1, {"cleanup.policy": "compact"})
    for keys, error in (([b"k", b""], 0), ([b"k", None], InvalidRecord.code)):
        batch, _ = encode_list([b"a", None], keys, WALL_MS, 0, 1 << 20)
        if codec:
            batch = with_records(batch, codec, compress(codec, batch[61:]))
        seal(batch, -1, -1, -1)
        assert told(bench, produce(bytes(batch))).error_code == error


def test_what_could_never_be_compacted_is_refused_by_a_compacted_topic(bench: Bench) -> None:
    bench.create_topic("t", 1, 1, {"cleanup.policy": "compact"})
    batch, _ = encode_list([b"a", b"b"], [b"k", b"l"], WALL_MS, 0, 1 << 20)
    twice = bytes(batch[61 : 61 + (len(batch) - 61) // 2]) * 2  # the first record, and again
    batch = with_records(batch, 1, compress(1, twice))
    seal(batch, -1, -1, -1)
    assert told(bench, produce(bytes(batch))).error_code == CorruptMessage.code
