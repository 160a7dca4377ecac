"""The kinds of a soak: what one seed of each does, and how much is wanted over all sittings."""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from perf.foreign.debian import InstallFailed
from perf.foreign.kafka_cluster import KafkaCluster
from perf.foreign.maven import jars
from tests.chaos.families import FAMILIES
from tests.crash.campaign import judge
from tests.crash.failover import run_kills
from tests.crash.group_rounds import run_first_rounds, run_group_rounds
from tests.crash.power_rounds import run_power_rounds
from tests.crash.rounds import run_rounds
from tests.crash.volume import FILESYSTEMS, why_not
from tests.fixtures.busd_cluster import BusdCluster
from tests.fixtures.etcd import SKIP_REASON
from tests.fuzz import fuzzing, instrumented
from tests.sim.plan import draw
from tests.sim.world import World

ROUNDS = 5  # of one seed
CHAOS_ROUNDS = 10  # of one seed: it takes a while until three brokers stand
DAMAGE_CASES = 250  # of one seed
FUZZ_SECONDS = 20  # of each target, of one seed
SIMULATED_WORLDS = 100  # of one seed
BROKERS = (1, 3, 3, 3, 5)  # of one world after the other
FLUSHES = ("group", "os")


def everywhere() -> str:
    return ""


Problems = Iterable[list[str]]  # of each unit done
facts: Counter[str] = Counter()  # what else is to be counted of the seed that runs here
Cluster = type[KafkaCluster] | type[BusdCluster]


@dataclass(frozen=True, slots=True)
class Kind:
    """Something that is done seed by seed, as long as one likes."""

    title: str
    unit: str
    goal: int  # units, over all sittings
    units: int  # of one seed
    seeds: int  # of one turn
    run: Callable[[int], Problems]
    why_not: Callable[[], str] = everywhere  # why it cannot be done here


def kill(flush: str, seed: int) -> Iterator[list[str]]:
    with tempfile.TemporaryDirectory(prefix="busd-soak-") as folder:
        yield from run_rounds(Path(folder), seed, ROUNDS, flush)


def chaos(family: str, rounds: int, seed: int) -> Iterator[list[str]]:
    """One item a fault of the family; in a program of its own, as it may enter namespaces."""
    command = [sys.executable, "-m", "tests.chaos", family, "--json"]
    command += ["--rounds", str(rounds), "--seed", str(seed)]
    with tempfile.TemporaryFile("w+") as said:
        ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=said, text=True, check=False)
        told = [json.loads(line) for line in ran.stdout.splitlines()]
        for each in told:
            facts.update({f"fault: {name}": 1 for name in each["done"]})
            facts["led again after more than 10 s"] += each["led_seconds"] > 10
            facts["in sync again after more than 10 s"] += each["in_sync_seconds"] > 10
            if each["count"] or each["problems"]:
                yield each["problems"]
            yield from ([] for _ in range(each["count"] - 1))
        if ran.returncode and not (told and told[-1]["problems"]):
            said.seek(0)
            yield [f"it ended by {ran.returncode}: {said.read()[-1500:]}"]


def groups(seed: int) -> Iterator[list[str]]:
    with tempfile.TemporaryDirectory(prefix="busd-soak-") as folder:
        yield from run_group_rounds(Path(folder), seed, ROUNDS)


def first_groups(seed: int) -> Iterator[list[str]]:
    with tempfile.TemporaryDirectory(prefix="busd-soak-") as folder:
        yield from run_first_rounds(Path(folder), seed, ROUNDS)


def power(filesystem: str, flush: str, seed: int) -> Iterator[list[str]]:
    with tempfile.TemporaryDirectory(prefix="busd-soak-") as folder:
        rounds = run_power_rounds(Path(folder) / "volume", seed, ROUNDS, flush, filesystem)
        *each, whole = rounds
        each[-1] += whole
        yield from each


def no_power(filesystem: str) -> str:
    with tempfile.TemporaryDirectory(prefix="busd-soak-") as folder:
        return why_not(Path(folder) / "probe", filesystem)


