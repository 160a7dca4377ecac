"""Recovery records: each leader that was elected although records may be lost by it (R13, R30).

Under the key `rec/GROUP` stand, as JSON, the last RECOVERIES_KEPT_MAX of each partition whose
record stands under `g/GROUP`, the newest last:

    {"TOPIC_ID/PARTITION": [{"leader_epoch", "leader", "at_ms", "cause", "by", "isr", "elr",
                             "last_elr", "end_offset", "seen_offset"}, ...]}

A record is written with the change that it is about, in one transaction. It is a trace for people,
and it is what lets a follower cut records that were committed before: whose log ends in an epoch
below `leader_epoch` may hold what the leader elected then never had.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from bus.model.ids import PartitionId, topic_id_of
from bus.model.limits import PARTITIONS_PER_TOPIC_MAX, RECOVERIES_KEPT_MAX
from bus.model.stored import from_json, number_of, text_of, to_json

NOT_KNOWN = -1


class Cause(StrEnum):
    """Who decided it."""

    OPERATOR = "operator"  # by a command
    BALANCED = "balanced"  # a topic of flush=os, by itself (R30)


@dataclass(frozen=True, slots=True)
class RecoveryRecord:
    """One election, and what the partition's record said before it."""

    leader_epoch: int  # that began with it
    leader: int
    cause: Cause
    isr: tuple[int, ...]
    elr: tuple[int, ...]
    last_elr: tuple[int, ...]
    end_offset: int = NOT_KNOWN  # of the leader's log: records from here on may be lost
    seen_offset: int = NOT_KNOWN  # the highest end of a log, or of what is committed, that was told
    by: str = ""  # who gave the command
    at_ms: int = 0  # by the controller's clock on the wall


Recoveries = dict[PartitionId, tuple[RecoveryRecord, ...]]


def recoveries_to_bytes(found: Mapping[PartitionId, tuple[RecoveryRecord, ...]]) -> bytes:
    """The value of the key; of each partition the newest are kept."""
    content = {
        f"{pid.topic_id}/{pid.partition}": [
            dataclasses.asdict(each) for each in records[-RECOVERIES_KEPT_MAX:]
        ]
        for pid, records in found.items()
    }
    return to_json(content)


def recoveries_from_bytes(key: str, data: bytes) -> Recoveries:
    """Raises CorruptLog, naming the key, for anything that `recoveries_to_bytes` does not write."""
    return from_json(
        key,
        data,
        lambda content: {
            _pid(name): tuple(_record(each) for each in records)
            for name, records in content.items()
        },
    )


def _pid(text: str) -> PartitionId:
    topic_id, _, index = text.partition("/")
    number = number_of(int(index), PARTITIONS_PER_TOPIC_MAX - 1)
    return PartitionId(topic_id_of(UUID(topic_id).bytes), number)


def _record(content: Any) -> RecoveryRecord:
    return RecoveryRecord(
        number_of(content["leader_epoch"]),
        number_of(content["leader"]),
        Cause(content["cause"]),
        _brokers(content["isr"]),
        _brokers(content["elr"]),
        _brokers(content["last_elr"]),
        number_of(content["end_offset"] + 1) - 1,
        number_of(content["seen_offset"] + 1) - 1,
        text_of(content["by"]),
        number_of(content["at_ms"]),
    )


def _brokers(content: Any) -> tuple[int, ...]:
    return tuple(number_of(each) for each in content)
