"""The producer against a broker in memory."""

import threading
import time

import pytest

from bus.client.options import CODECS
from bus.client.producer import Producer
from bus.errors import (
    BadSetting,
    BrokerUnreachable,
    BufferFull,
    Closed,
    MessageTooLarge,
    NetworkError,
    NotLeader,
    RequestTimedOut,
    UnknownTopicOrPartition,
)
from bus.native.batch import check
from bus.wire.produce import (
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceResponse,
)
from tests.fixtures.kfake import ENDPOINT, FakeBroker
from tests.fixtures.waiting import wait_until

FOREVER_MS = 3_600_000


@pytest.fixture
def broker():
    return FakeBroker(t=1, wide=3)


@pytest.fixture
def opened(broker):
    producers = []

    def open_one(**options):
        producers.append(Producer(ENDPOINT, connect=broker.connect, **options))
        return producers[-1]

    yield open_one
    for producer in producers:
        producer._retire(Closed())
        producer.release()


def refuse(code, times=1):
    left = [times]

    def fault(request):
        if isinstance(request, ProduceRequest) and left[0]:
            left[0] -= 1
            topics = [
                TopicProduceResponse(
                    t.name, [PartitionProduceResponse(p.index, code) for p in t.partition_data]
                )
                for t in request.topic_data
            ]
            return ProduceResponse(topics)
        return None

    return fault


def test_a_record_is_delivered_with_its_offset_and_durability(opened):
    producer = opened()
    first, second = producer.send("t", b"a"), producer.send("t", b"b")
    assert (first.result(60), second.result(60)) == (0, 1)
    assert (first.topic, first.partition, first.count) == ("t", 0, 1)
    assert first.durability == "flushed"
    assert first.durability.replicas == 1


