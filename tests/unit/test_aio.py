"""The same client, awaited."""

import asyncio

import pytest

from bus.aio import Consumer, Producer
from bus.errors import BufferFull, MessageTooLarge, UnknownTopicOrPartition
from bus.wire.produce import (
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceResponse,
)
from tests.fixtures.kfake import ENDPOINT, FakeBroker


def on_loop(story):
    def run():
        asyncio.run(story(FakeBroker(t=1, wide=3)))

    run.__name__ = story.__name__
    return run


@on_loop
async def test_records_go_round(broker):
    async with (
        Producer(ENDPOINT, connect=broker.connect) as producer,
        Consumer(ENDPOINT, connect=broker.connect, timeout=0.05) as consumer,
    ):
        delivery = await producer.send("wide", b"a", key=b"k")
        assert await delivery.result(60) == 0
        assert delivery.durability == "flushed"
        await (await producer.send_batch("wide", [b"b"] * 100)).result(60)
        await consumer.subscribe("wide")
        read = 0
        while read < 101:
            read += len(await consumer.poll_batch(1, timeout=60))
            read += len([record async for record in consumer])
        assert read == 101


@on_loop
async def test_a_waiting_poll_does_not_hold_up_the_loop(broker):
    async with (
        Producer(ENDPOINT, connect=broker.connect) as producer,
        Consumer(ENDPOINT, connect=broker.connect) as consumer,
    ):
        await consumer.assign([("t", 0)])
        poll = asyncio.create_task(consumer.poll_batch(timeout=60))
        await asyncio.sleep(0.01)
        await producer.send("t", b"a")
        assert (await poll).values == [b"a"]


@on_loop
async def test_a_poll_that_times_out_gives_an_empty_batch(broker):
    async with Consumer(ENDPOINT, connect=broker.connect) as consumer:
        await consumer.assign([("t", 0)])
        assert not await consumer.poll_batch(timeout=0.01)


@on_loop
async def test_an_unknown_topic_is_a_sentence(broker):
    async with Producer(ENDPOINT, connect=broker.connect) as producer:
        with pytest.raises(UnknownTopicOrPartition, match="no topic 'nope'"):
            await producer.send("nope", b"a")


@on_loop
async def test_flush_raises_the_first_delivery_error(broker):
    def refuse(request):
        if isinstance(request, ProduceRequest):
            part = PartitionProduceResponse(0, MessageTooLarge.code)
            return ProduceResponse([TopicProduceResponse("t", [part])])
        return None

    broker.faults.append(refuse)
    async with Producer(ENDPOINT, connect=broker.connect) as producer:
        await producer.send("t", b"a")
        with pytest.raises(MessageTooLarge):
            await producer.flush(60)


@on_loop
async def test_a_full_buffer_is_awaited_and_then_raised(broker):
    async with Producer(
        ENDPOINT, connect=broker.connect, buffer_bytes=64 * 1024, max_block_ms=50
    ) as producer:
        await (await producer.send("t", b"a")).result(60)
        broker.held = []
        with pytest.raises(BufferFull):
            await send_many(producer)
        producer._sync._io.call(broker.release)
        await producer.flush(60)


async def send_many(producer):
    for _ in range(200):
        await producer.send("t", b"x" * 1000)
