"""Who leads a partition and who may: every change that its record can undergo, as pure functions.

Change          leader                        isr                     elr
------          ------                        ---                     ---
fenced          if it led: the next one       without it              with it, while isr < min.isr
restarted       if it led: the next one       as it was               as it was
suspected       if it led: the next one       without it              without it, but in last_elr
seated          the next one, if there is none
altered         stays                         as its leader asks (R4)
moved           another member of isr         as it was               as it was
left            if it led: another of isr     without it, if enough   as it was
                                              others are in
recovered       who is chosen                 the leader alone        empty

The next leader is an active member of isr, else an active one of elr, which is then the whole isr:
it holds all that is committed, the others may not. If there is none, there is no leader (R6). Of
several it is the first replica, but rather one that stays than one that is about to stop.
Members that leave isr while it is below min.isr are kept in elr, as nothing is committed without
them from then on (KIP-966); once isr is large enough again, elr and last_elr are empty.

Each change raises the partition epoch; a change of the leader, to none too, the leader epoch.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

from bus.model.cluster import NO_LEADER, PartitionImage


def fenced(
    image: PartitionImage, broker: int, active: Collection[int], staying: Collection[int] = ()
) -> PartitionImage:
    """`broker` is dead for all that is known: it leads nothing and is waited for by nobody."""
    isr = _without(image.isr, broker)
    return _changed(image, isr, active=_but(active, broker), staying=staying)


def restarted(
    image: PartitionImage, broker: int, active: Collection[int], staying: Collection[int] = ()
) -> PartitionImage:
    """`broker` has begun another life, and holds what it held: it does not lead as before (R2)."""
    return _changed(image, image.isr, active=_but(active, broker), staying=staying)


def suspected(
    image: PartitionImage, broker: int, active: Collection[int], staying: Collection[int] = ()
) -> PartitionImage:
    """`broker` may have lost what it held of this partition: nothing counts on it (R2)."""
    rest = _without(image.isr, broker)
    active = _but(active, broker)
    return _changed(image, rest, active=active, staying=staying, suspect=broker)


def seated(
    image: PartitionImage, active: Collection[int], staying: Collection[int] = ()
) -> PartitionImage:
    """With a leader, if it has none and there can be one."""
    return _changed(image, image.isr, active=active, staying=staying)


def left(image: PartitionImage, broker: int, staying: Collection[int]) -> PartitionImage:
    """`broker` is about to stop: another one leads, and it is in sync only where it is needed."""
    rest = _without(image.isr, broker)
    leader = image.leader
    if leader == broker:
        leader = _first(image.replicas, rest, staying)
    if leader == NO_LEADER:
        return image
    if len(rest) < image.min_isr:
        return moved(image, leader)
    return _changed(image, rest, active=(leader,))


def altered(image: PartitionImage, isr: Sequence[int]) -> PartitionImage:
    """With the in-sync set that its leader asked for, and may have."""
    assert image.leader in isr, "a leader is in sync with itself"
    changed = _changed(image, tuple(isr), active=(image.leader,))
    return replace(changed, partition_epoch=image.partition_epoch + 1)  # an answer, in any case


def moved(image: PartitionImage, leader: int) -> PartitionImage:
    """Led by another member of its in-sync set."""
    assert leader in image.isr, "only who is in sync may lead"
    rest = image if leader == image.leader else replace(image, leader=NO_LEADER)
    return _next(image, _changed(rest, image.isr, active=(leader,)))


def recovered(image: PartitionImage, leader: int) -> PartitionImage:
    """Led by who may lack what was committed, for want of anybody better (R30)."""
    assert image.leader == NO_LEADER, "only where nobody leads"
    assert leader in image.replicas, "it holds something"
    return replace(
        image,
        leader=leader,
        leader_epoch=image.leader_epoch + 1,
        partition_epoch=image.partition_epoch + 1,
        isr=(leader,),
        elr=(),
        last_elr=(),
    )


def reassigned(image: PartitionImage, replicas: Sequence[int]) -> PartitionImage:
    """With these replicas as its aim, instead of another one: new ones are added first (R24)."""
    before = _each_once(image.replicas, image.adding)
    adding = _each_once(replicas, before)
    removing = tuple(broker for broker in image.replicas if broker not in replicas)
    everyone = (*replicas, *removing)
    changed = replace(image, replicas=everyone, adding=adding, removing=removing)
    return _next(image, changed)


def completed(image: PartitionImage, active: Collection[int]) -> PartitionImage:
    """Without the replicas that are being removed, once all added ones are in sync (R24).

    The record as it is, if they are not, or if too few would be in sync.
    """
    kept = tuple(broker for broker in image.replicas if broker not in image.removing)
    isr = tuple(broker for broker in image.isr if broker in kept)
    is_due = bool(image.adding or image.removing) and set(image.adding) <= set(image.isr)
    if not is_due or len(isr) < image.min_isr:
        return image
    done = replace(image, replicas=kept, adding=(), removing=())
    changed = _changed(done, isr, active=active)
    return _next(image, replace(changed, leader_epoch=image.leader_epoch + 1))


def cancelled(image: PartitionImage, active: Collection[int]) -> PartitionImage:
    """With the replicas from before a reassignment; as it is, if too few of them are in sync."""
    kept = tuple(broker for broker in image.replicas if broker not in image.adding)
    isr = tuple(broker for broker in image.isr if broker in kept)
    if len(isr) < image.min_isr:
        return image
    before = replace(image, replicas=kept, adding=(), removing=())
    changed = _changed(before, isr, active=active)
    return _next(image, replace(changed, leader_epoch=image.leader_epoch + 1))


def with_min_isr(image: PartitionImage, min_isr: int) -> PartitionImage:
    """With another minimum, which waits for as many as both ask for (R6)."""
    if len(image.isr) < max(min_isr, image.min_isr):
        return image
    return _next(image, replace(image, min_isr=min_isr))


def _changed(
    image: PartitionImage,
    isr: tuple[int, ...],
    *,
    active: Collection[int],
    staying: Collection[int] = (),
    suspect: int = NO_LEADER,
) -> PartitionImage:
    """The record with this in-sync set, and a leader that is active, if there can be one."""
    eligible = (*image.elr, *image.isr)
    leader = image.leader
    if leader not in isr or leader not in active:
        leader = _first(image.replicas, isr, staying)
    if leader == NO_LEADER:
        leader = _first(image.replicas, isr, active)
    if leader == NO_LEADER:
        leader = _first(image.replicas, _without(eligible, suspect), active)
        isr = isr if leader == NO_LEADER else (leader,)
    elr: tuple[int, ...] = ()
    last_elr: tuple[int, ...] = ()
    if len(isr) < image.min_isr:
        elr = _each_once(eligible, (*isr, suspect))
        lost = (suspect,) if suspect in eligible else ()
        last_elr = _each_once((*image.last_elr, *lost), (*isr, *elr))
    before = image.leader, image.isr, image.elr, image.last_elr
    if (leader, isr, elr, last_elr) == before:
        return image
    return PartitionImage(  # rather than `replace`: a broker that dies has thousands of them
        leader,
        image.leader_epoch + (leader != image.leader),
        image.partition_epoch + 1,
        image.min_isr,
        image.replicas,
        isr,
        elr,
        last_elr,
        image.adding,
        image.removing,
    )


def _next(image: PartitionImage, changed: PartitionImage) -> PartitionImage:
    """One change is one partition epoch; none is none."""
    same = replace(changed, partition_epoch=image.partition_epoch) == image
    return image if same else replace(changed, partition_epoch=image.partition_epoch + 1)


def _first(replicas: Sequence[int], among: Collection[int], active: Collection[int]) -> int:
    """The preferred one: replicas are listed in the order of preference."""
    return next((b for b in replicas if b in among and b in active), NO_LEADER)


def _without(brokers: Collection[int], broker: int) -> tuple[int, ...]:
    return tuple([other for other in brokers if other != broker])


def _but(brokers: Collection[int], broker: int) -> Collection[int]:
    """The same brokers where that one is not among them, which is the usual."""
    return _without(brokers, broker) if broker in brokers else brokers


def _each_once(brokers: Collection[int], unwanted: Collection[int]) -> tuple[int, ...]:
    return tuple(broker for broker in dict.fromkeys(brokers) if broker not in unwanted)
