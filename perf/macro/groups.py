"""Consumer groups over TCP: 100 members join, one leaves; how fast positions are kept; loading.

The members are those of `group_members.py`: they answer at once, and their heartbeats come every
three seconds. A member is settled when it knows its work in a generation of all members.
"""

import asyncio
import re
import time
from pathlib import Path

import bus
from bus.wire.commits import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
)
from bus.wire.group_admin import ListGroupsRequest
from perf.bench import Bench, Failed
from perf.child import free_port
from perf.daemon import Daemon
from perf.macro.group_members import Connection, Member
from perf.result import Result
from perf.stats import median
from perf.usage import Stopwatch

MEMBERS = 100
SECONDS = 10.0  # of commits
TOPIC, PARTITIONS = "t", 1000
COMMITS = 1_000_000  # to be loaded, over a tenth as many keys
POLL_SECONDS = 0.005
GIVE_UP_SECONDS = 60.0


def run(bench: Bench) -> list[Result]:
    """groups join, leave, commit 10, commit 1, load."""
    joined, left = [], []
    commits: dict[int, list[Result]] = {10: [], 1: []}
    for _ in range(bench.repeats):
        with Broker(bench) as broker:
            times = asyncio.run(_rebalance(broker))
            joined.append(times[0])
            left.append(times[1])
        for partitions, results in commits.items():
            with Broker(bench) as broker:
                results.append(asyncio.run(_commit(bench, broker, partitions)))
    loads = [_load(bench) for _ in range(bench.repeats)]
    bench.say(f"groups: joined {median(joined):.2f} s, left {median(left):.2f} s")
    return [
        Result("groups join", {"seconds": median(joined)}, joined, facts={"members": MEMBERS}),
        Result("groups leave", {"seconds": median(left)}, left, facts={"members": MEMBERS}),
        *(_middle(results) for results in commits.values()),
        Result("groups load", {"seconds": median(loads)}, loads, facts={"commits": COMMITS}),
    ]


def _middle(results: list[Result]) -> Result:
    """The run with the median rate, and all rates."""
    rates = sorted(results, key=lambda result: result.metrics["positions_per_second"])
    middle = rates[len(rates) // 2]
    middle.runs = [result.metrics["positions_per_second"] for result in results]
    return middle


class Broker:
    """A `busd` with a listener for Kafka's clients, in a directory of its own."""

    def __init__(self, bench: Bench, *settings: str) -> None:
        self._fresh = bench.fresh_directory()
        self._settings = settings
        self.port = free_port()

    def __enter__(self) -> "Broker":
        self.data = Path(self._fresh.__enter__()) / "data"
        self.start()
        with bus.Admin(self.daemon.endpoint) as admin:
            admin.create_topic(TOPIC, PARTITIONS)
        return self

    def start(self) -> None:
        self.daemon = Daemon(self.data, "--kafka", f"127.0.0.1:{self.port}", *self._settings)

    def __exit__(self, *told: object) -> None:
        self.daemon.stop()
        self._fresh.__exit__(None, None, None)


async def join(port: int) -> tuple[list[Member], list[asyncio.Task[None]], float]:
    """All members at work, and how long that took."""
    members = [await Member("g", port).open() for _ in range(MEMBERS)]
    before = time.perf_counter()
    tasks = [asyncio.create_task(member.run()) for member in members]
    await _settled(members)
    return members, tasks, time.perf_counter() - before


async def _settled(members: list[Member]) -> None:
    """Return when these are all members of one generation, and know their work."""
    give_up = time.perf_counter() + GIVE_UP_SECONDS
    while not _agree(members):
        if time.perf_counter() > give_up:
            raise Failed("the members do not come to agree on a generation")
        await asyncio.sleep(POLL_SECONDS)


def _agree(members: list[Member]) -> bool:
    one_generation = len({member.generation for member in members}) == 1
    size = max(member.size for member in members)  # the leader's idea
    return one_generation and size == len(members) and all(m.settled.is_set() for m in members)


async def _rebalance(broker: Broker) -> tuple[float, float]:
    """Seconds until all have joined, and from one's leaving until the others are at work again."""
    members, tasks, joined = await join(broker.port)
    await asyncio.sleep(1)
    tasks.pop().cancel()
    leaver = members.pop()
    before = time.perf_counter()
    await leaver.leave()
    await _settled(members)
    left = time.perf_counter() - before
    await cancel(tasks)
    return joined, left


async def cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _commit(bench: Bench, broker: Broker, partitions: int) -> Result:
    """All members commit as fast as they are answered."""
    members, tasks, _ = await join(broker.port)
    await asyncio.sleep(1)
    await cancel(tasks)
    seconds = max(1.0, SECONDS * bench.scale)
    stopwatch = Stopwatch(busd=broker.daemon.pid)
    with stopwatch:
        end = asyncio.get_running_loop().time() + seconds
        of = (range(n * partitions, (n + 1) * partitions) for n in range(len(members)))
        pairs = zip(members, of, strict=True)
        times = await asyncio.gather(*(m.commit_until(end, part, TOPIC) for m, part in pairs))
    latencies = sorted(time for of_one in times for time in of_one)
    rate = len(latencies) / stopwatch.last
    bench.say(f"groups commit {partitions}: {rate:,.0f} requests/s")
    return Result(
        f"groups commit {partitions}",
        {
            "requests_per_second": rate,
            "positions_per_second": rate * partitions,
            "positions_per_minute": rate * partitions * 60,
            "p50_ms": latencies[len(latencies) // 2] * 1000,
            "p99_ms": latencies[len(latencies) * 99 // 100] * 1000,
        },
        processes=stopwatch.processes(len(latencies) * partitions),
        facts={"members": MEMBERS, "partitions_a_request": partitions, "flush": "group"},
    )


def _load(bench: Bench) -> float:
    """Seconds from the end of the log's recovery until all groups are loaded, as busd logs it."""
    with Broker(bench, "--set", "offsets.topic.num.partitions=1") as broker:
        rounds = max(1, int(COMMITS * bench.scale) // (100 * PARTITIONS))
        asyncio.run(_fill(broker.port, rounds))
        broker.daemon.stop()
        broker.start()
        asyncio.run(_loaded(broker.port))
        told = re.findall(r"groups loaded: 100 with .* in (\d+) ms", broker.daemon.log.read_text())
    bench.say(f"groups load: {told[-1]} ms")
    return int(told[-1]) / 1000


async def _fill(port: int, rounds: int) -> None:
    """Each of 100 groups commits all partitions, again and again."""
    connection = await Connection().open(port)
    for offset in range(rounds):
        positions = [OffsetCommitRequestPartition(n, offset, -1, "") for n in range(PARTITIONS)]
        for group in range(100):
            topics = [OffsetCommitRequestTopic(TOPIC, positions)]
            await connection.ask(OffsetCommitRequest(group_id=f"g{group}", topics=topics))
    await connection.close()


async def _loaded(port: int) -> None:
    connection = await Connection().open(port)
    while (answer := await connection.ask(ListGroupsRequest())).error_code:
        await asyncio.sleep(POLL_SECONDS)
    await connection.close()
    if len(answer.groups) != 100:
        raise Failed(f"{len(answer.groups)} groups of 100 are there after a restart")
