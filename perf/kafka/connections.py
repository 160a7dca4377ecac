"""1,000 idle and 100 active TCP clients of one busd, beside a lone one: its memory and their p99.

An active client produces a record of 100 bytes ten times a second, acks=all, flush=os, and the lone
one a hundred times a second; latencies count from the moment a request was due. All clients are
connections of one event loop that speaks the protocol itself.
"""

import asyncio
import time
from multiprocessing.connection import Connection as Pipe

import bus
from bus.native.batch import seal
from bus.native.builder import encode_list
from bus.wire.frames import encode_request
from bus.wire.header import RequestHeader
from bus.wire.metadata import ApiVersionsRequest, MetadataRequest, MetadataRequestTopic
from bus.wire.produce import PartitionProduceData, ProduceRequest, TopicProduceData
from bus.wire.registry import api_of
from perf.bench import Bench, Failed
from perf.child import free_port
from perf.daemon import Daemon
from perf.limits.processes import worker
from perf.macro.group_members import Connection
from perf.pool import VALUE_BYTES
from perf.result import Result
from perf.stats import latencies, median
from perf.usage import memory_mb

IDLE, ACTIVE = 1_000, 100
LONE_RATE, ACTIVE_RATE = 100.0, 10.0  # requests a second of one client
SECONDS = 10.0
WARM_UP_SECONDS = 2.0
REPORT_SECONDS = 120.0
TOPIC = "t"
NAME = "connections busd"


def run(bench: Bench) -> list[Result]:
    """connections busd."""
    seconds = max(2.0, SECONDS * bench.scale)
    found: list[dict[str, float]] = []
    for _ in range(bench.repeats):
        endpoint = f"127.0.0.1:{free_port()}"
        with (
            bench.fresh_directory() as directory,
            Daemon(directory / "busd", "--kafka", endpoint) as daemon,
        ):
            with bus.Admin(daemon.endpoint) as admin:
                admin.create_topic(TOPIC, partitions=1, config={"flush": "os"})
            with worker(_clients, int(endpoint.rpartition(":")[2]), seconds) as clients:
                found.append(_told(clients.pipe, daemon.pid))
        bench.say(f"{NAME}: {found[-1]}")
    return [
        Result(
            NAME,
            {metric: median([one[metric] for one in found]) for metric in found[0]},
            [one["times_lone_p99"] for one in found],
            facts={"idle": IDLE, "active": ACTIVE, "a_second": int(ACTIVE * ACTIVE_RATE)},
        )
    ]


def _told(pipe: Pipe, pid: int) -> dict[str, float]:
    """The lone one's latencies, those of all, and the memory while all are connected."""
    lone, many = _next(pipe), _next(pipe)
    rss_mb = memory_mb(pid, "VmRSS")
    pipe.send("enough")
    return {
        "lone_p50_ms": lone["p50_ms"],
        "lone_p99_ms": lone["p99_ms"],
        "p50_ms": many["p50_ms"],
        "p99_ms": many["p99_ms"],
        "times_lone_p99": many["p99_ms"] / lone["p99_ms"],
        "rss_mb": rss_mb,
    }


def _next(pipe: Pipe) -> dict[str, float]:
    if not pipe.poll(REPORT_SECONDS):
        raise Failed("the clients have not reported")
    return latencies(pipe.recv())


def _clients(pipe: Pipe, port: int, seconds: float) -> None:
    pipe.send("hello")
    asyncio.run(_measure(pipe, port, seconds))


async def _measure(pipe: Pipe, port: int, seconds: float) -> None:
    lone = await _connected(port)
    await _load([lone], LONE_RATE, WARM_UP_SECONDS)
    pipe.send(await _load([lone], LONE_RATE, seconds))
    idle = [await _connected(port) for _ in range(IDLE)]
    active = [await _connected(port) for _ in range(ACTIVE)]
    await _load(active, ACTIVE_RATE, WARM_UP_SECONDS)
    pipe.send(await _load(active, ACTIVE_RATE, seconds))
    await asyncio.to_thread(pipe.recv)  # the memory is looked at meanwhile
    for one in (lone, *idle, *active):
        await one.close()


async def _connected(port: int) -> Connection:
    """As any client begins."""
    made = await Connection().open(port)
    await made.ask(ApiVersionsRequest("perf", "1"))
    await made.ask(MetadataRequest([MetadataRequestTopic(name=TOPIC)]))
    return made


async def _load(clients: list[Connection], rate: float, seconds: float) -> list[int]:
    """Each client at that rate, evenly apart; nanoseconds from when it was due to the answer."""
    frame = _produce_frame()
    start = time.monotonic() + 0.05
    lists = await asyncio.gather(
        *(
            _requests(client, frame, start + index / len(clients) / rate, 1 / rate, seconds)
            for index, client in enumerate(clients)
        )
    )
    return [latency for found in lists for latency in found]


async def _requests(
    client: Connection, frame: bytes, start: float, period: float, seconds: float
) -> list[int]:
    found = []
    for number in range(int(seconds / period)):
        due = start + number * period
        await asyncio.sleep(due - time.monotonic())
        await client.exchange(frame)
        found.append(int((time.monotonic() - due) * 1e9))
    return found


def _produce_frame() -> bytes:
    batch, _ = encode_list([b"x" * VALUE_BYTES], None, int(time.time() * 1000), 0, 1 << 20)
    seal(batch, -1, -1, -1)
    topics = [TopicProduceData(TOPIC, [PartitionProduceData(0, batch)])]
    request = ProduceRequest(acks=-1, timeout_ms=30_000, topic_data=topics)
    api = api_of(request)
    header = RequestHeader(api.key, api.advertised(kafka=True)[1], 1, "perf")
    return encode_request(header, request)
