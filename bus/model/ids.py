"""Names and ids of the bus: topics, partitions, brokers."""

import re
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from bus.errors import InvalidTopic
from bus.model.limits import TOPIC_NAME_LENGTH_MAX

_LEGAL = re.compile(r"[A-Za-z0-9._-]+\Z")

OFFSETS_TOPIC = "__consumer_offsets"  # where groups keep their positions
INTERNAL_TOPICS = frozenset({OFFSETS_TOPIC})  # written by the broker alone

TOPIC_IDS_KEPT = 1024
NO_TOPIC_ID = UUID(int=0)  # on the wire: the topic is named, not identified


class TopicPartition(NamedTuple):
    """A partition as people and clients name it."""

    topic: str
    partition: int


class PartitionId(NamedTuple):
    """A partition as brokers know it: a topic made anew under the same name is another one."""

    topic_id: UUID
    partition: int


@lru_cache(maxsize=TOPIC_IDS_KEPT)
def topic_id_of(data: bytes) -> UUID:
    """The id that 16 bytes stand for; mostly the same object each time: partitions are many."""
    return UUID(bytes=data)


def check_topic_name(name: str) -> str:
    """The name itself. Raises InvalidTopic, saying what is wrong (the rules are Kafka's)."""
    if not name:
        raise InvalidTopic("The topic name is empty.")
    if name in {".", ".."}:
        raise InvalidTopic(f"The topic name may not be {name!r}.")
    if len(name) > TOPIC_NAME_LENGTH_MAX:
        raise InvalidTopic(
            f"The topic name has {len(name)} characters; {TOPIC_NAME_LENGTH_MAX} are allowed."
        )
    if not _LEGAL.match(name):
        raise InvalidTopic(
            f"The topic name {name!r} has characters other than letters, digits, '.', '_' and '-'."
        )
    return name


def check_not_internal(name: str) -> None:
    """Raises InvalidTopic for a topic that only the broker itself may change."""
    if name in INTERNAL_TOPICS:
        raise InvalidTopic(f"The topic {name!r} is the broker's own; only it may change it.")
