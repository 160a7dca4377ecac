"""Redis Streams from Python: XADD in pipelines, XREAD of many entries at a time.

redis-py with hiredis to parse. Redis writes its append-only file: with `appendfsync no` it leaves
the rest to the page cache, as flush=os does; with `always` a reply follows an fsync, which all
commands of one turn of its loop share, as flush=group does. Snapshots and rewrites are off.
"""

import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import hiredis
import redis

from perf.bench import Bench, Failed, throughput
from perf.child import Server, free_port
from perf.foreign.debian import need
from perf.pool import CALL_RECORDS, VALUE_BYTES, Pool, checksum
from perf.result import Result
from perf.usage import Stopwatch

RECORDS = 300_000
PIPELINE = 1_000  # commands a round trip; of several tried, the fastest
READ_COUNT = 10_000  # entries a round trip
WARM_UP_CALLS = 2
FSYNC = {"os": "no", "group": "always"}


class RedisServer(Server):
    """A server of our own without snapshots; `fsync` is its appendfsync."""

    def __init__(self, directory: Path, fsync: str) -> None:
        command = need("redis-server", "redis-server")
        told = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
        self.version = told.stdout.partition("v=")[2].split()[0]
        port = free_port()
        directory.mkdir(parents=True, exist_ok=True)
        settings = {
            "bind": "127.0.0.1",
            "port": port,
            "dir": directory,
            "save": "",
            "appendonly": "yes",
            "appendfsync": fsync,
            "auto-aof-rewrite-percentage": 0,
        }
        words = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
        super().__init__([command, *words], directory / "redis.log", port)


def run(bench: Bench) -> list[Result]:
    """redis produce os, redis produce group, redis consume."""
    pool = Pool()
    results = []
    for flush, fsync in FSYNC.items():
        with (
            bench.fresh_directory() as directory,
            RedisServer(directory / "data", fsync) as server,
            closing(redis.Redis(port=server.port)) as client,
        ):
            facts = {
                "policy": f"appendfsync {fsync}",
                "versions": f"Redis {server.version}, redis-py {redis.__version__}, "
                f"hiredis {hiredis.__version__}",
            }
            results.append(_produce(bench, pool, server, client, flush, facts))
            if flush == "os":
                results.append(_consume(bench, pool, server, client, facts))
    return results


def _produce(bench, pool, server, client, flush: str, facts) -> Result:
    calls = bench.calls(RECORDS)
    add(client, "warm-up", pool, WARM_UP_CALLS)

    def once(stopwatch: Stopwatch, repeat: int) -> int:
        client.delete("stream")
        with stopwatch:
            add(client, "stream", pool, calls)
        verify(client, "stream", pool, calls)
        return calls * CALL_RECORDS

    name = f"redis produce {flush}"
    return throughput(name, bench, once, {"redis": server.pid}, pipeline=PIPELINE, **facts)


def _consume(bench, pool, server, client, facts) -> Result:
    """What the last repeat of produce has left."""
    calls = bench.calls(RECORDS)
    records = calls * CALL_RECORDS

    def once(stopwatch: Stopwatch, _: int) -> int:
        with stopwatch:
            size = sum(len(value) for values in read(client, "stream") for value in values)
        if size != records * VALUE_BYTES:
            raise Failed(f"Redis: {size} bytes of values came, not {records * VALUE_BYTES}")
        return records

    return throughput(
        "redis consume", bench, once, {"redis": server.pid}, count=READ_COUNT, **facts
    )


def add(client: redis.Redis, stream: str, pool: Pool, calls: int) -> None:
    """XADD of every value, in pipelines; returns after the last reply."""
    for index in range(calls):
        values = pool.call(index)
        for at in range(0, len(values), PIPELINE):
            pipeline = client.pipeline(transaction=False)
            for value in values[at : at + PIPELINE]:
                pipeline.xadd(stream, {b"v": value})
            pipeline.execute()


def read(client: redis.Redis, stream: str) -> Iterator[list[bytes]]:
    """The values of a stream from its beginning, one list a round trip."""
    last = b"0"
    while answer := client.xread({stream: last}, count=READ_COUNT):
        entries = entries_of(answer)
        last = entries[-1][0]
        yield [fields[b"v"] for _, fields in entries]


def entries_of(answer) -> list:
    """The entries of the only stream in an answer, which is a dictionary in RESP3."""
    if isinstance(answer, dict):
        (batches,) = answer.values()
        return batches[0]
    ((_, entries),) = answer
    return entries


def verify(client: redis.Redis, stream: str, pool: Pool, calls: int) -> None:
    """Every value of `calls` calls is there once and in order."""
    records, crc = client.xlen(stream), 0
    if records != calls * pool.call_records:
        raise Failed(f"Redis holds {records} records, not {calls * pool.call_records}")
    for values in read(client, stream):
        crc = checksum(values, crc)
    if crc != pool.checksum(calls):
        raise Failed("Redis holds other values than were sent")
