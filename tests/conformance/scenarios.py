"""The scenarios that every client goes through, in order, and how each is called.

A scenario is a function of a World; it returns when all is well, raises Wrong when not, and Absent
where the client has no such thing. Those of records are here, those of groups and of
administration in files of their own.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.conformance import admin_scenarios as admin
from tests.conformance import group_scenarios as groups
from tests.conformance.world import World, expect, expect_refused, record

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
MESSAGE_TOO_LARGE, UNKNOWN_TOPIC = 10, 3
MANY = 20_000


@dataclass(frozen=True, slots=True)
class Scenario:
    """One row of the table."""

    name: str
    run: Callable[[World], None]


def produce_with(codec: str) -> Callable[[World], None]:
    def run(world: World) -> None:
        topic = world.topic()
        sent = [record(f"value {number} " * 20, key=f"key {number}") for number in range(300)]
        placed = world.client.produce(topic=topic, records=sent, compression=codec)
        if placed is not None:
            expect(placed, [[0, number] for number in range(300)], "where they were put")
        read = world.client.read(topic=topic, count=300)
        expect([[key, value] for _, _, key, value, _ in read], [r[:2] for r in sent], "read")
        expect([row[0] for row in read], list(range(300)), "offsets")

    return run


def keys(world: World) -> None:
    """The same key goes to the same partition; null and empty are told apart."""
    topic = world.topic(partitions=3)
    client = world.client
    sent = [record(f"v{n}", key=f"k{n % 7}", headers=[]) for n in range(70)]
    client.produce(topic=topic, records=sent)
    counts = _ends(world, topic, 3)
    expect(sum(counts), 70, "records in all partitions")
    homes: dict[str, set[int]] = {}
    for partition, count in enumerate(counts):
        for row in client.read(topic=topic, partition=partition, count=count) if count else []:
            homes.setdefault(row[2], set()).add(partition)
    expect({len(home) for home in homes.values()}, {1}, "partitions of a key")
    expect(len(homes), 7, "keys")


def nulls(world: World) -> None:
    """A tombstone, no key, and what is empty."""
    topic = world.topic()
    sent = [record(None, key="gone"), record("no key"), record("", key="empty value")]
    world.client.produce(topic=topic, records=sent)
    read = world.client.read(topic=topic, count=3)
    expect([row[2:4] for row in read], [r[:2] for r in sent], "keys and values")


def headers(world: World) -> None:
    topic = world.topic()
    given = [["a", "1"], ["b", "x" * 2000], ["a", "2"], ["empty", ""]]
    world.client.produce(topic=topic, records=[record("v", headers=given), record("w")])
    read = world.client.read(topic=topic, count=2)
    expect(read[0][4], given, "headers in their order, doubles too")
    expect(read[1][4], [], "headers of a record without any")


def timestamps(world: World) -> None:
    """CreateTime is the producer's, LogAppendTime the broker's."""
    times = [an_hour_ago() + 1000 * number for number in range(5)]
    sent = [record("v", timestamp=stamp) for stamp in times]
    topic = world.topic()
    world.client.produce(topic=topic, records=sent)
    expect([row[1] for row in world.client.read(topic=topic, count=5)], times, "CreateTime")
    topic = world.topic(message_timestamp_type="LogAppendTime")
    before = time.time() * 1000
    world.client.produce(topic=topic, records=sent)
    stamps = [row[1] for row in world.client.read(topic=topic, count=5)]
    fresh = all(before - 1000 <= stamp <= time.time() * 1000 + 1000 for stamp in stamps)
    expect(fresh, True, f"LogAppendTime {stamps} is now")


def big_batches(world: World) -> None:
    """Many small records, and few of almost a mebibyte."""
    topic = world.topic()
    sent = [record(f"{number:08d}" * 10) for number in range(MANY)]
    world.client.produce(topic=topic, records=sent)
    read = world.client.read(topic=topic, count=MANY)
    expect([row[3] for row in read] == [r[1] for r in sent], True, "20,000 records are the same")
    topic = world.topic()
    large = [record(letter * 900_000) for letter in "abc"]
    world.client.produce(topic=topic, records=large)
    read = world.client.read(topic=topic, count=3)
    expect([row[3] == r[1] for row, r in zip(read, large, strict=True)], [True] * 3, "900 kB each")


def idempotent(world: World) -> None:
    topic = world.topic()
    sent = [record(f"{number}") for number in range(3000)]
    world.client.produce(topic=topic, records=sent, idempotent=True)
    world.client.produce(topic=topic, records=sent, idempotent=True)
    read = world.client.read(topic=topic, count=6000)
    expect([row[0] for row in read], list(range(6000)), "offsets")
    expect([row[3] for row in read] == [r[1] for r in sent] * 2, True, "order")


def acks(world: World) -> None:
    topic = world.topic()
    world.client.produce(topic=topic, records=[record("one")], acks="1")
    world.client.produce(topic=topic, records=[record("none")], acks="0")
    expect([row[3] for row in world.client.read(topic=topic, count=2)], ["one", "none"], "values")


def starts(world: World) -> None:
    """From the beginning, an offset, a time; the helper writes, as not all can set timestamps."""
    topic = world.topic()
    stamps = [an_hour_ago() + 1000 * number for number in range(100)]
    sent = [record(f"{number}", timestamp=stamp) for number, stamp in enumerate(stamps)]
    world.helper.produce(topic=topic, records=sent)
    expect(world.client.read(topic=topic, count=1)[0][0], 0, "first")
    expect(world.client.read(topic=topic, count=3, offset=42)[0][0], 42, "from offset 42")
    found = world.client.read(topic=topic, count=3, at_ms=stamps[70] - 500)
    expect(found[0][0], 70, "from between 69 and 70")


def oversize(world: World) -> None:
    """A batch above the topic's limit is refused, and the next one is taken."""
    topic = world.topic(max_message_bytes="10000")
    large = [record("x" * 50_000)]
    expect_refused(MESSAGE_TOO_LARGE, world.client.produce, topic=topic, records=large)
    world.client.produce(topic=topic, records=[record("small")])
    expect(world.client.read(topic=topic, count=1)[0][3], "small", "the next one")


