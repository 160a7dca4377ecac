"""Break a cluster of three real brokers at full rate, again and again, and account for all records.

Two topics with three replicas each, one flushed before it is acknowledged and one not. In each
round one thing is broken while both are written to, then undone; after that all replicas must come
into sync again, and the whole of what producers were told is held against what stands.
"""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bus.cli.cluster_view import partition_rows
from bus.cli.failure import Failure
from bus.cli.local_cluster import LocalCluster
from bus.client.admin import Admin
from bus.errors import BusError
from bus.testing.history import History
from tests.chaos.faults import BETWEEN_SECONDS, FAULTS
from tests.crash.load import Load, following, read_to_end

NODES = 3
TOPICS = {"chaos-group": "group", "chaos-os": "os"}
RECORDS_PER_ROUND = 50_000  # of each topic
ROUND_SECONDS_MAX = 300.0


@dataclass(frozen=True, slots=True)
class Round:
    """What was done, and what was found wrong after it; nothing is the promise kept."""

    fault: str
    problems: list[str]


def run_chaos(folder: Path, seed: int, rounds: int) -> Iterator[Round]:
    """One after the other; the first with problems is the last."""
    chance = random.Random(seed)
    with ExitStack() as stack:
        cluster = stack.enter_context(LocalCluster(str(folder), NODES))
        admin = stack.enter_context(Admin(cluster.urls))
        for topic, flush in TOPICS.items():
            config = {"flush": flush, "min.insync.replicas": 2}
            admin.create_topic(topic, 1, NODES, config)
        cluster.wait_until_in_sync(admin)
        loads = {topic: Load(cluster.urls, topic) for topic in TOPICS}
        histories = {topic: History() for topic in TOPICS}
        for _ in range(rounds):
            fault = chance.choice(list(FAULTS))
            problems = _round(cluster, admin, chance, fault, loads, histories)
            yield Round(fault, [f"{fault}: {problem}" for problem in problems])
            if problems:
                return
            histories = {topic: following(each) for topic, each in histories.items()}
        for load in loads.values():
            load.producer.close()


def _round(
    cluster: LocalCluster,
    admin: Admin,
    chance: random.Random,
    fault: str,
    loads: dict[str, Load],
    histories: dict[str, History],
) -> list[str]:
    threads = [
        threading.Thread(target=load.produce, args=(histories[topic], RECORDS_PER_ROUND))
        for topic, load in loads.items()
    ]
    for thread in threads:
        thread.daemon = True
        thread.start()
    time.sleep(chance.uniform(*BETWEEN_SECONDS))
    FAULTS[fault](cluster, admin, chance)
    time.sleep(chance.uniform(*BETWEEN_SECONDS))
    for number, broker in cluster.brokers.items():
        if not broker.is_running:
            cluster.start(number)
    until = time.monotonic() + ROUND_SECONDS_MAX
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
        if thread.is_alive():
            return [f"nothing was acknowledged any more; {_state(admin)}"]
    for topic, load in loads.items():
        load.settle(histories[topic])
    problems = _settled(cluster, admin)
    if problems:
        return problems
    for topic in loads:
        read_to_end(cluster.urls, topic, histories[topic])
        told = sum(span.count for span in histories[topic].acknowledged)
        assert told >= RECORDS_PER_ROUND, "a round without acknowledgements proves nothing"
        problems += [f"{topic}: {problem}" for problem in histories[topic].verdict()]
    return problems


def _settled(cluster: LocalCluster, admin: Admin) -> list[str]:
    """Nothing, once all replicas are in sync; else how it stands."""
    try:
        cluster.wait_until_in_sync(admin)
    except Failure as failure:
        return [str(failure)]
    return []


def _state(admin: Admin) -> str:
    try:
        topics = admin.describe_topics()
    except BusError as error:
        return f"nobody answers: {error}"
    rows = partition_rows([(t.name, p) for t in topics for p in t.partitions])
    return "; ".join(" ".join(map(str, row)) for row in rows)
