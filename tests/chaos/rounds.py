"""Break a cluster of three real brokers under load, again and again, and account for all records.

Two topics with three replicas each are written to all the while, and some small ones are only
kept. In each round something is broken (families.py), then undone; after that all partitions must
be led, all replicas must come into sync again, and the whole of what producers were told is held
against what stands.
"""

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bus.cli.cluster_view import partition_rows
from bus.cli.failure import Failure
from bus.cli.local_cluster import LocalCluster
from bus.client.admin import Admin
from bus.errors import BusError
from tests.chaos.families import EVERYWHERE, FAMILIES, Family
from tests.chaos.faults import BETWEEN_SECONDS
from tests.chaos.kept import Kept
from tests.chaos.load import Writing
from tests.chaos.site import NODES, Site
from tests.crash.volume import FILESYSTEMS

SEGMENT_BYTES = 1 << 20
COMPANION_CHANCE = 0.3
LED_SECONDS_MAX = 120.0
LOOK_SECONDS = 0.02


@dataclass(slots=True)
class Round:
    """What was done, and what was found wrong after it; nothing is the promise kept."""

    done: list[str] = field(default_factory=list)  # names of faults
    count: int = 0  # of faults of the family
    problems: list[str] = field(default_factory=list)
    led_seconds: float = 0.0  # from the last start, or healing, until all partitions are led
    in_sync_seconds: float = 0.0  # until all replicas are in sync


def run_chaos(folder: Path, seed: int, rounds: int, family: str = EVERYWHERE) -> Iterator[Round]:
    """One after the other; the first with problems is the last."""
    chance = random.Random(seed)
    kind = FAMILIES[family]
    with ExitStack() as stack:
        cluster: LocalCluster
        if kind.needs_site:
            cluster = stack.enter_context(Site(folder, FILESYSTEMS[seed % len(FILESYSTEMS)]))
        else:
            cluster = stack.enter_context(LocalCluster(str(folder), NODES))
        admin = stack.enter_context(Admin(cluster.urls))
        for topic, flush in kind.topics.items():
            config = {"flush": flush, "min.insync.replicas": 2, "segment.bytes": SEGMENT_BYTES}
            admin.create_topic(topic, 1, NODES, config)
        cluster.wait_until_in_sync(admin)
        rounder = _Rounds(cluster, admin, kind, chance)
        for _ in range(rounds):
            found = rounder.round()
            yield found
            if found.problems:
                return
        rounder.close()


class _Rounds:
    """What stays from round to round."""

    def __init__(
        self, cluster: LocalCluster, admin: Admin, kind: Family, chance: random.Random
    ) -> None:
        self._cluster, self._admin, self._kind, self._chance = cluster, admin, kind, chance
        self._kept = Kept(cluster.urls, admin)
        self._writing = [Writing(cluster.urls, topic) for topic in kind.topics]

    def round(self) -> Round:
        """One, with its verdict."""
        found = Round()
        for writing in self._writing:
            writing.begin()
        try:
            self._break(found)
            self._undo(found)
            for writing in self._writing:
                found.problems += writing.end()
            if not found.problems:
                found.problems += self._kept.problems()
        except (Failure, BusError, AssertionError) as error:
            found.problems.append(f"{type(error).__name__}: {error}; {self._state()}")
        found.problems = [f"{', '.join(found.done)}: {each}" for each in found.problems]
        return found

    def close(self) -> None:
        """Nothing more is written."""
        for writing in self._writing:
            writing.close()

    def _break(self, found: Round) -> None:
        """One fault of the family, and perhaps another one before it."""
        chance, kind = self._chance, self._kind
        time.sleep(chance.uniform(*BETWEEN_SECONDS))
        if kind.companions and chance.random() < COMPANION_CHANCE:
            name = chance.choice(list(kind.companions))
            found.done.append(name)
            kind.companions[name](self._cluster, self._admin, chance)
        name = chance.choice(list(kind.faults))
        found.done.append(name)
        found.count = kind.faults[name](self._cluster, self._admin, chance)

    def _undo(self, found: Round) -> None:
        """Start whoever is down, and wait until all is as it was."""
        time.sleep(self._chance.uniform(*BETWEEN_SECONDS))
        cluster = self._cluster
        began = time.monotonic()
        for number, broker in cluster.brokers.items():
            if not broker.is_running:
                cluster.start(number)
        until = began + LED_SECONDS_MAX
        while not self._all_are_led():
            assert time.monotonic() < until, "not all partitions are led"
            time.sleep(LOOK_SECONDS)
        found.led_seconds = time.monotonic() - began
        for number in cluster.brokers:
            cluster.wait_until_ready(number)
        cluster.wait_until_in_sync(self._admin)
        found.in_sync_seconds = time.monotonic() - began

    def _all_are_led(self) -> bool:
        try:
            topics = self._admin.describe_topics()
        except BusError:
            return False
        brokers = self._cluster.brokers
        return all(
            each.leader in brokers and brokers[each.leader].is_running
            for topic in topics
            for each in topic.partitions
        )

    def _state(self) -> str:
        try:
            topics = self._admin.describe_topics()
        except BusError as error:
            return f"nobody answers: {error}"
        rows = partition_rows([(t.name, p) for t in topics for p in t.partitions])
        return "; ".join(" ".join(map(str, row)) for row in rows)
