"""The rules that replication has to keep, each as a function over plain data.

Rule   What is asked                                              Given
----   -------------                                              -----
I1     who may lead holds all that is committed                   a record, all logs, C
I2     who leads does                                             the leader's log, C
I3     logs that agree at one place agree before it               two logs
I4     one leader an epoch; epochs only rise; the record's own    a record's history
       rises with each change, by one or more
I5     what is committed stays so, whoever leads                  all advances
I6     what counts as committed is held by all who may lead       an advance, the store's record
I7     it advances only with enough in sync                       the same
I8     who leads is in sync                                       a record
I13    nobody changes a record who knows an older one             a change
I14    who may have lost something cannot lead before it caught   a record, who is suspect
       up
I15    what is acknowledged is durable on enough disks            who holds what, durably
R30    who leads where nobody may is who holds most, and all      two records, how far logs go
       who were eligible are waited for; only with flush=os

Each gives a sentence that says what is wrong, or None. C, what is committed, is a list of batches.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bus.model.cluster import NO_LEADER, PartitionImage
from tests.sim.batches import Batch
from tests.sim.invariants import Problem

RECOVERY_WAIT_MS = 1000  # shorter than in earnest, for who has been away that long is given up


@dataclass(frozen=True, slots=True)
class Advance:
    """A leader has raised its high watermark."""

    leader: int
    leader_epoch: int
    partition_epoch: int  # of the record that it knew
    high_watermark: int
    maximal: frozenset[int]  # whom it counted


@dataclass(frozen=True, slots=True)
class Change:
    """A transaction on a partition's record that was done, and what it had been made from."""

    before: PartitionImage
    after: PartitionImage
    known: PartitionImage  # what its author had read
    author_epoch: int  # of the controller that made it
    controller_epoch: int  # of the one that there was
    added: Mapping[int, int]  # broker -> its epoch, as its author knew it
    lives: Mapping[int, int]  # broker -> its epoch, as the store has it


# --- logs -------------------------------------------------------------------------------------


def lacks_committed(log: Sequence[Batch], committed: Sequence[Batch], start: int = 0) -> Problem:
    """What of C, from `start` on, is not in a log (I1, I2)."""
    found = {batch.base: batch for batch in log}
    for batch in committed:
        if batch.base < start:
            continue
        own = found.get(batch.base)
        if own is None or own.what != batch.what:
            return f"{batch} is committed, and it holds {own or 'nothing there'}"
    return None


def eligible_lacks_committed(
    image: PartitionImage,
    logs: Mapping[int, Sequence[Batch]],
    starts: Mapping[int, int],
    committed: Sequence[Batch],
) -> Problem:
    """I1: all of isr and elr."""
    for broker in (*image.isr, *image.elr):
        problem = lacks_committed(logs.get(broker, []), committed, starts.get(broker, 0))
        if problem is not None:
            return f"broker {broker} may lead: {problem}"
    return None


def leader_lacks_committed(
    leader: int, log: Sequence[Batch], start: int, committed: Sequence[Batch]
) -> Problem:
    """I2."""
    problem = lacks_committed(log, committed, start)
    return f"broker {leader} leads: {problem}" if problem else None


def logs_contradict(one: Sequence[Batch], other: Sequence[Batch]) -> Problem:
    """I3: below the last place where both hold a batch of the same offset and epoch."""
    theirs = {batch.base: batch for batch in other}
    agreed = [b for b in one if b.base in theirs and theirs[b.base].epoch == b.epoch]
    if not agreed:
        return None
    last = agreed[-1].base
    start = max(one[0].base, other[0].base)
    mine = [batch for batch in one if start <= batch.base <= last]
    others = [batch for batch in other if start <= batch.base <= last]
    for own, their in zip(mine, others, strict=False):
        if own.what != their.what:
            return f"one log holds {own}, the other {their}, and they agree at {last}"
    if len(mine) != len(others):
        return f"the logs agree at {last}, and below it one holds more"
    return None


# --- the record in the store --------------------------------------------------------------------


def history_is_wrong(history: Sequence[PartitionImage]) -> Problem:
    """I4: all that a record has been, in order."""
    leaders: dict[int, int] = {}
    for image in history:
        known = leaders.setdefault(image.leader_epoch, image.leader)
        if known != image.leader:
            return f"epoch {image.leader_epoch} was led by {known} and by {image.leader}"
    for before, after in pairwise(history):
        changes = after.partition_epoch - before.partition_epoch
        terms = after.leader_epoch - before.leader_epoch
        if changes <= 0:
            return f"partition epoch {after.partition_epoch} follows {before.partition_epoch}"
        if not 0 <= terms <= changes:  # what is due together is one write of several changes
            return f"leader epoch {after.leader_epoch} follows {before.leader_epoch}"
    return None


