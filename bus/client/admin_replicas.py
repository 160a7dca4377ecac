"""Who holds and who leads partitions, by an operator's command, as coroutines of the I/O thread.

Request                       What comes back
-------                       ---------------
reassign, cancel, elect       the partitions that were refused, each with its error
reassignments                 what is under way now
drain_broker, remove_broker   nothing, or the refusal is raised

All go to the controller, and again to the next one if it is replaced meanwhile. What is asked for
twice is begun once. A refusal with ThrottlingQuotaExceeded is for now: ask again when others are
done.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bus.client.admin_asking import Asking, Errors
from bus.client.options import check_range
from bus.errors import BusError, NotController, RequestTimedOut, error_of
from bus.model.ids import TopicPartition, check_topic_name
from bus.model.replication_errors import ElectionNotNeeded
from bus.wire import brokers, elections
from bus.wire import reassignments as wire

BROKER_MAX = (1 << 31) - 1
PARTITIONS_PER_REQUEST_MAX = 1000
UNDECIDED = (NotController.code, RequestTimedOut.code)  # the whole request is sent again
Refused = dict[TopicPartition, BusError]


@dataclass(frozen=True, slots=True)
class Reassignment:
    """One partition whose replicas are being exchanged."""

    replicas: tuple[int, ...]  # now: those that come and those that go included
    adding: tuple[int, ...]
    removing: tuple[int, ...]

    @property
    def target(self) -> tuple[int, ...]:
        """Who will hold it in the end."""
        return tuple(broker for broker in self.replicas if broker not in self.removing)


@dataclass(frozen=True, slots=True)
class Unclean:
    """An election that may lose records: only where nobody leads, and nobody better is there."""

    leader: int = -1  # who shall lead; -1: who seems to have most
    lost: tuple[int, ...] = ()  # brokers that hold more, and will never come back with it
    end_offset: int = -1  # of the leader's log; for the record that is kept of it
    seen_offset: int = -1  # the highest end that is known of; the same
    by: str = ""  # who wants it; the same


class ReplicaCalls:
    """All methods on the I/O thread."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    async def reassign(self, wanted: Mapping[TopicPartition, Sequence[int]]) -> Refused:
        """Have these brokers hold these partitions, the preferred leader first."""
        for replicas in wanted.values():
            for broker in replicas:
                check_range("broker", broker, 0, BROKER_MAX)
        return await self._alter({TopicPartition(*p): list(held) for p, held in wanted.items()})

    async def cancel(self, partitions: Iterable[TopicPartition]) -> Refused:
        """Leave these partitions with those that held them before."""
        return await self._alter({TopicPartition(*each): None for each in partitions})

    async def reassignments(
        self, topics: Iterable[str] | None = None
    ) -> dict[TopicPartition, Reassignment]:
        """What is under way, sorted by partition; None is for all topics."""
        answer = await self._asking.ask(
            wire.ListPartitionReassignmentsRequest(self._asking.timeout_ms, None),
            wire.ListPartitionReassignmentsResponse,
            lambda r: [(r.error_code, r.error_message)],
        )
        named = None if topics is None else {check_topic_name(name) for name in topics}
        found = {
            TopicPartition(topic.name, part.partition_index): Reassignment(
                tuple(part.replicas), tuple(part.adding_replicas), tuple(part.removing_replicas)
            )
            for topic in answer.topics
            for part in topic.partitions
            if named is None or topic.name in named
        }
        return dict(sorted(found.items()))

    async def elect(
        self, partitions: Iterable[TopicPartition] | None, unclean: Unclean | None = None
    ) -> Refused:
        """Have the first replica lead; None is for all partitions. Who leads already is well."""
        chosen = None if partitions is None else [TopicPartition(*each) for each in partitions]
        refused: Refused = {}
        for piece in [None] if chosen is None else _pieces(chosen):
            topics = None
            if piece is not None:
                topics = [
                    elections.ElectedTopic(topic, indexes)
                    for topic, indexes in _by_topic(piece).items()
                ]
            answer = await self._asking.ask(
                _election(topics, self._asking.timeout_ms, unclean),
                elections.ElectLeadersResponse,
                _errors_of_elections,
            )
            for result in answer.replica_election_results:
                for part in result.partition_result:
                    if part.error_code not in (0, ElectionNotNeeded.code):
                        refused[TopicPartition(result.topic, part.partition_id)] = error_of(
                            part.error_code, part.error_message
                        )
        return refused

    async def drain_broker(self, broker: int, draining: bool = True) -> None:
        """Have a broker give up all that it holds; or let it hold again."""
        check_range("broker", broker, 0, BROKER_MAX)
        await self._asking.ask(
            brokers.DrainBrokerRequest(broker, draining),
            brokers.DrainBrokerResponse,
            lambda r: [(r.error_code, r.error_message)],
        )

    async def remove_broker(self, broker: int) -> None:
        """Forget a broker that is stopped and holds nothing."""
        check_range("broker", broker, 0, BROKER_MAX)
        await self._asking.ask(
            brokers.UnregisterBrokerRequest(broker),
            brokers.UnregisterBrokerResponse,
            lambda r: [(r.error_code, r.error_message)],
        )

    async def _alter(self, wanted: Mapping[TopicPartition, list[int] | None]) -> Refused:
        refused: Refused = {}
        for piece in _pieces(list(wanted)):
            topics = [
                wire.ReassignableTopic(
                    check_topic_name(topic),
                    [
                        wire.ReassignablePartition(index, wanted[TopicPartition(topic, index)])
                        for index in indexes
                    ],
                )
                for topic, indexes in _by_topic(piece).items()
            ]
            answer = await self._asking.ask(
                wire.AlterPartitionReassignmentsRequest(self._asking.timeout_ms, topics),
                wire.AlterPartitionReassignmentsResponse,
                _errors_of_reassignments,
            )
            for result in answer.responses:
                for part in result.partitions:
                    if part.error_code:
                        refused[TopicPartition(result.name, part.partition_index)] = error_of(
                            part.error_code, part.error_message
                        )
        return refused