def test_waiting_for_a_delivery_does_not_wait_for_linger(opened):
    assert opened(linger_ms=FOREVER_MS // 1000).send("t", b"a").result(60) == 0


def test_records_with_the_same_key_go_to_kafkas_partition(opened):
    producer = opened()
    places = {key: producer.send("wide", b"v", key=key).partition for key in (b"21", b"foobar")}
    # murmur2 of Kafka's own test vectors: 21 -> -973932308, foobar -> -790332482
    assert places == {
        b"21": (-973932308 & 0x7FFFFFFF) % 3,
        b"foobar": (-790332482 & 0x7FFFFFFF) % 3,
    }


def test_the_fast_path_for_keys_agrees_with_the_slow_one(opened):
    producer = opened()
    keys = [b"%d" % i for i in range(50)]
    slow = {key: producer.send("wide", b"v", key=key).partition for key in keys}
    assert {key: producer.send("wide", b"v", key=key).partition for key in keys} == slow


def test_records_without_a_key_stay_on_one_partition_until_its_batch_is_closed(opened):
    producer = opened()
    first = [producer.send("wide", b"v") for _ in range(10)]
    assert len({delivery.partition for delivery in first}) == 1
    producer.flush(60)
    assert producer.send("wide", b"v").partition != first[0].partition


def test_send_batch_without_keys_goes_to_one_partition(opened):
    deliveries = opened().send_batch("wide", [b"x" * 1000] * 3000).result(60)
    assert len(deliveries) > 1
    assert len({delivery.partition for delivery in deliveries}) == 1
    assert sum(delivery.count for delivery in deliveries) == 3000


def test_send_batch_with_keys_keeps_the_order_of_each_key(opened, broker):
    producer = opened()
    keys = [b"%d" % (i % 7) for i in range(1000)]
    producer.send_batch("wide", [b"%d" % i for i in range(1000)], keys=keys).result(60)
    assert sum(log.end for log in broker.topics["wide"]) == 1000
    assert all(producer.send("wide", b"v", key=k).partition is not None for k in set(keys))


def test_send_and_send_batch_keep_their_order(opened, broker):
    producer = opened()
    first = producer.send("t", b"1")
    second = producer.send_batch("t", [b"2"])
    third = producer.send("t", b"3")
    assert [first.result(60), second[0].result(60), third.result(60)] == [0, 1, 2]


@pytest.mark.parametrize("compression", CODECS)
def test_batches_are_compressed_and_still_valid(opened, broker, compression):
    opened(compression=compression).send_batch("t", [b"a" * 100] * 100).result(60)
    info, data = broker.topics["t"][0].batches[0]
    check(data)
    assert info.compression == CODECS[compression]
    assert info.record_count == 100


def test_a_retriable_error_is_retried_and_the_batch_is_written_once(opened, broker):
    broker.faults.append(refuse(NotLeader.code, 2))
    assert opened().send("t", b"a").result(60) == 0
    assert broker.topics["t"][0].end == 1


def test_a_lost_connection_with_batches_in_flight_loses_and_doubles_nothing(opened, broker):
    producer = opened()
    producer.send("t", b"0").result(60)
    broker.held = []
    deliveries = [producer.send_batch("t", [b"%d" % i]) for i in range(1, 5)]
    assert wait_until(lambda: len(broker.held or ()) == 4)
    producer._io.call(broker.cut)
    assert [d.result(60)[0].offset for d in deliveries] == [1, 2, 3, 4]
    assert broker.topics["t"][0].end == 5


def test_a_final_error_fails_the_delivery_and_the_flush(opened, broker):
    broker.faults.append(refuse(MessageTooLarge.code))
    producer = opened()
    delivery = producer.send("t", b"a")
    with pytest.raises(MessageTooLarge):
        producer.flush(60)
    with pytest.raises(MessageTooLarge):
        delivery.result(60)
    producer.send("t", b"b").result(60)
    producer.flush(60)


def shrink(producer, broker, bytes_max):
    """After the producer has learned what the topic took."""
    producer.send("t", b"first").result(60)
    broker.topics["t"][0].bytes_max = bytes_max


def test_a_batch_above_a_limit_that_shrank_is_cut_and_each_record_is_told_of(opened, broker):
    producer = opened(linger_ms=20)
    shrink(producer, broker, 300)
    deliveries = [producer.send("t", b"%04d" % number) for number in range(300)]
    assert [delivery.result(60) for delivery in deliveries] == list(range(1, 301))
    assert {delivery.durability for delivery in deliveries} == {"flushed"}
    counts = [info.record_count for info, _ in broker.topics["t"][0].batches]
    assert max(counts) > 1
    sequences = [info.base_sequence for info, _ in broker.topics["t"][0].batches]
    assert sequences == sorted(sequences)
    producer.flush(60)
    assert wait_until(lambda: not producer.intake.outbox.unfinished)
    assert producer.intake.outbox.used == 0


def test_of_a_batch_that_was_cut_only_the_record_that_is_too_large_fails(opened, broker):
    producer = opened(linger_ms=20)
    shrink(producer, broker, 300)
    values = [b"x" * 900 if number == 40 else b"y" for number in range(100)]
    deliveries = [producer.send("t", value) for value in values]
    with pytest.raises(MessageTooLarge, match=r"A record for t/0 is too large: 9\d\d bytes"):
        deliveries[40].result(60)
    others = [delivery.result(60) for delivery in deliveries if delivery is not deliveries[40]]
    assert others == list(range(1, 100))
    assert deliveries[40].offset == -1
    producer.flush(60)


@pytest.mark.parametrize("compression", CODECS)
def test_a_send_batch_that_is_cut_is_told_of_as_a_whole(opened, broker, compression):
    producer = opened(compression=compression)
    shrink(producer, broker, 400)
    made = producer.send_batch("t", [b"%d" % (number**5) for number in range(500)]).result(60)
    assert made.count_records == 500
    assert made[0].offset == 1
    assert made.durability == "flushed"
    assert broker.topics["t"][0].end == 501


def test_a_send_batch_of_which_a_record_is_too_large_raises_that_once(opened, broker):
    producer = opened()
    shrink(producer, broker, 300)
    deliveries = producer.send_batch("t", [b"a", b"x" * 900, b"b"])
    with pytest.raises(MessageTooLarge, match="A record"):
        deliveries.result(60)
    producer.flush(60)
    assert broker.topics["t"][0].end == 3


def test_a_delivery_fails_at_its_deadline(opened, broker):
    broker.faults.append(refuse(NotLeader.code, 10_000))
    with pytest.raises(RequestTimedOut, match="delivery_timeout_ms"):
        opened(delivery_timeout_ms=200).send("t", b"a").result(60)


def test_an_unknown_topic_is_a_sentence(opened):
    with pytest.raises(UnknownTopicOrPartition, match="There is no topic 'nope'"):
        opened().send("nope", b"a")


def test_a_partition_that_is_not_there_is_a_sentence(opened):
    with pytest.raises(BadSetting, match="no partition 7"):
        opened().send("t", b"a", partition=7)


def test_an_unreachable_broker_is_a_sentence(opened, broker):
    broker.up = False
    with pytest.raises(BrokerUnreachable, match=ENDPOINT):
        opened(max_block_ms=100).send("t", b"a")


def test_a_full_buffer_blocks_and_then_raises(opened, broker):
    broker.held = []
    producer = opened(buffer_bytes=64 * 1024, batch_size=16 * 1024, max_block_ms=100)
    broker.held = None
    producer.send("t", b"a").result(60)
    producer._io.call(setattr, broker, "held", [])
    with pytest.raises(BufferFull):
        send_many(producer, 200)
    producer._io.call(broker.release)
    producer.flush(60)


def test_a_sender_that_was_blocked_goes_on_when_there_is_room(opened, broker):
    producer = opened(buffer_bytes=64 * 1024, batch_size=16 * 1024)
    for _ in range(500):
        producer.send("t", b"x" * 1000)
    producer.flush(60)
    assert broker.topics["t"][0].end == 500


def test_with_acks_0_nobody_answers_and_nothing_is_known(opened, broker):
    producer = opened(acks=0)
    delivery = producer.send("t", b"a")
    assert delivery.result(60) == -1
    assert delivery.durability == "unknown"


def test_close_fails_what_is_left_and_returns_in_time(opened, broker):
    producer = opened()
    producer.send("t", b"a").result(60)
    producer._io.call(setattr, broker, "held", [])
    delivery = producer.send("t", b"b")
    begin = time.monotonic()
    with pytest.raises(Closed):
        producer.close(0.1)
    assert time.monotonic() - begin < 60, "it is sent again for two minutes"
    with pytest.raises(Closed):
        delivery.result(1)
    with pytest.raises(Closed, match="closed"):
        producer.send("t", b"c")


def test_the_end_of_a_with_block_raises_a_delivery_error(broker):
    broker.faults.append(refuse(MessageTooLarge.code))
    with (
        pytest.raises(MessageTooLarge),
        Producer(ENDPOINT, connect=broker.connect) as producer,
    ):
        producer.send("t", b"a")


def test_a_wrong_type_of_value_is_named_and_leaves_the_producer_usable(opened):
    producer = opened()
    with pytest.raises(TypeError, match="value"):
        producer.send("t", 1)
    with pytest.raises(TypeError, match="str"):
        producer.send("t", b"a", key="text")
    assert producer.send("t", b"a").result(60) == 0


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("acks", 2),
        ("compression", "brotli"),
        ("linger_ms", -1),
        ("max_in_flight", 6),
        ("batch_size", "big"),
    ],
)
def test_a_bad_option_is_refused_by_name(option, value):
    with pytest.raises(BadSetting, match=option):
        Producer(ENDPOINT, **{option: value})


