"""A leader asks for another in-sync set: whether it may have it (R4).

Refused with            If
------------            --
NotLeader               it does not lead, or there is no such partition
FencedLeaderEpoch       it led in another epoch
InvalidUpdateVersion    the record has changed since, or is changed by this very change
StaleBrokerEpoch        it does not count, or lives in another epoch
InvalidRequest          it is not in the set itself, or somebody who is no replica is
IneligibleReplica       one that joins is not active, or has restarted since (KIP-841, KIP-903)
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bus.control import election
from bus.control.change import Draft, Reply
from bus.errors import NONE, FencedLeaderEpoch, InvalidRequest, NotLeader
from bus.model.cluster import PartitionImage
from bus.model.ids import PartitionId
from bus.model.replication_errors import IneligibleReplica, InvalidUpdateVersion, StaleBrokerEpoch
from bus.model.stored_brokers import NO_EPOCH


@dataclass(frozen=True, slots=True)
class Wish:
    """What it asks for."""

    pid: PartitionId
    broker: int
    broker_epoch: int
    leader_epoch: int
    partition_epoch: int
    isr: tuple[int, ...]
    added: Mapping[int, int]  # broker -> its epoch


def grant(draft: Draft, wishes: Mapping[int, Wish]) -> None:
    """By ticket. Those for what is changed anyhow are refused: they were made on another record."""
    for ticket, wish in wishes.items():
        image = draft.find(wish.pid)
        error = _refusal(wish, image, draft)
        if error != NONE or image is None:
            draft.replies.append(Reply(ticket, error))
            continue
        draft.put(wish.pid, election.altered(image, wish.isr))
        draft.change.granted.append(ticket)


def _refusal(wish: Wish, image: PartitionImage | None, draft: Draft) -> int:
    if image is None or wish.broker != image.leader:
        return NotLeader.code
    if wish.leader_epoch != image.leader_epoch:
        return FencedLeaderEpoch.code
    if wish.partition_epoch != image.partition_epoch:
        return InvalidUpdateVersion.code
    if not draft.leads_in(wish.broker, wish.broker_epoch):
        return StaleBrokerEpoch.code
    members = set(wish.isr)
    if wish.broker not in members or not members <= set(image.replicas):
        return InvalidRequest.code
    joining = members - set(image.isr)
    if any(not draft.lives_in(b, wish.added.get(b, NO_EPOCH)) for b in joining):
        return IneligibleReplica.code
    return NONE
