"""What one etcd bears of a cluster's metadata: groups of 64 partitions' records, on the disk.

etcd fill     200,000 partitions' records written, 100 groups a transaction
etcd change   one group after another: what a change of an in-sync set or a leader costs
etcd read     all of it read and parsed by a broker that starts; and keys alone, as each broker
              compares them every 30 to 45 s
The sizes are those that etcd tells of its file, and its own times of its WAL's fsync.
"""

import asyncio
import time
import urllib.request
from uuid import UUID

from bus.adapters.etcd.listing import Listing
from bus.adapters.etcd.store import EtcdStore
from bus.broker.groups import Groups
from bus.broker.mirror import Mirror
from bus.model.cluster import PartitionImage
from bus.model.ids import PartitionId
from bus.model.limits import TRANSACTION_WRITES_MAX
from bus.model.stored import RECORDS_PER_GROUP_MAX, group_to_bytes
from bus.ports import Write, revision_of
from perf.bench import Bench
from perf.macro.move_leaders import KEYS, Etcd, store_at, until, write
from perf.result import Result
from perf.stats import median, percentile

PARTITIONS = 200_000
CHANGES = 500
FSYNC = "etcd_disk_wal_fsync_duration_seconds"
SIZE = "etcd_mvcc_db_total_size_in_bytes"


def run(bench: Bench) -> list[Result]:
    """One run: the fill alone takes seconds."""
    groups = max(1, int(PARTITIONS * bench.scale) // RECORDS_PER_GROUP_MAX)
    with bench.fresh_directory() as directory, Etcd(directory) as etcd:
        results = asyncio.run(_measure(etcd.url, groups))
    for result in results:
        bench.say(f"{result.name}: {result.metrics}")
    return results


async def _measure(url: str, groups: int) -> list[Result]:
    with store_at(url, "first") as store:
        mirror = Mirror(store, KEYS.root)
        await until(lambda: mirror.is_ready)
        begun = time.perf_counter()
        await _fill(mirror, groups)
        filled = time.perf_counter() - begun
        size = _told(url, SIZE)
        times = [await _change(mirror, number % groups) for number in range(CHANGES)]
        grown = _told(url, SIZE) - size
        read, keys = await _read(url, groups)
        listed = await _list_keys(store)
    facts = {"groups": groups, "etcd": "one member, on the disk"}
    syncs, spent = _told(url, f"{FSYNC}_count"), _told(url, f"{FSYNC}_sum")
    return [
        Result(
            "etcd fill",
            {"seconds": filled, "groups_per_second": groups / filled, "file_mb": size / 1e6},
            facts=facts,
        ),
        Result(
            "etcd change",
            {
                "p50_ms": median(times) * 1000,
                "p99_ms": percentile(times, 0.99) * 1000,
                "per_second": len(times) / sum(times),
                "file_kb_each": grown / len(times) / 1000,
                "fsync_ms": 1000 * spent / max(1, syncs),
            },
            facts=facts,
        ),
        Result("etcd read", {"seconds": read, "keys_seconds": listed, "keys": keys}, facts=facts),
    ]


def _group(number: int, epoch: int) -> bytes:
    image = PartitionImage(1, epoch, epoch, 2, (1, 2, 3), (1, 2, 3))
    first = number * RECORDS_PER_GROUP_MAX
    ids = range(first, first + RECORDS_PER_GROUP_MAX)
    return group_to_bytes({PartitionId(UUID(int=1 + n // 50), n % 50): image for n in ids})


async def _fill(mirror: Mirror, groups: int) -> None:
    writes = [Write(KEYS.group(number), _group(number, 0), 0) for number in range(groups)]
    for at in range(0, groups, TRANSACTION_WRITES_MAX):
        await write(mirror, writes[at : at + TRANSACTION_WRITES_MAX])


async def _change(mirror: Mirror, number: int) -> float:
    """Until the copy shows it."""
    key, begun = KEYS.group(number), time.perf_counter()
    held = revision_of(mirror.get(key))
    await write(mirror, [Write(key, _group(number, held), held)])
    return time.perf_counter() - begun


async def _read(url: str, groups: int) -> tuple[float, int]:
    with store_at(url, "second") as store:
        begun = time.perf_counter()
        mirror = Mirror(store, KEYS.root)
        known = Groups(mirror, KEYS)
        await until(lambda: mirror.is_ready)
        assert len(known.all()) == groups
        return time.perf_counter() - begun, len(mirror.entries)


async def _list_keys(store: EtcdStore) -> float:
    begun, told = time.perf_counter(), []
    Listing(store._asker, KEYS.root, True, lambda *answer: told.append(answer))
    await until(lambda: bool(told))
    return time.perf_counter() - begun


def _told(url: str, name: str) -> float:
    """One of the figures that etcd tells of itself."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return next((float(line.split()[-1]) for line in lines if line.split()[0] == name), 0.0)
