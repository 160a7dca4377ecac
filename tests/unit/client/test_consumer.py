"""The consumer against a broker in memory."""

import threading

import numpy as np
import pytest

from bus.client.consumer import Consumer
from bus.client.producer import Producer
from bus.errors import (
    BadSetting,
    Closed,
    CorruptBatch,
    LogTruncated,
    NetworkError,
    OffsetOutOfRange,
    UnknownTopicOrPartition,
)
from bus.model.batch import BatchInfo
from bus.native import batch as native
from tests.fixtures.kfake import ENDPOINT, FakeBroker


@pytest.fixture
def broker():
    return FakeBroker(t=1, wide=3)


@pytest.fixture
def producer(broker):
    with Producer(ENDPOINT, connect=broker.connect) as producer:
        yield producer


@pytest.fixture
def opened(broker):
    consumers = []

    def open_one(**options):
        consumers.append(Consumer(ENDPOINT, connect=broker.connect, **options))
        return consumers[-1]

    yield open_one
    for consumer in consumers:
        consumer.close()


def test_what_was_sent_is_read_in_order(producer, opened):
    producer.send("t", b"a", key=b"k", headers=[("h", b"1")], timestamp=5).result(60)
    producer.send("t", None, timestamp=6).result(60)
    consumer = opened()
    consumer.assign([("t", 0)])
    records = [next(iter(consumer)) for _ in range(1)]
    first = records[0]
    assert (first.topic, first.partition, first.offset, first.timestamp) == ("t", 0, 0, 5)
    assert (first.key, first.value, first.headers) == (b"k", b"a", [("h", b"1")])


def test_a_batch_has_columns_and_lists(producer, opened):
    producer.send_batch("t", [b"a", None, b"ccc"], timestamps=[1, 2, 3]).result(60)
    consumer = opened()
    consumer.assign([("t", 0)])
    batch = consumer.poll_batch()
    assert batch.offsets.tolist() == [0, 1, 2]
    assert batch.offsets.dtype == batch.timestamps.dtype == np.int64
    assert batch.timestamps.tolist() == [1, 2, 3]
    assert batch.values == [b"a", None, b"ccc"]
    assert batch.keys == [None, None, None]
    index, start, end = batch.value_spans[2].tolist()
    assert bytes(batch.buffers[index][start:end]) == b"ccc"
    assert batch.value_spans[1].tolist() == [-1, -1, -1]
    assert [record.value for record in batch] == batch.values


def test_a_poll_that_times_out_gives_an_empty_batch(opened):
    consumer = opened()
    consumer.assign([("t", 0)])
    batch = consumer.poll_batch(timeout=0.02)
    assert len(batch) == 0
    assert not batch
    assert batch.values == []
    assert batch.offsets.shape == (0,)
    assert batch.value_spans.shape == (0, 3)


def test_max_records_is_kept_and_nothing_is_lost_at_the_seams(producer, opened):
    producer.send_batch("t", [b"%d" % i for i in range(100)]).result(60)
    consumer = opened()
    consumer.assign([("t", 0)])
    values = []
    while len(values) < 100:
        batch = consumer.poll_batch(max_records=7, timeout=60)
        assert 0 < len(batch) <= 7
        values += batch.values
        assert consumer.position("t", 0) == len(values)
    assert not consumer.poll_batch(timeout=0.05)
    assert values == [b"%d" % i for i in range(100)]


def test_a_subscription_reads_all_partitions(producer, opened):
    for index in range(3):
        producer.send("wide", b"%d" % index, partition=index).result(60)
    consumer = opened()
    consumer.subscribe("wide")
    records = consumer.records(timeout=60)
    assert sorted(next(records).value for _ in range(3)) == [b"0", b"1", b"2"]
    assert consumer.assignment() == [("wide", 0), ("wide", 1), ("wide", 2)]


def test_subscribing_to_an_unknown_topic_is_a_sentence(opened):
    with pytest.raises(UnknownTopicOrPartition, match="There is no topic 'nope'"):
        opened().subscribe("nope")


def test_a_waiting_poll_is_woken_by_a_new_record(producer, opened):
    consumer = opened()
    consumer.assign([("t", 0)])
    consumer.poll_batch(timeout=0.02)
    timer = threading.Timer(0.05, lambda: producer.send("t", b"late"))
    timer.start()
    assert consumer.poll_batch(timeout=60).values == [b"late"]
    timer.join()


