"""Damage to one broker's files while it is down (F8): it must not lead by them, and repair itself.

Damage            To                                          Then
------            --                                          ----
of replicas       some partitions' files, of every kind of    it starts
                  tests/crash/campaign.py
of a candidate    files of flush=group partitions; all        it starts alone, and must refuse to
                  brokers are down                            lead; then the others start
of records        what its store says of all partitions       it starts, or refuses with a sentence
                                                              and starts with nothing

The other two replicas are sound and in sync, so all that was acknowledged stands on them.
"""

import random
import shutil
import time
from pathlib import Path

from bus.cli.failure import Failure
from bus.client.admin import Admin
from tests.chaos.faults import a_leader
from tests.chaos.site import Site
from tests.crash.campaign import DERIVED, HARMS, STORE
from tests.crash.damage import Image, take

KINDS = (".log", ".log", *DERIVED)
REPLICAS_MAX = 8  # of one broker, at once
ALONE_SECONDS = 0.5, 3.0
METADATA = "metadata"


def damaged(directory: Path, path: str, older: bytes | None, chance: random.Random) -> str:
    """Change one file of a directory; what was done."""
    files, lengths = take(directory)
    earlier = {path: older} if older is not None else {}
    image = Image(files, lengths, 0, earlier=earlier)
    name = chance.choice(list(HARMS))
    data = HARMS[name](image, path, chance)
    (directory / path).unlink()
    if data is not None:
        (directory / path).write_bytes(data)
    return f"{directory.name}/{path}: {name}"


def replicas_of(data: Path, topics: set[str]) -> list[Path]:
    """The directories of partitions of these topics (ids)."""
    return sorted(p for p in data.glob("topics/*/*") if p.is_dir() and p.parent.name in topics)


def damage_replicas(data: Path, topics: set[str], chance: random.Random) -> int:
    """So many were damaged."""
    found = replicas_of(data, topics)
    chosen = chance.sample(found, min(len(found), chance.randint(1, REPLICAS_MAX)))
    count = 0
    for directory in chosen:
        files = [p.name for p in directory.iterdir() if p.suffix in KINDS and p.stat().st_size]
        if files:
            older = data.with_name("early") / directory.relative_to(data)
            path = chance.choice(sorted(files))
            copy = older / path
            damaged(directory, path, copy.read_bytes() if copy.exists() else None, chance)
            count += 1
    return count


def ids(admin: Admin, *flush: str) -> set[str]:
    """Of the topics whose setting is one of these."""
    return {
        str(topic.topic_id)
        for topic in admin.describe_topics()
        if admin.describe_config(topic.name)["flush"].value in flush
    }


def keep_early(site: Site, number: int) -> None:
    """Copy the partitions' files, for stale ones later; of this very life."""
    data = site.machines[number].data
    early = data.with_name("early")
    shutil.rmtree(early, ignore_errors=True)
    shutil.copytree(data / "topics", early / "topics", ignore_dangling_symlinks=True)


def of_replicas(site: Site, admin: Admin, chance: random.Random) -> int:
    number, topics = a_leader(site, admin, chance), ids(admin, "group", "os")
    keep_early(site, number)
    time.sleep(chance.uniform(0, 1.0))
    site.kill(number)
    return damage_replicas(site.machines[number].data, topics, chance)


def of_a_candidate(site: Site, admin: Admin, chance: random.Random) -> int:
    number, topics = a_leader(site, admin, chance), ids(admin, "group")
    keep_early(site, number)
    for each in site.brokers:
        site.kill(each)
    count = damage_replicas(site.machines[number].data, topics, chance)
    site.start(number)
    time.sleep(chance.uniform(*ALONE_SECONDS))
    return count


def of_records(site: Site, admin: Admin, chance: random.Random) -> int:
    number = a_leader(site, admin, chance)
    data = site.machines[number].data
    older = {name: (data / name).read_bytes() for name in STORE if (data / name).exists()}
    time.sleep(chance.uniform(0, 4.0))
    site.kill(number)
    path = chance.choice(sorted(name for name in older if older[name]))
    damaged(data, path, older[path], chance)
    site.start(number)
    try:
        site.wait_until_ready(number)
    except Failure:  # it says what is wrong; whoever runs it gives it an empty disk
        site.empty(number)
    return 1


HARM = {
    "damage to replicas": of_replicas,
    "damage to a candidate": of_a_candidate,
    "damage to a store's records": of_records,
}
