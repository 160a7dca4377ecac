"""Subscribers of their own process, which a test may stop, continue and kill.

    python -m tests.integration.subscribers ENDPOINT TOPIC COUNT PREFETCH_BYTES

It says "live" once each of COUNT consumers has read a record, and for each line of standard input,
an end offset, "done" once all have read up to there. Values are to begin with their offsets; a
record that is missing, doubled or elsewhere ends the process with a sentence.
"""

import asyncio
import sys
from typing import Any

import numpy

from bus import aio


def check(batch: Any, due: int) -> int:
    """The offset behind a batch that has to begin at `due`; its values begin with their offsets."""
    offsets = batch.offsets
    numbers = numpy.frombuffer(b"".join(value[:8] for value in batch.values), ">i8")
    wanted = numpy.arange(due, due + len(batch))
    assert (offsets == wanted).all(), f"offset {due} was due, {offsets[0]} came"
    assert (numbers == wanted).all(), f"offset {due} holds record {numbers[0]}"
    return due + len(batch)


class Subscriber:
    """One consumer, and how far it has read."""

    def __init__(self, endpoint: str, topic: str, prefetch_bytes: int) -> None:
        self.consumer = aio.Consumer(endpoint, prefetch_bytes=prefetch_bytes)
        self.topic = topic
        self.offset = 0

    async def read(self, end_offset: int) -> None:
        while self.offset < end_offset:
            batch = await self.consumer.poll_batch(timeout=60)
            assert batch, f"nothing came behind offset {self.offset}"
            self.offset = check(batch, self.offset)


async def main(endpoint: str, topic: str, count: str, prefetch_bytes: str) -> None:
    """Until standard input ends."""
    readers = [Subscriber(endpoint, topic, int(prefetch_bytes)) for _ in range(int(count))]
    for reader in readers:
        await reader.consumer.assign([(topic, 0)])
    await asyncio.gather(*(reader.read(1) for reader in readers))
    print("live", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        await asyncio.gather(*(reader.read(int(line)) for reader in readers))
        print("done", flush=True)
    for reader in readers:
        await reader.consumer.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
