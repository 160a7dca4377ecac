"""The cluster in tables: its brokers, and the partitions that are not as they should be."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bus.client.admin_calls import PartitionDescription, TopicDescription
from bus.client.admin_cluster import BrokerDescription, ClusterDescription

NOBODY = -1
NAMED_MAX = 20  # topics in one line
Row = list[object]


@dataclass(frozen=True, slots=True)
class View:
    """What an admin is told, at one moment."""

    cluster: ClusterDescription
    topics: tuple[TopicDescription, ...]

    @property
    def partitions(self) -> list[tuple[str, PartitionDescription]]:
        """All of them, by topic."""
        return [(topic.name, each) for topic in self.topics for each in topic.partitions]

    def broker(self, number: int) -> BrokerDescription | None:
        """One that is there now."""
        return next((each for each in self.cluster.brokers if each.node == number), None)


def look(admin: Any) -> View:
    """Ask for all of it."""
    return View(admin.describe_cluster(), tuple(admin.describe_topics()))


BROKERS_HEAD = ["broker", "where", "rack", "leads", "replicas", "in sync", ""]


def broker_rows(view: View) -> list[Row]:
    """Those that are there, and those that replicas stand on and are not."""
    held = {number for _, each in view.partitions for number in each.replicas}
    numbers = sorted(held | {broker.node for broker in view.cluster.brokers})
    return [_broker_row(view, number) for number in numbers]


def _broker_row(view: View, number: int) -> Row:
    def count(is_one: Callable[[PartitionDescription], bool]) -> int:
        return sum(is_one(each) for _, each in view.partitions)

    found = view.broker(number)
    return [
        str(number),
        found.url if found is not None else "-",
        (found.rack or "-") if found is not None else "-",
        count(lambda each: each.leader == number),
        count(lambda each: number in each.replicas),
        count(lambda each: number in each.isr),
        _note(view, number),
    ]


def _note(view: View, number: int) -> str:
    found = view.broker(number)
    if found is None:
        return "is not there"
    told = ["controls"] if number == view.cluster.controller else []
    return ", ".join([*told, "drained"] if found.is_draining else told)


PARTITIONS_HEAD = ["partition", "leader", "epoch", "in sync", "replicas", ""]


def partition_rows(partitions: Sequence[tuple[str, PartitionDescription]]) -> list[Row]:
    """One each, with what is wrong about it."""
    return [
        [
            f"{topic}-{each.partition}",
            "none" if each.leader == NOBODY else str(each.leader),
            each.leader_epoch,
            _numbers(each.isr),
            _numbers(each.replicas),
            trouble(each),
        ]
        for topic, each in partitions
    ]


def trouble(partition: PartitionDescription) -> str:
    """In a few words; empty if all is well."""
    if partition.leader == NOBODY:
        return "no leader"
    missing = [each for each in partition.replicas if each not in partition.isr]
    return f"not in sync: {_numbers(missing)}" if missing else ""


def growing(view: View) -> str:
    """Topics that will have more replicas, in one line; empty if there are none."""
    short = [t for t in view.topics if t.replicas < (t.replicas_wanted or 0)]
    named = ", ".join(f"{t.name} ({t.replicas} of {t.replicas_wanted})" for t in short[:NAMED_MAX])
    rest = f" and {len(short) - NAMED_MAX:,} more" if len(short) > NAMED_MAX else ""
    return f"to be given more replicas: {named}{rest}" if short else ""


def summary(view: View) -> str:
    """One line."""
    partitions = view.partitions
    leaderless = sum(each.leader == NOBODY for _, each in partitions)
    behind = sum(bool(trouble(each)) for _, each in partitions) - leaderless
    state = "all in sync"
    if leaderless or behind:
        state = f"{leaderless:,} without a leader, {behind:,} not all in sync"
    return (
        f"cluster {view.cluster.cluster_id}: {len(view.cluster.brokers):,} brokers, "
        f"{len(view.topics):,} topics, {len(partitions):,} partitions: {state}"
    )


def machine_of(broker: BrokerDescription | None, number: int) -> str:
    """Brokers of one machine answer at one host, as far as can be told from here."""
    host = urlsplit(broker.url).hostname if broker is not None else None
    return host or f"of broker {number}"


def _numbers(numbers: Sequence[int]) -> str:
    return ",".join(map(str, numbers)) or "-"
