"""How large `__consumer_offsets` grows while 100 members commit, at the pace that is aimed at.

Each commits ten positions a request, at its moments, however long an answer takes; all of them make
a million positions a minute. Half-way the broker's files are as they stay: closed segments are
compacted again and again. The figure is the most that the topic's files took at any look.
"""

import asyncio
import os
from pathlib import Path

from perf.bench import Bench, Failed
from perf.macro.group_members import Member
from perf.macro.groups import TOPIC, Broker, cancel, join
from perf.result import Result
from perf.usage import Stopwatch

SECONDS = 240.0
POSITIONS_A_MINUTE = 1_000_000
POSITIONS = 10  # of a request
LOOK_SECONDS = 0.2


def run(bench: Bench) -> list[Result]:
    """groups log."""
    with Broker(bench) as broker:
        return [asyncio.run(_commit(bench, broker))]


async def _commit(bench: Bench, broker: Broker) -> Result:
    members, tasks, _ = await join(broker.port)
    await asyncio.sleep(1)
    await cancel(tasks)
    loop, seconds = asyncio.get_running_loop(), max(5.0, SECONDS * bench.scale)
    sizes: list[int] = []
    looks = asyncio.create_task(_look(broker.data / "topics", sizes))
    stopwatch = Stopwatch(busd=broker.daemon.pid)
    with stopwatch:
        end = loop.time() + seconds
        late = await asyncio.gather(*(_member(*one, end) for one in enumerate(members)))
    looks.cancel()
    requests = sum(len(of_one) for of_one in late)
    rate = requests * POSITIONS / stopwatch.last * 60
    if rate < 0.99 * POSITIONS_A_MINUTE:
        raise Failed(f"the members made {rate:,.0f} positions a minute only")
    latencies = sorted(time for of_one in late for time in of_one)
    bench.say(f"groups log: {max(sizes) / 1e6:.0f} MB at most, {sizes[-1] / 1e6:.0f} MB at last")
    return Result(
        "groups log",
        {
            "mb_max": max(sizes) / 1e6,
            "mb_last": sizes[-1] / 1e6,
            "positions_per_minute": rate,
            "p50_ms": latencies[len(latencies) // 2] * 1000,
            "p99_ms": latencies[len(latencies) * 99 // 100] * 1000,
        },
        processes=stopwatch.processes(requests * POSITIONS),
        facts={
            "members": len(members),
            "partitions_a_request": POSITIONS,
            "seconds": seconds,
            "flush": "group",
        },
    )


async def _member(number: int, member: Member, end: float) -> list[float]:
    partitions = range(number * POSITIONS, (number + 1) * POSITIONS)
    interval = 60 * 100 * POSITIONS / POSITIONS_A_MINUTE
    return await member.commit_until(end, partitions, TOPIC, interval)


async def _look(folder: Path, sizes: list[int]) -> None:
    """What the files take, what is allocated ahead included; nobody writes to another topic."""
    while True:
        sizes.append(_size(folder))
        await asyncio.sleep(LOOK_SECONDS)


def _size(folder: Path) -> int:
    size = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                size += os.stat(os.path.join(parent, name)).st_blocks * 512
            except FileNotFoundError:  # compaction is at it
                continue
    return size
