"""Which partition a record goes to: by its key as Kafka's clients do, else the sticky one."""

from bus.client.routing import NO_NODE, TopicView
from bus.errors import BadSetting
from bus.model.batch import Buffer
from bus.native.builder import murmur2

POSITIVE = 0x7FFFFFFF


def partition_of_key(key: Buffer, count: int) -> int:
    """Kafka's default: murmur2 of the key's bytes."""
    return (murmur2(key) & POSITIVE) % count


def next_sticky(view: TopicView, turn: int) -> int:
    """The `turn`-th partition among those that have a leader; among all if none has."""
    led = [index for index, leader in enumerate(view.leaders) if leader.node != NO_NODE]
    if not led:
        return turn % view.count
    return led[turn % len(led)]


def check_partition(view: TopicView, partition: int) -> int:
    """The partition itself. Raises BadSetting if the topic has no such partition."""
    if isinstance(partition, bool) or not isinstance(partition, int):
        raise BadSetting(f"partition={partition!r}: it must be a whole number.")
    if not 0 <= partition < view.count:
        raise BadSetting(
            f"Topic {view.name!r} has no partition {partition}: it has {view.count}, "
            "numbered from 0."
        )
    return partition