def damage(seed: int) -> Iterator[list[str]]:
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="busd-soak-", dir=memory) as folder:
        for case in range(seed * DAMAGE_CASES, (seed + 1) * DAMAGE_CASES):
            yield judge(Path(folder), case)


def failover(cluster: Cluster, _seed: int) -> Iterator[list[str]]:
    """Our clients on three brokers."""
    with (
        tempfile.TemporaryDirectory(prefix="busd-soak-") as folder,
        cluster(Path(folder)) as brokers,
    ):
        *each, whole = run_kills(brokers, ROUNDS)
        each[-1] += whole
        yield from each


def no_etcd() -> str:
    return "" if shutil.which("etcd") else SKIP_REASON


def no_kafka() -> str:
    try:
        jars("broker")
    except InstallFailed as error:
        return str(error)
    return ""


def simulate(seed: int) -> Iterator[list[str]]:
    """Whole brokers on simulated time, disks and networks."""
    for each in range(seed * SIMULATED_WORLDS, (seed + 1) * SIMULATED_WORLDS):
        brokers = BROKERS[each % len(BROKERS)]
        outcome = World(draw(each, brokers)).run()
        facts["simulated hours"] += outcome.time_ms / 3.6e6
        facts.update({f"fault {kind}": count for kind, count in outcome.faults.items()})
        where = f"./run sim {each} --brokers {brokers}"
        yield [f"{where}: {outcome.violation}"] if outcome.violation is not None else []


def fuzz(seed: int) -> Iterator[list[str]]:
    """Seconds of CPU that the targets were fuzzed for, one by one; at least one a target."""
    instrumented.built()
    for name in fuzzing.NAMES:
        before = children_cpu_seconds()
        outcome = fuzzing.fuzz(name, FUZZ_SECONDS, seed)
        failure = f"{name}: {outcome.failure[-1500:]}"
        yield [failure] if outcome.failure else []
        yield from ([] for _ in range(int(children_cpu_seconds() - before) - 1))


def children_cpu_seconds() -> float:
    """Of all processes that this one has started and waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


KINDS: dict[str, Kind] = {
    **{
        f"kill_{flush}": Kind(
            f"kill -9 under load, flush={flush}", "rounds", 100, ROUNDS, 2, partial(kill, flush)
        )
        for flush in FLUSHES
    },
    **{
        name: Kind(
            family.title,
            family.unit,
            family.goal,
            CHAOS_ROUNDS,
            1,
            partial(chaos, name, CHAOS_ROUNDS),
            family.why_not,
        )
        for name, family in FAMILIES.items()
    },
    "groups": Kind("kill -9 of broker and members in rebalances", "rounds", 100, ROUNDS, 2, groups),
    "first_groups": Kind(
        "kill -9 in the first rebalances of a group", "rounds", 100, ROUNDS, 2, first_groups
    ),
    **{
        f"power_{filesystem}_{flush}": Kind(
            f"power failure on {filesystem} under load, flush={flush}",
            "rounds",
            50,
            ROUNDS,
            2,
            partial(power, filesystem, flush),
            partial(no_power, filesystem),
        )
        for filesystem in FILESYSTEMS
        for flush in FLUSHES
    },
    "failover_kafka": Kind(
        "kill -9 of one of three Kafka brokers under our clients",
        "kills",
        50,
        ROUNDS,
        1,
        partial(failover, KafkaCluster),
        no_kafka,
    ),
    "failover_busd": Kind(
        "kill -9 of one of three busd under our clients",
        "kills",
        200,
        ROUNDS,
        1,
        partial(failover, BusdCluster),
        no_etcd,
    ),
    "damage": Kind("damage to files", "cases", 5000, DAMAGE_CASES, 2, damage),
    "sim": Kind(
        "worlds of one, three and five simulated brokers",
        "worlds",
        100_000,
        SIMULATED_WORLDS,
        4,
        simulate,
    ),
    "fuzz": Kind(
        "fuzzing all targets",
        "CPU seconds",
        36_000,
        FUZZ_SECONDS * len(fuzzing.NAMES),
        1,
        fuzz,
        fuzzing.why_not,
    ),
}
