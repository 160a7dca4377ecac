"""What shall hold partitions: worked out of a wish, or read from a file as Kafka's tool writes it.

Wish                           Plan
----                           ----
--replication-factor N         more replicas or fewer; those that are there stay where they are
--broker 1,2,3                 replicas on other brokers go to these, and all are evened out on them
both                           first the one, then the other
a file                         what it says

    {"version": 1, "partitions": [{"topic": "t", "partition": 0, "replicas": [1, 2, 3]}]}

A partition that is moving already counts as being where it goes. So the same wish, asked again,
asks for what is missing: a plan that was interrupted is taken up by the same command.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from bus.cli.cluster_view import machine_of
from bus.cli.failure import UserError
from bus.client.admin_calls import TopicDescription
from bus.client.admin_cluster import BrokerDescription
from bus.client.admin_replicas import Reassignment
from bus.control import balance
from bus.control.placement import default_replication_factor
from bus.model.ids import PartitionId, TopicPartition, check_topic_name
from bus.model.limits import PARTITIONS_PER_TOPIC_MAX

Held = dict[TopicPartition, tuple[int, ...]]
NAMELESS = UUID(int=0)  # topics are told apart by their place here
EXAMPLE = '{"version": 1, "partitions": [{"topic": "t", "partition": 0, "replicas": [1, 2]}]}'


@dataclass(frozen=True, slots=True)
class Wish:
    """None: as it is."""

    factor: int | None = None
    brokers: tuple[int, ...] | None = None


def settled(
    topics: Sequence[TopicDescription], moving: Mapping[TopicPartition, Reassignment]
) -> Held:
    """Who will hold each partition when what is under way is done."""
    found: Held = {}
    for topic in topics:
        for each in topic.partitions:
            partition = TopicPartition(topic.name, each.partition)
            move = moving.get(partition)
            found[partition] = each.replicas if move is None else move.target
    return found


def planned(wish: Wish, chosen: Held, everything: Held, there: Sequence[BrokerDescription]) -> Held:
    """Who shall hold the chosen partitions; only those that change. Raises UserError."""
    racks = {broker.node: broker.rack or "" for broker in there}
    homes = _homes(wish, racks, there)
    factor = wish.factor
    if factor is not None and factor > len(homes):
        raise UserError(f"There cannot be {factor} replicas on {count_of(len(homes), 'broker')}.")
    hosts = {broker.node: machine_of(broker, broker.node) for broker in there}
    planner = _Planner(chosen, everything, hosts)
    if wish.brokers is not None:
        _check_room(chosen, factor, len(homes))
    if factor is not None:
        planner.shrink(homes, factor)
    if wish.brokers is not None:
        planner.leave_all_but(homes)
    if factor is not None:
        planner.grow(homes, factor)
    if wish.brokers is not None:
        planner.even_out(homes)
    return planner.changed()


def _check_room(chosen: Held, factor: int | None, homes: int) -> None:
    for partition, replicas in chosen.items():
        if (factor or len(replicas)) > homes:
            raise UserError(
                f"{name_of(partition)} has {len(replicas)} replicas, and "
                f"{count_of(homes, 'broker')} cannot hold them: name more brokers, or "
                "--replication-factor."
            )


class _Planner:
    """Step by step; the machines know partitions by numbers."""

    def __init__(self, chosen: Held, everything: Held, hosts: Mapping[int, str]) -> None:
        self._hosts = hosts
        self._before = {PartitionId(NAMELESS, n): held for n, held in enumerate(chosen.values())}
        self._names = dict(zip(self._before, chosen, strict=True))
        self._held = dict(self._before)
        rest = (held for partition, held in everything.items() if partition not in chosen)
        self._others = Counter(broker for held in rest for broker in held)

    def shrink(self, homes: Mapping[int, str], factor: int) -> None:
        self._held |= balance.shrunk(self._held, homes, factor, self._counts(), self._hosts)

    def leave_all_but(self, homes: Mapping[int, str]) -> None:
        gone = {broker for held in self._held.values() for broker in held} - homes.keys()
        self._held |= balance.drained(self._held, homes, gone, self._counts(), self._hosts)

    def grow(self, homes: Mapping[int, str], factor: int) -> None:
        self._held |= balance.grown(self._held, homes, factor, self._counts(), self._hosts)

    def even_out(self, homes: Mapping[int, str]) -> None:
        while moves := balance.balanced(self._held, homes, len(self._held), self._hosts):
            self._held |= moves
        while moves := balance.led_evenly(self._held, len(self._held)):
            self._held |= moves

    def changed(self) -> Held:
        return {
            self._names[pid]: held for pid, held in self._held.items() if held != self._before[pid]
        }

    def _counts(self) -> Counter[int]:
        return self._others + Counter(b for held in self._held.values() for b in held)


def _homes(
    wish: Wish, racks: Mapping[int, str], there: Sequence[BrokerDescription]
) -> dict[int, str]:
    draining = {broker.node for broker in there if broker.is_draining}
    if wish.brokers is None:
        return {broker: rack for broker, rack in racks.items() if broker not in draining}
    for broker in wish.brokers:
        if broker not in racks:
            raise UserError(
                f"Broker {broker} is not there; those that are: {', '.join(map(str, racks))}."
            )
        if broker in draining:
            raise UserError(
                f"Broker {broker} is drained: `busd broker drain {broker} --cancel` lets it hold "
                "partitions again."
            )
    return {broker: racks[broker] for broker in wish.brokers}


def name_of(partition: TopicPartition) -> str:
    """As people read it."""
    return f"{partition.topic}-{partition.partition}"


def below_default(topic: TopicDescription, brokers: int) -> int:
    """How many replicas a new topic would have, if this one has fewer; else 0."""
    wished = default_replication_factor(max(1, brokers))
    fewest = min((len(each.replicas) for each in topic.partitions), default=wished)
    return wished if fewest < wished else 0


def to_json(plan: Held) -> str:
    """As Kafka's tool takes it too."""
    parts = [
        {"topic": p.topic, "partition": p.partition, "replicas": list(h)} for p, h in plan.items()
    ]
    return json.dumps({"version": 1, "partitions": parts}, indent=1) + "\n"


def from_json(path: str) -> Held:
    """What the file asks for. UserError if it does not say it."""
    with open(path, "rb") as file:
        data = file.read()
    try:
        content: Any = json.loads(data)
        if content.get("version", 1) != 1:
            raise UserError(f"{path} has version {content['version']}; 1 is known.")
        found: Held = {}
        for part in content["partitions"]:
            partition, replicas = _entry(path, part)
            if partition in found:
                raise UserError(f"{path} names {name_of(partition)} twice.")
            found[partition] = replicas
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(f"{path} is no plan; one looks like this: {EXAMPLE}") from None
    return found


def _entry(path: str, part: Any) -> tuple[TopicPartition, tuple[int, ...]]:
    index, replicas = part["partition"], part["replicas"]
    numbers = [index, *replicas]
    if not all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in numbers):
        raise ValueError("not all of them are numbers")
    if index >= PARTITIONS_PER_TOPIC_MAX or not replicas:
        raise ValueError("no partition has this number, or none has no replicas")
    partition = TopicPartition(check_topic_name(part["topic"]), index)
    if any(where != "any" for where in part.get("log_dirs", ())):
        raise UserError(
            f"{path} chooses a directory for {name_of(partition)}: a broker does that itself. "
            'Leave out "log_dirs".'
        )
    return partition, tuple(replicas)


def count_of(count: int, what: str) -> str:
    """ "1 broker", "2 brokers"."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"