def test_seek_goes_to_an_offset_an_end_or_a_time(producer, opened):
    for i in range(5):
        producer.send("t", b"%d" % i, timestamp=1000 * (i + 1)).result(60)
    consumer = opened(start="latest")
    consumer.assign([("t", 0)])
    assert not consumer.poll_batch(timeout=0.02)
    consumer.seek("t", 0, 3)
    assert consumer.poll_batch(1, timeout=60).values == [b"3"]
    consumer.seek("t", 0, "earliest")
    assert consumer.poll_batch(1, timeout=60).values == [b"0"]
    consumer.seek("t", 0, timestamp=2500)
    assert consumer.poll_batch(1, timeout=60).values == [b"2"]
    consumer.seek("t", 0, timestamp=99_000)
    assert not consumer.poll_batch(timeout=0.02)


def test_records_below_the_position_are_left_out(producer, opened):
    producer.send_batch("t", [b"%d" % i for i in range(10)]).result(60)
    consumer = opened()
    consumer.assign([("t", 0)])
    consumer.seek("t", 0, 6)
    assert consumer.poll_batch(timeout=60).values == [b"6", b"7", b"8", b"9"]


def test_the_position_follows_a_loop_record_by_record(producer, opened):
    producer.send_batch("t", [b"%d" % i for i in range(10)]).result(60)
    consumer = opened()
    consumer.assign([("t", 0)])
    for record in consumer:
        assert consumer.position("t", 0) == record.offset + 1
        if record.offset == 4:
            break
    assert consumer.poll_batch(timeout=60).values == [b"%d" % i for i in range(5, 10)]


def test_a_paused_partition_is_silent_and_loses_nothing(producer, opened):
    consumer = opened()
    consumer.assign([("wide", 0), ("wide", 1)])
    consumer.pause(("wide", 0))
    producer.send("wide", b"0", partition=0).result(60)
    producer.send("wide", b"1", partition=1).result(60)
    assert consumer.poll_batch(timeout=60).values == [b"1"]
    assert not consumer.poll_batch(timeout=0.02)
    consumer.resume(("wide", 0))
    assert consumer.poll_batch(timeout=60).values == [b"0"]


def test_a_partition_paused_in_the_middle_of_a_chunk_goes_on_where_it_was(producer, opened):
    producer.send_batch("t", [b"%d" % i for i in range(10)]).result(60)
    consumer = opened()
    consumer.assign([("t", 0)])
    assert len(consumer.poll_batch(4, timeout=60)) == 4
    consumer.pause()
    assert not consumer.poll_batch(timeout=0.02)
    consumer.resume()
    assert consumer.poll_batch(timeout=60).values == [b"%d" % i for i in range(4, 10)]


def test_an_offset_out_of_range_is_raised_until_the_reader_seeks(producer, opened):
    producer.send("t", b"a").result(60)
    consumer = opened()
    consumer.assign([("t", 0)])
    consumer.seek("t", 0, 50)
    for _ in range(2):
        with pytest.raises(OffsetOutOfRange, match="offset 50 is outside the log"):
            consumer.poll_batch(timeout=60)
    consumer.seek("t", 0, 0)
    assert consumer.poll_batch(timeout=60).values == [b"a"]


def test_an_offset_out_of_range_may_go_to_an_end_by_rule(producer, opened):
    producer.send("t", b"a").result(60)
    consumer = opened(out_of_range="earliest")
    consumer.assign([("t", 0)])
    consumer.seek("t", 0, 50)
    assert consumer.poll_batch(timeout=60).values == [b"a"]


def test_a_log_that_was_cut_below_the_position_is_told_apart(producer, opened, broker):
    producer.send_batch("t", [b"a"] * 5).result(60)
    consumer = opened()
    consumer.assign([("t", 0)])
    assert len(consumer.poll_batch(timeout=60)) == 5

    def cut():
        log = broker.topics["t"][0]
        log.batches.clear()
        log.end = 2
        broker._wake()

    consumer._io.call(cut)
    with pytest.raises(LogTruncated, match="cut at offset 2"):
        consumer.poll_batch(timeout=60)


def damaged(broker):
    info, data = broker.topics["t"][0].batches[0]
    spoiled = bytearray(data)
    spoiled[-1] ^= 1
    broker.topics["t"][0].batches[0] = (info, bytes(spoiled))


def test_a_damaged_batch_is_raised_with_its_place(producer, opened, broker):
    producer.send("t", b"abc").result(60)
    damaged(broker)
    consumer = opened()
    consumer.assign([("t", 0)])
    with pytest.raises(CorruptBatch, match="t/0: the batch at offset 0 is damaged"):
        consumer.poll_batch(timeout=60)


