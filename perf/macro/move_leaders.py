"""A broker that led 10,000 partitions dies: until the store, and who watches it, has new leaders.

One real etcd, which syncs its disk; brokers that are only entries in it. Measured from the moment
at which the controller is told, to that at which another client's copy has every partition led by
another broker. `move-leaders-standby`: the controller dies as well, and a standby, whose copy is
warm, takes the key `ctl` and does the same; measured from when it is told.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from bus.adapters.clock import SystemClock
from bus.adapters.etcd.settings import EtcdSettings, etcd_endpoints
from bus.adapters.etcd.store import EtcdStore, etcd_store
from bus.adapters.random import SystemRandom
from bus.broker.controlling import Controlling
from bus.broker.counters import Counters
from bus.broker.mirror import Mirror
from bus.control.policy import BY_ITSELF
from bus.errors import BusError
from bus.model.cluster import PartitionImage
from bus.model.ids import PartitionId
from bus.model.keys import Keys, Kind
from bus.model.limits import TRANSACTION_WRITES_MAX
from bus.model.stored import RECORDS_PER_GROUP_MAX, group_from_bytes, group_to_bytes
from bus.model.stored_brokers import NO_EPOCH, BrokerEpochRecord, BrokerState
from bus.ports import Write, revision_of
from perf.bench import Bench, Failed
from perf.child import Server, free_port
from perf.result import Result
from perf.stats import median

PARTITIONS = 10_000
DEAD = 1
REPLICAS = (DEAD, 2, 3)
KEYS = Keys("perf")
SECONDS_MAX = 60.0
FAST = ["--heartbeat-interval", "50", "--election-timeout", "250"]


class Etcd(Server):
    """One member that is a cluster."""

    def __init__(self, directory: Path) -> None:
        port, peer = free_port(), free_port()
        self.url = f"http://127.0.0.1:{port}"
        peer_url = f"http://127.0.0.1:{peer}"
        command = ["etcd", "--name", "one", "--data-dir", str(directory / "etcd"), *FAST]
        command += ["--listen-client-urls", self.url, "--advertise-client-urls", self.url]
        command += ["--listen-peer-urls", peer_url, "--initial-advertise-peer-urls", peer_url]
        command += ["--initial-cluster", f"one={peer_url}"]
        super().__init__(command, directory / "log", port)


def run(bench: Bench) -> list[Result]:
    """move-leaders and move-leaders-standby; the medians of the repeats."""
    count = max(RECORDS_PER_GROUP_MAX, int(PARTITIONS * bench.scale))
    results = []
    for name, is_standby in (("move-leaders", False), ("move-leaders-standby", True)):
        times = []
        for _ in range(bench.repeats):
            with bench.fresh_directory() as directory, Etcd(directory) as etcd:
                times.append(asyncio.run(_once(etcd.url, count, is_standby)))
        bench.say(f"{name}: {median(times):.3f} s")
        facts = {"partitions": count, "etcd": "one member, on the disk"}
        results.append(Result(name, {"moved_s": median(times)}, runs=times, facts=facts))
    return results


async def _once(url: str, count: int, is_standby: bool) -> float:
    with store_at(url, "first") as first, store_at(url, "second") as second:
        mirror, standby = Mirror(first, KEYS.root), Mirror(second, KEYS.root)
        await until(lambda: mirror.is_ready and standby.is_ready)
        await _fill(mirror, count)
        revision = await _take_control(mirror)
        controlling = Controlling(mirror, KEYS, revision, SystemClock(), BY_ITSELF, Counters())
        await until(lambda: standby.revision == mirror.revision)
        begun = time.perf_counter()
        if is_standby:
            controlling.end()
            revision = await _take_control(standby)
            controlling = Controlling(standby, KEYS, revision, SystemClock(), BY_ITSELF, Counters())
        controlling.on_silent(DEAD)
        watched = mirror if is_standby else standby
        await until(lambda: _is_fenced(watched))
        elapsed = time.perf_counter() - begun
        controlling.end()
        _check(watched, count)
        return elapsed


@contextmanager
def store_at(url: str, name: str) -> Iterator[EtcdStore]:
    loop = asyncio.get_running_loop()
    settings = EtcdSettings(etcd_endpoints(url))
    store = etcd_store(loop, settings, SystemClock(), SystemRandom(), KEYS.clients, name)
    try:
        yield store
    finally:
        store.close(lambda: None)


async def _fill(mirror: Mirror, count: int) -> None:
    image = PartitionImage(DEAD, 0, 0, 2, REPLICAS, REPLICAS)
    pids = [PartitionId(UUID(int=1), index) for index in range(count)]
    writes = []
    for number, at in enumerate(range(0, count, RECORDS_PER_GROUP_MAX)):
        group = dict.fromkeys(pids[at : at + RECORDS_PER_GROUP_MAX], image)
        writes.append(Write(KEYS.group(number), group_to_bytes(group), 0))
    for broker in REPLICAS:
        record = BrokerEpochRecord(broker, BrokerState.ACTIVE, NO_EPOCH, (), "boot")
        writes.append(Write(KEYS.broker_epoch(broker), record.to_bytes(), 0))
    for at in range(0, len(writes), TRANSACTION_WRITES_MAX):
        await write(mirror, writes[at : at + TRANSACTION_WRITES_MAX])


async def _take_control(mirror: Mirror) -> int:
    held = revision_of(mirror.get(KEYS.controller))
    return await write(mirror, [Write(KEYS.controller, b"2", held)])


async def write(mirror: Mirror, writes: list[Write]) -> int:
    told: asyncio.Future[int | BusError | None] = asyncio.get_running_loop().create_future()
    mirror.transact(writes, {}, told.set_result)
    outcome = await told
    if not isinstance(outcome, int):
        raise Failed(f"etcd did not take what was written: {outcome}")
    return outcome


async def until(is_so: Callable[[], bool]) -> None:
    end = time.perf_counter() + SECONDS_MAX
    while not is_so():
        if time.perf_counter() > end:
            raise Failed(f"it has not come about within {SECONDS_MAX:.0f} s")
        await asyncio.sleep(0.001)


def _is_fenced(mirror: Mirror) -> bool:
    """Written last, once all partitions are."""
    key = KEYS.broker_epoch(DEAD)
    entry = mirror.get(key)
    assert entry is not None, "it was written"
    return BrokerEpochRecord.from_bytes(key, entry.value).state is BrokerState.FENCED


def _check(mirror: Mirror, count: int) -> None:
    led = 0
    for key, entry in mirror.under(KEYS.prefix(Kind.GROUP)).items():
        images = group_from_bytes(key, entry.value).values()
        led += sum(image.leader not in (DEAD, -1) for image in images)
    if led != count:
        raise Failed(f"{led} of {count} partitions are led by another broker")