def unknown_topic(world: World) -> None:
    """Reading what is not there is an error; producing makes it, as Kafka does by default."""
    missing = world.name("missing")
    expect_refused(UNKNOWN_TOPIC, world.client.read, topic=missing, count=1)
    made = world.name("made")
    world.client.produce(topic=made, records=[record("first")])
    expect(world.client.read(topic=made, count=1)[0][3], "first", "in the topic that was made")


def an_hour_ago() -> int:
    """In milliseconds: young enough for every retention."""
    return int(time.time() - 3600) * 1000


def _ends(world: World, topic: str, partitions: int) -> list[int]:
    return [world.client.offsets(topic=topic, partition=index)[1] for index in range(partitions)]


SCENARIOS = [
    Scenario("create", admin.create),
    *(Scenario(f"produce, {codec}", produce_with(codec)) for codec in CODECS),
    Scenario("keys", keys),
    Scenario("nulls", nulls),
    Scenario("headers", headers),
    Scenario("timestamps", timestamps),
    Scenario("big batches", big_batches),
    Scenario("idempotent", idempotent),
    Scenario("acks 0 and 1", acks),
    Scenario("from start, offset, time", starts),
    Scenario("oversize", oversize),
    Scenario("unknown topic", unknown_topic),
    Scenario("topic admin", admin.topic_admin),
    Scenario("delete records", admin.delete_records),
    Scenario("delete and recreate", admin.recreate),
    Scenario("cluster", admin.cluster),
    Scenario("group of three", groups.group_of_three),
    Scenario("group: leave", groups.leave),
    Scenario("group: crash", groups.crash),
    Scenario("group: static member", groups.static_member),
    Scenario("group: round robin", groups.round_robin),
    Scenario("group: cooperative", groups.cooperative),
    Scenario("commit and resume", groups.commit_and_resume),
    Scenario("group admin", groups.group_admin),
]