def test_the_check_of_checksums_may_be_left_out(producer, opened, broker):
    producer.send("t", b"abc").result(60)
    info, data = broker.topics["t"][0].batches[0]
    spoiled = bytearray(data)
    spoiled[17] ^= 1
    broker.topics["t"][0].batches[0] = (info, bytes(spoiled))
    consumer = opened(check_crcs=False)
    consumer.assign([("t", 0)])
    assert consumer.poll_batch(timeout=60).values == [b"abc"]


@pytest.mark.parametrize("compression", ["gzip", "snappy", "lz4", "zstd"])
def test_compressed_batches_are_opened(broker, opened, compression):
    with Producer(ENDPOINT, connect=broker.connect, compression=compression) as producer:
        producer.send_batch("t", [b"a" * 50] * 100).result(60)
        producer.send_batch("t", [b"b" * 50] * 100).result(60)
    consumer = opened()
    consumer.assign([("t", 0)])
    values = []
    while len(values) < 200:
        values += consumer.poll_batch(timeout=60).values
    assert values == [b"a" * 50] * 100 + [b"b" * 50] * 100


def test_control_batches_are_left_out(producer, opened, broker):
    producer.send("t", b"a").result(60)
    log = broker.topics["t"][0]
    _, data = log.batches[0]
    control = bytearray(data)
    control[22] |= 0x20
    control[17:21] = native.crc32c(control[21:]).to_bytes(4, "big")
    native.stamp(control, 0, 1, 0)
    log.batches.append((BatchInfo(*native.header(control)), bytes(control)))
    log.end = 2
    consumer = opened()
    consumer.assign([("t", 0)])
    assert consumer.poll_batch(timeout=60).values == [b"a"]
    assert consumer.position("t", 0) == 2


def test_a_lost_connection_is_opened_again(producer, opened, broker):
    consumer = opened()
    consumer.assign([("t", 0)])
    consumer.poll_batch(timeout=0.02)
    consumer._io.call(broker.cut)
    producer.send("t", b"a").result(60)
    assert consumer.poll_batch(timeout=60).values == [b"a"]


def test_errors_that_pass_are_tried_again(producer, opened, broker):
    producer.send("t", b"a").result(60)
    lost = iter([NetworkError("gone")] * 3)
    broker.faults.append(lambda request: next(lost, None))
    consumer = opened()
    consumer.assign([("t", 0)])
    assert consumer.poll_batch(timeout=60).values == [b"a"]


def test_positions_are_kept_for_a_group_only(opened):
    with pytest.raises(BadSetting, match="open the consumer with group="):
        opened().commit()
    with pytest.raises(BadSetting, match="only a consumer with group= has that"):
        Consumer(ENDPOINT, instance_id="a")


def test_what_is_not_assigned_is_named(opened):
    with pytest.raises(BadSetting, match="t/5 is not assigned"):
        opened().position("t", 5)


def test_close_ends_a_waiting_loop(opened):
    consumer = opened()
    consumer.assign([("t", 0)])
    timer = threading.Timer(0.05, consumer.close)
    timer.start()
    assert list(consumer) == []
    timer.join()


def test_close_ends_a_waiting_poll_with_an_error(opened):
    consumer = opened()
    consumer.assign([("t", 0)])
    timer = threading.Timer(0.05, consumer.close)
    timer.start()
    with pytest.raises(Closed):
        consumer.poll_batch(timeout=60)
    timer.join()


def test_iteration_ends_after_the_consumers_timeout(producer, opened):
    producer.send_batch("t", [b"a"] * 3).result(60)
    consumer = opened(timeout=0.05)
    consumer.assign([("t", 0)])
    assert len(consumer.poll_batch(1, timeout=60)) == 1  # the others are here with it
    assert len(list(consumer)) == 2


def test_a_prefetch_stays_within_its_bytes(producer, opened):
    for _ in range(40):
        producer.send_batch("t", [b"x" * 1000] * 60)
    producer.flush(60)
    consumer = opened(prefetch_bytes=256 * 1024, partition_bytes=64 * 1024)
    consumer.assign([("t", 0)])
    count = 0
    while count < 2400:
        count += len(consumer.poll_batch(timeout=60))
        assert consumer.reading.receiver._fetcher.buffered <= 256 * 1024 + 128 * 1024
    assert not consumer.poll_batch(timeout=0.1)
