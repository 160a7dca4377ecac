"""Who makes and deletes topics, and deletes records."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from bus.errors import TopicAlreadyExists
from bus.model.ids import PartitionId
from bus.wire.admin import (
    CreatableTopic,
    CreatableTopicConfig,
    CreateTopicsRequest,
    CreateTopicsResponse,
    DeleteTopicsRequest,
    DeleteTopicState,
)
from bus.wire.brokers import DrainBrokerRequest
from bus.wire.elections import ElectLeadersRequest
from bus.wire.offsets import (
    DeleteRecordsPartition,
    DeleteRecordsRequest,
    DeleteRecordsTopic,
)
from bus.wire.reassignments import (
    AlterPartitionReassignmentsRequest,
    ReassignablePartition,
    ReassignableTopic,
)
from bus.wire.schema import Message
from tests.sim.calls import Connection
from tests.sim.client import ASK_MS_MAX, Client

if TYPE_CHECKING:
    from tests.sim.plan import Topic
    from tests.sim.world import World


class SimAdmin(Client):
    """One for all of a world."""

    def __init__(self, world: "World") -> None:
        super().__init__(world, "admin")
        self.missing = {topic.name for topic in world.plan.topics}

    def create(self, topic: "Topic") -> None:
        """Ask for it until it is there."""
        self._create(topic, self._again(topic))

    def create_extra(self, number: int, topic: "Topic") -> None:
        """Ask once for one like `topic` that nobody uses."""
        self._create(topic, lambda answer: None, f"extra-{number}")

    def delete_extra(self, number: int) -> None:
        name = f"extra-{number}"
        request = DeleteTopicsRequest(
            topics=[DeleteTopicState(name=name)], topic_names=[name], timeout_ms=1000
        )
        self.anybody().ask(request, lambda answer: None, ASK_MS_MAX)

    def trim(self, topic: "Topic", index: int, percent: int) -> None:
        """Delete a part of what is committed."""

        def ask(connection: Connection, _topic_id: UUID) -> None:
            ghost = self.world.observer.by_name.get((topic.name, index))
            if ghost is None:
                return
            ghost.may_shrink = True
            offset = ghost.end * percent // 100
            part = DeleteRecordsPartition(partition_index=index, offset=offset)
            request = DeleteRecordsRequest(
                topics=[DeleteRecordsTopic(name=topic.name, partitions=[part])], timeout_ms=1000
            )
            connection.ask(request, lambda answer: None, ASK_MS_MAX)

        self.at_leader(topic.name, index, ask)

    def elect(self) -> None:
        """Have all partitions led by their first replicas."""
        self._ask_controller(ElectLeadersRequest())

    def reassign(self, pid: PartitionId, replicas: Sequence[int] | None) -> None:
        """Have these brokers hold a partition; None: those that did before."""
        topic = self.world.topic_of(pid)
        part = ReassignablePartition(pid.partition, None if replicas is None else list(replicas))
        asked = [ReassignableTopic(topic.name, [part])]
        self._ask_controller(AlterPartitionReassignmentsRequest(topics=asked))

    def drain(self, broker: int, is_draining: bool) -> None:
        """Nothing shall be held by it, or it may hold what it has left."""
        self._ask_controller(DrainBrokerRequest(broker, is_draining))

    def _ask_controller(self, request: Message) -> None:
        """Once; whoever believes to be it."""
        for machine in self.world.machines:
            cluster = machine.node.cluster if machine.node is not None else None
            if cluster is not None and cluster.members.controlling is not None:
                self._connection(machine.number).ask(request, lambda answer: None, ASK_MS_MAX)

    def _again(self, topic: "Topic") -> Callable[[Message | None], None]:
        def on_answer(answer: Message | None) -> None:
            code = -1
            if isinstance(answer, CreateTopicsResponse):
                code = answer.topics[0].error_code
            if code in (0, TopicAlreadyExists.code):
                self.missing.discard(topic.name)
            else:
                self.after(10, 60, lambda: self.create(topic))

        return on_answer

    def _create(
        self, topic: "Topic", done: Callable[[Message | None], None], name: str = ""
    ) -> None:
        config = {
            "flush": topic.flush,
            "segment.bytes": str(topic.segment_bytes),
            "retention.bytes": str(topic.retention_bytes),
            "index.interval.bytes": "256",
        }
        asked = CreatableTopic(
            name=name or topic.name,
            num_partitions=topic.partitions,
            replication_factor=topic.replicas,
            configs=[CreatableTopicConfig(name=key, value=value) for key, value in config.items()],
        )
        self.anybody().ask(CreateTopicsRequest(topics=[asked], timeout_ms=1000), done, ASK_MS_MAX)
