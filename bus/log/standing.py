"""Is a replica, after a restart, all that it was? A pure judgement of what a start found (R2, S6).

Found                                                               The replica is
-----                                                               --------------
no trace of it, and all directories that there were, with their     intact and empty: whoever acts
own records                                                         has promised an epoch (R8)
no trace of it, and a directory or its records are missing          suspect
it is in a directory that this broker did not have                  suspect
a directory of a life before the broker's last: a copy              suspect
damage, or no checkpoint that tells what was durable                suspect
it ends below what was durable here once                            suspect
otherwise: the topic is flush=group, or the page cache has          intact
survived, or the stop was clean and left this very end
otherwise                                                           suspect

Intact replicas stay in sync and may be elected. A suspect one must be taken out of ISR and ELR
before its broker is accepted. Until then nothing that makes it suspect is forgotten, whatever
crashes: `LogStore.begin_life` says that it was.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from bus.log.checkpoints import NO_BROKER_EPOCH


@dataclass(frozen=True, slots=True)
class DiskLife:
    """What a data directory says of the life before; it is the last that was accepted."""

    disk_uuid: UUID
    path: str
    has_records: bool  # a valid checkpoint, or it is new
    is_same_boot: bool  # the page cache of that life is this one's
    broker_epoch: int  # of the last one that was here, NO_BROKER_EPOCH if none had one


@dataclass(frozen=True, slots=True)
class Found:
    """What a start found of one partition."""

    life: DiskLife
    damage: str | None  # why it is read-only, as a sentence
    end_offset: int
    held_end: int | None  # everything below it was durable here once; None: nobody knows
    is_clean: bool  # a clean stop left this very end


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the controller is told of one replica."""

    is_intact: bool
    reason: str  # one sentence


def judge(
    found: Found | None,
    lives: Sequence[DiskLife],
    expected: Collection[UUID],
    flush_group: bool,
    broker_epoch: int = NO_BROKER_EPOCH,
) -> Verdict:
    """See the table. `lives` are of all data directories of the broker; `expected` those it had.

    `broker_epoch` is that of the broker's last life, if the authority knows it.
    """
    reason = _absent(lives, expected) if found is None else _lost(found, expected)
    for life in lives if found is None else [found.life]:
        if reason is None and _is_copy(life, broker_epoch):
            reason = (
                f"The directory {life.path} is of broker epoch {life.broker_epoch}, and the last "
                f"was {broker_epoch}: it was copied, or brought back, from earlier."
            )
    if reason is not None:
        return Verdict(False, reason)
    if found is None:
        return Verdict(True, "It was never used on this broker.")
    return _survived(found, flush_group)


def _is_copy(life: DiskLife, broker_epoch: int) -> bool:
    """Later lives were here and came to nothing: each is noted before it can be accepted."""
    return NO_BROKER_EPOCH < life.broker_epoch < broker_epoch


def _absent(lives: Sequence[DiskLife], expected: Collection[UUID]) -> str | None:
    """Why a partition without a trace may have been here nevertheless."""
    missing = set(expected) - {life.disk_uuid for life in lives}
    if missing:
        return f"The data directory {min(missing)} is missing, and it may have been there."
    for life in lives:
        if not life.has_records:
            return f"The records of {life.path} are lost, and it may have been there."
    return None


def _lost(found: Found, expected: Collection[UUID]) -> str | None:
    """What is wrong with the files, whatever the last life ended by."""
    life = found.life
    if life.disk_uuid not in expected:
        return f"It is in {life.path}, a data directory that this broker did not have."
    if found.damage is not None:
        return found.damage
    if found.held_end is None:
        return f"Without a valid checkpoint in {life.path} nobody knows what was durable."
    if found.end_offset < found.held_end:
        return (
            f"Its log in {life.path} ends at offset {found.end_offset}, and it had durable records "
            f"up to {found.held_end}."
        )
    return None


def _survived(found: Found, flush_group: bool) -> Verdict:
    if flush_group:
        return Verdict(True, "What it acknowledged was flushed, and is there.")
    if found.life.is_same_boot:
        return Verdict(True, "The machine was not restarted, so what was written is there.")
    if found.is_clean:
        return Verdict(True, "It was stopped cleanly, and is as it was then.")
    return Verdict(
        False, "The machine was restarted without a clean stop, and its topic is flush=os."
    )
