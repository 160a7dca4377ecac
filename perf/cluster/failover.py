"""The leader is killed at 5,000 records a second: the longest gap between acknowledgements.

Each round kills the broker that leads the one partition, takes the longest time between two
acknowledgements around it, starts the broker again and waits until all three are in sync. Where the
broker that is killed controls the cluster, too, or the leader of etcd goes with it, more has to be
found out by those who stay: these rounds are reported apart. What was acknowledged is held against
what stands, as always.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import bus
from perf.bench import Bench, Failed
from perf.cluster.killed import Busd, Killed
from perf.cluster.paced import RECORDS_A_SECOND, Own, Paced
from perf.cluster.produce import MIN_IN_SYNC, NODES
from perf.result import Result
from perf.stats import percentile

ROUNDS = 50
STEADY_SECONDS = 2.0  # before each kill
AFTER_SECONDS = 4.0  # that the gap is looked for in; more, until there is an acknowledgement
AGAIN_SECONDS_MAX = 60.0
LOOK_SECONDS = 0.05
TOPIC = "failover"
CONFIG = {"min.insync.replicas": str(MIN_IN_SYNC)}
APART = "control"  # of a result's name: the controller or etcd's leader was killed as well


@dataclass(frozen=True, slots=True)
class Round:
    """One kill."""

    gap_ms: float
    controls: bool  # whoever was killed did more than lead


def run(bench: Bench) -> list[Result]:
    """cluster failover: our own client on three busd."""
    return measure(bench, "cluster failover", Busd, lambda side: Own(side.urls, TOPIC))


def measure(
    bench: Bench,
    name: str,
    start: Callable[[Path], Killed],
    load_of: Callable[[Killed], Paced],
) -> list[Result]:
    """All rounds, on a fresh cluster."""
    count = bench.rounds or max(3, int(ROUNDS * bench.scale))
    rounds: list[Round] = []
    with ExitStack() as stack:
        directory = stack.enter_context(bench.fresh_directory())
        side = stack.enter_context(start(directory / "cluster"))
        admin = stack.enter_context(bus.Admin(side.urls))
        admin.create_topic(TOPIC, 1, NODES, {**CONFIG, **side.config})
        load = stack.enter_context(load_of(side))
        for number in range(count):
            rounds.append(_round(side, admin, load))
            more = f", {APART}" if rounds[-1].controls else ""
            bench.say(f"round {number + 1} of {count}: {rounds[-1].gap_ms:.0f} ms{more}")
        load.stop()
        problems = load.check(side.urls)
    if problems:
        raise Failed(problems[0])
    found = []
    for apart in (False, True):
        gaps = sorted(one.gap_ms for one in rounds if one.controls == apart)
        if gaps:
            found.append(_result(f"{name} {APART}" if apart else name, gaps))
    return found


def _result(name: str, gaps: list[float]) -> Result:
    found = {"p50_ms": percentile(gaps, 0.5), "p99_ms": percentile(gaps, 0.99)}
    facts = {"rounds": len(gaps), "records_a_second": RECORDS_A_SECOND, "flush": "os"}
    return Result(name, found | {"max_ms": gaps[-1]}, gaps, {}, facts)


def _round(side: Killed, admin: bus.Admin, load: Paced) -> Round:
    side.wait_until_in_sync(admin, TOPIC)
    time.sleep(STEADY_SECONDS)
    leader = admin.describe_topic(TOPIC).partitions[0].leader
    controls = side.controls(admin, leader)
    load.longest = 0.0
    killed = time.perf_counter()
    side.kill(leader)
    time.sleep(AFTER_SECONDS)
    while load.last < killed and time.perf_counter() < killed + AGAIN_SECONDS_MAX:
        time.sleep(LOOK_SECONDS)
    gap = max(load.longest, time.perf_counter() - load.last)
    side.start(leader)
    return Round(gap * 1000, controls)
