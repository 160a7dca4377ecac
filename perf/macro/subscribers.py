"""Processes that tail a topic: one subscriber each, or many in one asyncio loop.

A process says hello once each of its subscribers has read what the topic holds, so that all are
live from then on. It is then told up to which offset to read, again and again, and reports what
its subscribers have seen: a list of (checksum, latencies in ns), one a subscriber.
"""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection

import bus
from bus import aio
from perf.bench import Failed
from perf.limits.processes import Worker, worker
from perf.paced import Seen, Sent, check

POLL_SECONDS = 30.0
REPORT_SECONDS = 60.0
Report = tuple[int, list[int]]


@contextmanager
def apart(count: int, endpoint: str, topic: str, sent: Sent) -> Iterator[list[Worker]]:
    """`count` processes with one subscriber each; `sent` is what the topic holds so far."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(worker(_one, endpoint, topic, _seen(sent, index), sent.records))
            for index in range(count)
        ]


@contextmanager
def together(
    processes: int, each: int, endpoint: str, topic: str, sent: Sent
) -> Iterator[list[Worker]]:
    """`processes` processes of `each` subscribers."""
    with ExitStack() as stack:
        arguments = (endpoint, topic, _seen(sent, 0), sent.records, each)
        yield [stack.enter_context(worker(_many, *arguments)) for _ in range(processes)]


def tell(workers: list[Worker], end_offset: int) -> None:
    """All are to read up to this offset."""
    for one in workers:
        one.pipe.send(end_offset)


def latencies(workers: list[Worker], sent: Sent) -> list[int]:
    """Wait until all have seen all; raises Failed if one has seen anything else."""
    reports: list[Report] = []
    for one in workers:
        if not one.pipe.poll(REPORT_SECONDS):
            raise Failed(f"subscriber process {one.pid} has not seen all records")
        try:
            reports += one.pipe.recv()
        except EOFError:
            raise Failed(f"subscriber process {one.pid} has ended; it says why above") from None
    check(sent, [checksum for checksum, _ in reports])
    return [latency for _, found in reports for latency in found]


def _seen(sent: Sent, index: int) -> Seen:
    return Seen(sent.pool.call_records, index % sent.shares, sent.shares)


def _one(pipe: Connection, endpoint: str, topic: str, seen: Seen, end_offset: int) -> None:
    most = seen.call_records if seen.call_records > 1 else 100_000
    with bus.Consumer(endpoint) as consumer:
        consumer.assign([(topic, 0)])
        while True:
            while seen.next_offset < end_offset:
                batch = consumer.poll_batch(most, POLL_SECONDS)
                if not batch:
                    raise Failed(f"nothing came behind offset {seen.next_offset}")
                seen.look(batch)
            pipe.send([seen.report()])
            end_offset = pipe.recv()


def _many(
    pipe: Connection, endpoint: str, topic: str, seen: Seen, end_offset: int, count: int
) -> None:
    asyncio.run(_follow(pipe, endpoint, topic, seen, end_offset, count))


async def _follow(
    pipe: Connection, endpoint: str, topic: str, seen: Seen, end_offset: int, count: int
) -> None:
    consumers = [aio.Consumer(endpoint) for _ in range(count)]
    each = [Seen(seen.call_records) for _ in consumers]
    for consumer in consumers:
        await consumer.assign([(topic, 0)])
    while True:
        await asyncio.gather(*map(_read, consumers, each, [end_offset] * count))
        pipe.send([one.report() for one in each])
        end_offset = await asyncio.to_thread(pipe.recv)


async def _read(consumer: aio.Consumer, seen: Seen, end_offset: int) -> None:
    while seen.next_offset < end_offset:
        batch = await consumer.poll_batch(timeout=POLL_SECONDS)
        if not batch:
            raise Failed(f"nothing came behind offset {seen.next_offset}")
        seen.look(batch)