def _errors_of_reassignments(answer: wire.AlterPartitionReassignmentsResponse) -> Errors:
    """That it was no controller whom we asked is an error of the whole, wherever it stands."""
    parts = [part for topic in answer.responses for part in topic.partitions]
    undecided = [(p.error_code, p.error_message) for p in parts if p.error_code in UNDECIDED]
    return [(answer.error_code, answer.error_message), *undecided]


def _election(
    topics: list[elections.ElectedTopic] | None, timeout_ms: int, unclean: Unclean | None
) -> elections.ElectLeadersRequest:
    if unclean is None:
        return elections.ElectLeadersRequest(elections.PREFERRED, topics, timeout_ms)
    return elections.ElectLeadersRequest(
        elections.UNCLEAN,
        topics,
        timeout_ms,
        unclean.leader,
        list(unclean.lost),
        unclean.end_offset,
        unclean.seen_offset,
        unclean.by,
    )


def _errors_of_elections(answer: elections.ElectLeadersResponse) -> Errors:
    parts = [part for topic in answer.replica_election_results for part in topic.partition_result]
    undecided = [(p.error_code, p.error_message) for p in parts if p.error_code in UNDECIDED]
    return [(answer.error_code, None), *undecided]


def _pieces(partitions: Sequence[TopicPartition]) -> list[Sequence[TopicPartition]]:
    """As many as one request should name."""
    size = PARTITIONS_PER_REQUEST_MAX
    return [partitions[at : at + size] for at in range(0, len(partitions), size)]


def _by_topic(partitions: Iterable[TopicPartition]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for topic, index in partitions:
        found.setdefault(topic, []).append(index)
    return found
