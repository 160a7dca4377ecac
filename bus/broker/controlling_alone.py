"""A node that is alone controls itself: nobody else can lead or hold, and the machine says so."""

from collections.abc import Iterable, Sequence

from bus.broker.controlling import Told
from bus.control.change import Reply
from bus.control.commands import Reassignment, UncleanElection
from bus.control.controller import Controller
from bus.model.cluster import TopicImage
from bus.model.ids import PartitionId
from bus.model.stored_brokers import NO_EPOCH, BrokerEpochRecord, BrokerState

EPOCH = 1


class ControllingAlone:
    """For one request; as of `Controlling`, but that there is nothing to write."""

    def __init__(self, me: int, topics: Iterable[TopicImage]) -> None:
        self._machine = Controller()
        self._machine.on_broker(me, BrokerEpochRecord(EPOCH, BrokerState.ACTIVE, NO_EPOCH, (), ""))
        self._machine.on_life(me, EPOCH)
        for topic in topics:
            for index, image in enumerate(topic.partitions):
                self._machine.on_partition(PartitionId(topic.topic_id, index), image)

    def elect(self, wanted: Sequence[tuple[PartitionId, Told]]) -> None:
        """Each is told, at once."""
        for ticket, (pid, _) in enumerate(wanted):
            self._machine.on_election(ticket, pid)
        self._answer([told for _, told in wanted])

    def elect_unclean(self, wanted: Sequence[tuple[UncleanElection, Told]]) -> None:
        """Each is told, at once."""
        for ticket, (election, _) in enumerate(wanted):
            self._machine.on_unclean_election(ticket, election)
        self._answer([told for _, told in wanted])

    def reassign(self, wanted: Sequence[tuple[Reassignment, Told]]) -> None:
        """Each is told, at once."""
        for ticket, (reassignment, _) in enumerate(wanted):
            self._machine.on_reassignment(ticket, reassignment)
        self._answer([told for _, told in wanted])

    def _answer(self, told: Sequence[Told]) -> None:
        for effect in self._machine.step():
            assert isinstance(effect, Reply), "nothing else can lead or hold anything"
            told[effect.ticket](effect.error, effect.detail)
