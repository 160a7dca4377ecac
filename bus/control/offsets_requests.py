"""What is asked about a group's positions: keep, forget, expire, or give up the group.

Request  Condition, tested in this order                  Outcome
-------  -------------------------------                  -------
commit   the group does not exist, a generation is named  IllegalGeneration
         no generation, and the group is empty            kept: whoever commits is no member
         not a member, or not of this generation          the error of group.generation_error
         no generation, no member, the group is not empty UnknownMemberId
         the members wait for their work                  RebalanceInProgress
         a position's metadata is too long                OffsetMetadataTooLarge, for it alone
         otherwise                                        kept, and answered once that is durable
forget   the group does not exist                         GroupIdNotFound
         members that are no consumers                    NonEmptyGroup
         a member subscribes to the topic                 GroupSubscribedToTopic, for it alone
         otherwise                                        forgotten
delete   the group does not exist                         GroupIdNotFound
         it has members                                   NonEmptyGroup
         otherwise                                        forgotten, with all of its positions
"""

from collections.abc import Sequence
from functools import partial

from bus.control.group import EMPTY, STABLE, Group
from bus.control.group_effects import Effect, Respond, Told
from bus.control.group_facts import NO_MEMBER, Commit, GroupState, Now, OffsetKey, Record
from bus.errors import (
    NONE,
    GroupIdNotFound,
    GroupSubscribedToTopic,
    IllegalGeneration,
    NonEmptyGroup,
    OffsetMetadataTooLarge,
    RebalanceInProgress,
    UnknownMemberId,
)

CONSUMER = "consumer"  # the protocol type whose subscriptions name topics


def commit(group: Group, ticket: int, commit: Commit, now: Now) -> list[Effect]:
    """Keep positions; the answer has an error for each."""
    error = _commit_error(group, commit)
    if error:
        return [Respond(ticket, Told(error, (error,) * len(commit.positions)))]
    group.hear(commit.member_id, now)
    length_max = group.rules.offset_metadata_length_max
    records = [entry for entry in commit.positions if len(entry[1].metadata) <= length_max]
    errors = (NONE,) * len(records)
    if len(records) < len(commit.positions):
        errors = tuple(
            OffsetMetadataTooLarge.code if len(position.metadata) > length_max else NONE
            for _, position in commit.positions
        )
    return _write(group, ticket, records, errors)


def forget(group: Group, ticket: int, keys: Sequence[OffsetKey], now: Now) -> list[Effect]:
    """Forget positions; the answer has an error for each."""
    if group.is_vacant:
        return [Respond(ticket, Told(GroupIdNotFound.code))]
    if group.members and group.protocol_type != CONSUMER:
        return [Respond(ticket, Told(NonEmptyGroup.code))]
    consumed = group.members.topics(group.protocol)
    errors = tuple(
        GroupSubscribedToTopic.code if consumed is None or topic in consumed else NONE
        for topic, _ in keys
    )
    known = set(group.ledger.partitions())
    records = [
        (key, None) for key, bad in zip(keys, errors, strict=True) if not bad and key in known
    ]
    return _write(group, ticket, records, errors)


def delete(group: Group, ticket: int, now: Now) -> list[Effect]:
    """Give up a group that has no members."""
    if group.is_vacant:
        return [Respond(ticket, Told(GroupIdNotFound.code))]
    if group.state is not EMPTY:
        return [Respond(ticket, Told(NonEmptyGroup.code))]
    forgotten: list[Record] = [(key, None) for key in group.ledger.partitions()]
    return _write(group, ticket, [*forgotten, (None, None)], ())


def drop_topic(group: Group, topic: str) -> list[Effect]:
    """A topic is deleted: one made anew under its name begins without positions."""
    records: list[Record] = [(key, None) for key in group.ledger.partitions() if key[0] == topic]
    return [group.ledger.write(records, _nothing)] if records else []


def expire(group: Group, now: Now) -> list[Effect]:
    """Forget positions that nobody has used for too long, and then the group (KIP-211)."""
    stored, offsets = group.ledger.stored, group.ledger.offsets
    since: int | None = None
    consumed: frozenset[str] | None = frozenset()
    if group.state is EMPTY:
        if stored is not None and stored.members:
            return []  # that it is empty is not stored
        since = stored.since_ms if stored is not None else None
    elif group.state is STABLE and group.protocol_type == CONSUMER:
        consumed = group.members.topics(group.protocol)
    else:
        return []
    keys = offsets.expired(now.wall_ms, group.rules.retention_ms, since, consumed)
    records: list[Record] = [(key, None) for key in keys]
    if group.state is EMPTY and stored is not None and set(keys) == set(group.ledger.partitions()):
        records.append((None, None))
    return [group.ledger.write(records, _nothing)] if records else []


def _commit_error(group: Group, commit: Commit) -> int:
    if group.is_vacant and commit.generation >= 0:
        return IllegalGeneration.code
    if commit.generation < 0 and group.state is EMPTY:
        return NONE
    named = commit.member_id != NO_MEMBER or commit.instance_id is not None
    if not named and commit.generation < 0:
        return UnknownMemberId.code
    error = group.generation_error(commit.generation, commit.member_id, commit.instance_id)
    if not error and group.state is GroupState.COMPLETING:
        error = RebalanceInProgress.code
    return error


def _write(
    group: Group, ticket: int, records: Sequence[Record], errors: tuple[int, ...]
) -> list[Effect]:
    if not records:
        return [Respond(ticket, Told(NONE, errors))]
    return [group.ledger.write(records, partial(_written, ticket, errors))]


def _written(ticket: int, errors: tuple[int, ...], error: int, now: Now) -> list[Effect]:
    told = tuple(one or error for one in errors)
    return [Respond(ticket, Told(error, told))]


def _nothing(error: int, now: Now) -> list[Effect]:
    """Nobody waits; what was not written is tried again with the next round."""
    return []