def leader_is_not_in_sync(image: PartitionImage) -> Problem:
    """I8."""
    if image.leader != NO_LEADER and image.leader not in image.isr:
        return f"broker {image.leader} leads and is not in {image.isr}"
    return None


def stale_change(change: Change) -> Problem:
    """I13."""
    problem = stale_controller(change.author_epoch, change.controller_epoch)
    if problem is not None:
        return problem
    pairs = (
        ("leader epoch", change.known.leader_epoch, change.before.leader_epoch),
        ("partition epoch", change.known.partition_epoch, change.before.partition_epoch),
    )
    for name, known, real in pairs:
        if known != real:
            return f"it was changed by who knew {name} {known}, and it was {real}"
    for broker, epoch in change.added.items():
        if change.lives.get(broker) != epoch:
            lives = change.lives.get(broker)
            return f"broker {broker} was added in its epoch {epoch}, and it lives in {lives}"
    return None


def stale_controller(author_epoch: int, controller_epoch: int) -> Problem:
    """I13."""
    if author_epoch != controller_epoch:
        return f"controller {author_epoch} changed it, not {controller_epoch}"
    return None


def suspect_may_lead(image: PartitionImage, suspects: Collection[int]) -> Problem:
    """I14: `suspects` have come back from an unclean end and hold less than C."""
    for broker in (*image.isr, *image.elr):
        if broker in suspects:
            return f"broker {broker} may have lost records, and is in {image.isr} or {image.elr}"
    return None


# --- advances ---------------------------------------------------------------------------------


def true_high_watermark_falls(before: int, advances: Sequence[Advance]) -> Problem:
    """I5: of each leader it only rises; over all leaders, what was committed stays committed."""
    last: dict[tuple[int, int], int] = {}
    for each in advances:
        key = each.leader, each.leader_epoch
        if each.high_watermark < last.get(key, 0):
            return f"broker {each.leader} took its high watermark back to {each.high_watermark}"
        last[key] = each.high_watermark
    highest = max((each.high_watermark for each in advances), default=before)
    return f"{before} was committed, and {highest} is" if highest < before else None


def not_all_are_counted(advance: Advance, image: PartitionImage) -> Problem:
    """I6: `image` is the store's record of the same epoch at that moment."""
    if image.leader_epoch != advance.leader_epoch:
        return None  # a leader of old, which the fence of its epoch holds: I1 and I2 judge it
    missing = {*image.isr, *image.elr} - advance.maximal
    if missing:
        return (
            f"broker {advance.leader} committed {advance.high_watermark} by "
            f"{sorted(advance.maximal)}, and {sorted(missing)} may lead, too"
        )
    return None


def too_few_in_sync(advance: Advance, known: PartitionImage) -> Problem:
    """I7: `known` is the record that the leader went by."""
    if len(known.isr) < known.min_isr:
        return (
            f"broker {advance.leader} committed {advance.high_watermark} with {known.isr} in sync, "
            f"and {known.min_isr} are asked for"
        )
    return None


def too_few_durable(end: int, durable_ends: Mapping[int, int], min_isr: int) -> Problem:
    """I15 of an acknowledgement up to `end`: disks that a power failure would leave with it."""
    holders = [broker for broker, durable in durable_ends.items() if durable >= end]
    if len(holders) < min_isr:
        return f"acknowledged up to {end}, which {sorted(holders)} hold durably of {min_isr} wanted"
    return None


def recovered_wrongly(
    before: PartitionImage,
    after: PartitionImage,
    there: Mapping[int, tuple[int, int]],
    waited_ms: float,
    flush_group: bool,
) -> Problem:
    """R30: of who is `there`, the epoch of the last batch and where the log ends."""
    if flush_group:
        return f"broker {after.leader} leads, and nobody of isr or elr had come back"
    if after.leader == NO_LEADER or waited_ms >= RECOVERY_WAIT_MS:
        return None
    away = set(before.last_elr) - there.keys()
    if away:
        return f"broker {after.leader} leads, and {sorted(away)} were not waited for"
    own = there.get(after.leader, (-1, -1))
    better = [broker for broker in before.last_elr if there[broker] > own]
    if better:
        return f"broker {after.leader} leads with {own}, and {better[0]} has {there[better[0]]}"
    return None
