"""Replicas that a start found damaged: what is damaged goes aside, the leader sends it again.

The start was accepted without them, so they are out of ISR and ELR until they have caught up (R2).
As soon as another broker leads, the log is cut back to what is sound before the damage (S6, R29);
nothing is deleted. A replica that nobody else leads stays as it is, and can be read.

Damage that is found later, by the scrubber, is left to the next start: such a replica asks its
leader for nothing more, falls out of the in-sync set by that, and leads nobody.
"""

import logging
from collections.abc import Iterable

from bus.broker.partition import Partition
from bus.errors import BusError
from bus.model.cluster import NO_LEADER, PartitionImage
from bus.model.ids import PartitionId

logger = logging.getLogger("busd")


class Repairing:
    """One start of one broker; on the event loop's thread."""

    def __init__(self, me: int) -> None:
        self._me = me
        self._suspects: set[PartitionId] = set()

    def begin(self, suspects: Iterable[PartitionId]) -> None:
        """These were reported, and are out of ISR and ELR before this life is accepted."""
        self._suspects.update(suspects)

    def repair(self, partition: Partition, image: PartitionImage) -> bool:
        """Whether its log was cut back: it is to be asked for from there on."""
        log, me = partition.log, self._me
        may_lead = me in image.isr or me in image.elr
        if log.partition not in self._suspects or may_lead or image.leader in (me, NO_LEADER):
            return False
        self._suspects.remove(log.partition)
        if log.read_only is None:
            return False
        try:
            partition.store.quarantine(log)
        except BusError as error:
            logger.error("%s: cannot be repaired: %s", partition.name, error)
            return False
        except OSError as error:
            partition.store.on_write_error(error)
            return False
        if partition.follower is not None:
            partition.follower.on_set_aside(log.end_offset)
        return True
