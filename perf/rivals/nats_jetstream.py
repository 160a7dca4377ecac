"""NATS JetStream from Python: publish_async, and an ordered consumer with a callback.

The stream is in files. Debian's server (2.9) fsyncs every two minutes and has no setting for that,
so it stands beside flush=os only. Of the ways to publish with an acknowledgement (publish_async,
publish in groups) and to read (fetch, next_msg, a callback) the fastest are measured.
"""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

import nats
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import StorageType

from perf.bench import Bench, Failed, of_rates
from perf.child import Server, free_port
from perf.foreign.debian import need
from perf.pool import CALL_RECORDS, VALUE_BYTES, Pool, checksum
from perf.result import Result
from perf.usage import Stopwatch

RECORDS = 100_000
PENDING_MAX = 500  # unacknowledged at a time; of several tried, the fastest
WAIT_SECONDS_MAX = 60.0
WARM_UP_CALLS = 1
STREAM, SUBJECT = "perf", "perf.values"


class NatsServer(Server):
    """A server of our own with JetStream in `directory`."""

    def __init__(self, directory: Path) -> None:
        command = need("nats-server", "nats-server")
        told = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
        self.version = told.stdout.strip().rpartition("v")[2]
        port = free_port()
        directory.mkdir(parents=True, exist_ok=True)
        words = ["-a", "127.0.0.1", "-p", str(port), "-js", "-sd", str(directory)]
        super().__init__([command, *words], directory / "nats.log", port)


def run(bench: Bench) -> list[Result]:
    """nats produce os, nats consume."""
    with bench.fresh_directory() as directory, NatsServer(directory / "data") as server:
        return asyncio.run(_measure(bench, server))


async def _measure(bench: Bench, server: NatsServer) -> list[Result]:
    pool, calls = Pool(), bench.calls(RECORDS)
    records = calls * CALL_RECORDS
    produced = _Rates("nats produce os", bench, server, records)
    consumed = _Rates("nats consume", bench, server, records)
    async with connection(server.port) as stream:
        for repeat in range(bench.repeats + 1):  # the first one warms up, and does less
            await make_stream(stream)
            if repeat == 0:
                await publish(stream, pool, WARM_UP_CALLS)
                continue
            with produced.stopwatch:
                await publish(stream, pool, calls)
            produced.note()
            await verify(stream, pool, calls)
        for _ in range(bench.repeats):
            with consumed.stopwatch:
                size = sum(len(value) for value in await read(stream, records))
            consumed.note()
            if size != records * VALUE_BYTES:
                raise Failed(f"NATS: {size} bytes of values came, not {records * VALUE_BYTES}")
    return [produced.result(pending=PENDING_MAX), consumed.result()]


class _Rates:
    """The repeats of one measurement, where `throughput` cannot await."""

    def __init__(self, name: str, bench: Bench, server: NatsServer, records: int) -> None:
        self.name, self.bench, self.records, self.version = name, bench, records, server.version
        self.stopwatch = Stopwatch(client=os.getpid(), nats=server.pid)
        self.rates: list[float] = []

    def note(self) -> None:
        """The stretch that was just timed."""
        self.rates.append(self.records / self.stopwatch.last)
        self.bench.say(f"{self.name}: {self.rates[-1] / 1e6:.3g} M records/s")

    def result(self, **facts: int) -> Result:
        result = of_rates(
            self.name,
            self.rates,
            self.stopwatch,
            records_a_repeat=self.records,
            policy="fsync every 2 minutes",
            versions=f"NATS {self.version}, nats-py {version('nats-py')}",
            **facts,
        )
        result.processes = self.stopwatch.processes(self.records * len(self.rates))
        return result


@asynccontextmanager
async def connection(port: int) -> AsyncIterator[JetStreamContext]:
    """A client's JetStream, which lets PENDING_MAX messages be unacknowledged."""
    client = await nats.connect(f"nats://127.0.0.1:{port}", allow_reconnect=False)
    try:
        yield client.jetstream(timeout=WAIT_SECONDS_MAX, publish_async_max_pending=PENDING_MAX)
    finally:
        await client.close()


async def make_stream(stream: JetStreamContext) -> None:
    """An empty one in files."""
    if STREAM in [info.config.name for info in await stream.streams_info()]:
        await stream.delete_stream(STREAM)
    await stream.add_stream(name=STREAM, subjects=[SUBJECT], storage=StorageType.FILE)


async def publish(stream: JetStreamContext, pool: Pool, calls: int) -> None:
    """Each value by itself, and all of them acknowledged."""
    send = stream.publish_async
    for index in range(calls):
        for value in pool.call(index):
            await send(SUBJECT, value)
    await stream.publish_async_completed()


async def read(stream: JetStreamContext, records: int) -> list[bytes]:
    """The first values of the stream, as they come."""
    values: list[bytes] = []
    complete = asyncio.Event()

    async def take(message: Msg) -> None:
        values.append(message.data)
        if len(values) == records:
            complete.set()

    subscription = await stream.subscribe(SUBJECT, cb=take, ordered_consumer=True)
    try:
        await asyncio.wait_for(complete.wait(), WAIT_SECONDS_MAX)
    except TimeoutError:
        raise Failed(f"NATS: {len(values)} of {records} records came") from None
    await subscription.unsubscribe()
    return values


async def verify(stream: JetStreamContext, pool: Pool, calls: int) -> None:
    """Every value of `calls` calls is there once and in order."""
    records = calls * pool.call_records
    held = (await stream.stream_info(STREAM)).state.messages
    if held != records:
        raise Failed(f"NATS holds {held} records, not {records}")
    if checksum(await read(stream, records)) != pool.checksum(calls):
        raise Failed("NATS holds other values than were sent")
