"""Open batches share the buffer, and keep their order with those that come encoded."""

import pytest

from bus.client.outbox import CAPACITY_MIN, Outbox
from bus.errors import Closed
from bus.model.ids import TopicPartition
from bus.native.builder import encode_list

KIB = 1024
T0, T1 = TopicPartition("t", 0), TopicPartition("t", 1)


def outbox_of(batch_size=64 * KIB, buffer_bytes=1024 * KIB, partitions=2):
    outbox = Outbox(batch_size, buffer_bytes, lambda: None, lambda: None)
    outbox.know("t", partitions, 1 << 20)
    return outbox


def add(outbox, partition=T0, value=b"v", sticky=False):
    return outbox.append(partition, value, None, 0, None, 0, sticky)


def encoded(count=1, size=1):
    return encode_list([b"x" * size] * count, None, 0, 0, 1 << 30)[0]


def test_records_of_a_partition_share_a_batch():
    outbox = outbox_of()
    first, second = add(outbox), add(outbox)
    assert first.owner is second.owner
    assert add(outbox, T1).owner is not first.owner


def test_it_is_filled_while_a_batch_takes_records_or_waits_to_be_sent():
    outbox = outbox_of()
    seen = [outbox.is_filled]
    add(outbox)
    seen.append(outbox.is_filled)
    outbox.close_due(lambda batch: True, lambda batch: 0)
    seen.append(outbox.is_filled)
    outbox.closed.popleft()
    assert [*seen, outbox.is_filled] == [False, True, True, False]


def test_an_encoded_batch_goes_behind_the_open_one():
    outbox = outbox_of()
    add(outbox)
    outbox.put(T0, encoded(3), 3, 0)
    add(outbox)
    outbox.close_due(lambda batch: True, lambda batch: 0)
    assert [batch.count for batch in outbox.closed] == [1, 3, 1]


def test_a_nearly_full_buffer_does_not_cut_batches_to_pieces():
    outbox = outbox_of()
    while outbox.put(T0, encoded(1, 100 * KIB), 1, 0) is not None:
        pass
    assert add(outbox) is None
    outbox.finish(outbox.closed.popleft())
    add(outbox)
    reserved = [batch.reserved for slots in outbox.topics.values() for batch in slots.open.values()]
    assert reserved == [64 * KIB]


def test_many_open_batches_share_a_part_of_the_buffer():
    outbox = outbox_of(partitions=40)
    for index in range(40):
        assert add(outbox, TopicPartition("t", index)) is not None
    assert outbox.used <= 1024 * KIB


def test_memory_is_given_back_when_batches_are_done():
    outbox = outbox_of()
    add(outbox)
    assert outbox.used == 64 * KIB
    outbox.close_due(lambda batch: True, lambda batch: 0)
    (batch,) = outbox.closed
    assert outbox.used == batch.size < KIB
    outbox.finish(batch)
    assert outbox.used == 0
    assert not outbox.unfinished


def test_a_record_larger_than_the_buffer_goes_alone():
    outbox = outbox_of(batch_size=CAPACITY_MIN, buffer_bytes=64 * KIB)
    assert add(outbox, value=b"x" * 100 * KIB) is not None


def test_a_shut_outbox_says_why():
    outbox = outbox_of()
    add(outbox, sticky=True)
    assert "t" in outbox.appends
    outbox.shut(Closed())
    assert outbox.appends == {}
    assert len(outbox.closed) == 1
    with pytest.raises(Closed):
        add(outbox)
