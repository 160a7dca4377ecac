"""Who leads and who holds partitions, by an operator's command: elections and reassignments.

The controller decides; any other broker answers NotController, and clients know where it is.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from bus.broker.context import Context, Reply
from bus.broker.node import Node
from bus.control.commands import Reassignment, UncleanElection
from bus.errors import (
    NONE,
    BusError,
    InvalidRequest,
    NotController,
    UnknownTopicOrPartition,
    error_of,
)
from bus.model.cluster import PartitionImage
from bus.model.ids import PartitionId
from bus.model.replication_errors import ElectionNotNeeded
from bus.wire.elections import (
    PREFERRED,
    UNCLEAN,
    ElectedTopic,
    ElectLeadersRequest,
    ElectLeadersResponse,
    PartitionResult,
    ReplicaElectionResult,
)
from bus.wire.reassignments import (
    AlterPartitionReassignmentsRequest,
    AlterPartitionReassignmentsResponse,
    ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsResponse,
    OngoingPartitionReassignment,
    OngoingTopicReassignment,
    ReassignablePartitionResponse,
    ReassignableTopicResponse,
)

if TYPE_CHECKING:
    from bus.broker.controlling import Controlling, Told
    from bus.broker.controlling_alone import ControllingAlone

NAME_SHOWN_MAX = 200  # characters of who gives a command
Outcome = PartitionResult | ReassignablePartitionResponse


class _Answers:
    """Counts the outcomes that are still to come; then `done`."""

    def __init__(self, node: Node, done: Callable[[], None]) -> None:
        self._node = node
        self._done = done
        self._left = 1  # until all have been asked for

    def of(self, outcome: Outcome) -> "Told":
        self._left += 1
        return partial(self._told, outcome)

    def _told(self, outcome: Outcome, error: int, detail: str | None) -> None:
        if error != NONE:
            outcome.error_code = error
            outcome.error_message = detail or str(error_of(error))
            self._node.count_error(error)
        self.through()

    def through(self) -> None:
        self._left -= 1
        if self._left == 0:
            self._done()


def elect_leaders(node: Node, context: Context, request: ElectLeadersRequest, reply: Reply) -> None:
    """Serve one ElectLeaders."""
    response = ElectLeadersResponse()
    try:
        controlling = _controlling(node)
    except BusError as error:
        response.error_code = error.code
        reply(response)
        return
    asked = _asked(node, request.topic_partitions)
    answers = _Answers(node, partial(_answer_elections, request, response, reply))
    wanted: list[tuple[PartitionId, Told]] = []
    for topic in asked:
        result = ReplicaElectionResult(topic.topic)
        response.replica_election_results.append(result)
        for index in topic.partitions:
            outcome = PartitionResult(index)
            result.partition_result.append(outcome)
            told = answers.of(outcome)
            if request.election_type not in (PREFERRED, UNCLEAN):
                told(InvalidRequest.code, "Elections are preferred (0) or unclean (1).")
            elif (pid := _find(node, topic.topic, index)) is None:
                told(UnknownTopicOrPartition.code, None)
            else:
                wanted.append((pid, told))
    if request.election_type == UNCLEAN:
        controlling.elect_unclean([(_unclean(context, request, pid), to) for pid, to in wanted])
    else:
        controlling.elect(wanted)
    answers.through()


def alter_partition_reassignments(
    node: Node, context: Context, request: AlterPartitionReassignmentsRequest, reply: Reply
) -> None:
    """Serve one AlterPartitionReassignments."""
    response = AlterPartitionReassignmentsResponse()
    try:
        controlling = _controlling(node)
    except BusError as error:
        response.error_code, response.error_message = error.code, str(error)
        reply(response)
        return
    answers = _Answers(node, partial(reply, response))
    wanted: list[tuple[Reassignment, Told]] = []
    for topic in request.topics:
        result = ReassignableTopicResponse(topic.name)
        response.responses.append(result)
        for part in topic.partitions:
            outcome = ReassignablePartitionResponse(part.partition_index)
            result.partitions.append(outcome)
            told = answers.of(outcome)
            pid = _find(node, topic.name, part.partition_index)
            if pid is None:
                told(UnknownTopicOrPartition.code, None)
                continue
            replicas = None if part.replicas is None else tuple(part.replicas)
            wanted.append((Reassignment(pid, replicas), told))
    controlling.reassign(wanted)
    answers.through()


def list_partition_reassignments(
    node: Node, context: Context, request: ListPartitionReassignmentsRequest, reply: Reply
) -> None:
    """Serve one ListPartitionReassignments: any broker's copy of the records says it."""
    named = request.topics
    indexes = None if named is None else {t.name: set(t.partition_indexes) for t in named}
    response = ListPartitionReassignmentsResponse()
    for topic in node.metadata.image.topics.values():
        wanted = None if indexes is None else indexes.get(topic.name, set())
        found = [
            _ongoing(index, image)
            for index, image in enumerate(topic.partitions)
            if (image.adding or image.removing) and (wanted is None or index in wanted)
        ]
        if found:
            response.topics.append(OngoingTopicReassignment(topic.name, found))
    reply(response)


def _answer_elections(
    request: ElectLeadersRequest, response: ElectLeadersResponse, reply: Reply
) -> None:
    """Who asked for all is told of those alone of which something came."""
    if request.topic_partitions is None:
        for result in response.replica_election_results:
            result.partition_result = [
                each
                for each in result.partition_result
                if each.error_code != ElectionNotNeeded.code
            ]
        response.replica_election_results = [
            result for result in response.replica_election_results if result.partition_result
        ]
    reply(response)


def _unclean(context: Context, request: ElectLeadersRequest, pid: PartitionId) -> UncleanElection:
    who = request.asked_by[:NAME_SHOWN_MAX] or context.client_id or "a client"
    by = f"{who} from {context.host}" if context.host else who
    return UncleanElection(
        pid,
        by,
        request.leader,
        tuple(request.lost_brokers),
        request.end_offset,
        request.seen_offset,
    )


def _asked(node: Node, named: list[ElectedTopic] | None) -> list[ElectedTopic]:
    if named is not None:
        return named
    topics = node.metadata.image.topics.values()
    return [ElectedTopic(topic.name, [*range(len(topic.partitions))]) for topic in topics]


def _find(node: Node, name: str, index: int) -> PartitionId | None:
    topic = node.metadata.image.topics.get(name)
    if topic is None or not 0 <= index < len(topic.partitions):
        return None
    return PartitionId(topic.topic_id, index)


def _ongoing(index: int, image: PartitionImage) -> OngoingPartitionReassignment:
    return OngoingPartitionReassignment(
        index, list(image.replicas), list(image.adding), list(image.removing)
    )


def _controlling(node: Node) -> "Controlling | ControllingAlone":
    """Raises NotController."""
    if node.cluster is None and node.member is None:
        from bus.broker.controlling_alone import ControllingAlone  # once somebody asks

        return ControllingAlone(node.settings.node_id, node.metadata.image.topics.values())
    controlling = node.cluster.members.controlling if node.cluster is not None else None
    if controlling is None:
        raise NotController
    return controlling