def test_an_unknown_option_is_a_type_error():
    with pytest.raises(TypeError, match="lingering"):
        Producer(ENDPOINT, lingering=5)


def test_threads_may_share_a_producer(opened, broker):
    producer = opened(batch_size=4096)

    def work(name):
        for i in range(500):
            producer.send("t", b"%d %d" % (name, i))

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    producer.flush(60)
    assert broker.topics["t"][0].end == 2000


def test_a_broker_that_drops_the_connection_at_once_is_tried_again(opened, broker):
    lost = iter([NetworkError("gone"), NetworkError("gone")])
    broker.faults.append(lambda request: next(lost, None))
    assert opened().send("t", b"a").result(60) == 0


def send_many(producer, count):
    for _ in range(count):
        producer.send("t", b"x" * 1000)


def test_a_pause_that_outlives_its_batch_does_not_hold_up_the_next(opened, broker):
    broker.faults.append(refuse(NotLeader.code, 1))
    producer = opened(delivery_timeout_ms=300, retry_backoff_ms=60_000)
    with pytest.raises(RequestTimedOut):
        producer.send("t", b"a").result(60)
    begin = time.monotonic()
    with pytest.raises(RequestTimedOut):
        producer.send("t", b"b").result(60)
    assert time.monotonic() - begin < 30
