"""What an admin does with topics, as coroutines of the I/O thread: one request or a few."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from bus.client.admin_asking import ANYWHERE, Asking, Target
from bus.client.options import Start, check_range
from bus.errors import error_of
from bus.model.ids import NO_TOPIC_ID, TopicPartition, check_topic_name
from bus.model.limits import PARTITIONS_PER_TOPIC_MAX
from bus.wire import admin as wire
from bus.wire.metadata import MetadataRequest, MetadataRequestTopic, MetadataResponse
from bus.wire.offsets import (
    EARLIEST,
    LATEST,
    DeleteRecordsPartition,
    DeleteRecordsRequest,
    DeleteRecordsResponse,
    DeleteRecordsTopic,
    ListOffsetsPartition,
    ListOffsetsRequest,
    ListOffsetsResponse,
    ListOffsetsTopic,
)

ConfigValue = str | int | float | bool
SOURCES = {
    wire.CONFIG_SOURCE_TOPIC: "topic",
    wire.CONFIG_SOURCE_STATIC: "broker",
    wire.CONFIG_SOURCE_DEFAULT: "default",
}


@dataclass(frozen=True, slots=True)
class PartitionDescription:
    """Who leads and who holds one partition; leader -1 while nobody does."""

    partition: int
    leader: int
    leader_epoch: int
    replicas: tuple[int, ...]
    isr: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TopicDescription:
    """A topic and its partitions in order."""

    name: str
    topic_id: UUID
    partitions: tuple[PartitionDescription, ...]
    replicas_wanted: int | None = None  # of each partition, if it is told

    @property
    def replicas(self) -> int:
        """Of the partition that has fewest."""
        return min((len(each.replicas) for each in self.partitions), default=0)


@dataclass(frozen=True, slots=True)
class ConfigEntry:
    """One setting of a topic."""

    value: str | None
    source: str  # "topic": set on it; "broker"; "default"
    read_only: bool = False
    documentation: str | None = None


class AdminCalls:
    """All methods on the I/O thread."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    async def create_topic(
        self,
        name: str,
        partitions: int | None = None,
        replication_factor: int | None = None,
        config: Mapping[str, ConfigValue] | None = None,
        validate_only: bool = False,
    ) -> None:
        """Make a topic."""
        check_topic_name(name)
        if partitions is not None:
            check_range("partitions", partitions, 1, PARTITIONS_PER_TOPIC_MAX)
        if replication_factor is not None:
            check_range("replication_factor", replication_factor, 1, (1 << 15) - 1)
        topic = wire.CreatableTopic(
            name,
            -1 if partitions is None else partitions,
            -1 if replication_factor is None else replication_factor,
            configs=[
                wire.CreatableTopicConfig(key, text_of(value))
                for key, value in (config or {}).items()
            ],
        )
        request = wire.CreateTopicsRequest([topic], self._asking.timeout_ms, validate_only)
        await self._asking.ask(
            request,
            wire.CreateTopicsResponse,
            lambda r: [(t.error_code, t.error_message) for t in r.topics],
        )

    async def delete_topic(self, name: str) -> None:
        """Delete a topic and its records."""
        check_topic_name(name)
        request = wire.DeleteTopicsRequest(
            topics=[wire.DeleteTopicState(name, NO_TOPIC_ID)],
            topic_names=[name],
            timeout_ms=self._asking.timeout_ms,
        )
        await self._asking.ask(
            request,
            wire.DeleteTopicsResponse,
            lambda r: [(t.error_code, t.error_message) for t in r.responses],
        )

    async def create_partitions(self, name: str, count: int) -> None:
        """Let a topic have `count` partitions."""
        check_range("count", count, 1, PARTITIONS_PER_TOPIC_MAX)
        topic = wire.CreatePartitionsTopic(check_topic_name(name), count, None)
        await self._asking.ask(
            wire.CreatePartitionsRequest([topic], self._asking.timeout_ms),
            wire.CreatePartitionsResponse,
            lambda r: [(t.error_code, t.error_message) for t in r.results],
        )

    async def describe_topics(self, names: list[str] | None = None) -> list[TopicDescription]:
        """Topics with their partitions, sorted by name; None is all."""
        topics = None
        if names is not None:
            topics = [MetadataRequestTopic(name=check_topic_name(name)) for name in names]
        answer = await self._asking.ask(
            MetadataRequest(topics, allow_auto_topic_creation=False),
            MetadataResponse,
            lambda r: [
                (t.error_code, f"{t.name!r}: {error_of(t.error_code)}")
                for t in r.topics
                if t.error_code
            ],
            retry=False,
        )
        self._asking.learn(answer)
        described = [
            TopicDescription(
                topic.name or "",
                topic.topic_id,
                tuple(
                    PartitionDescription(
                        p.partition_index,
                        p.leader_id,
                        p.leader_epoch,
                        tuple(p.replica_nodes),
                        tuple(p.isr_nodes),
                    )
                    for p in sorted(topic.partitions, key=lambda p: p.partition_index)
                ),
                topic.replicas_wanted if topic.replicas_wanted >= 0 else None,
            )
            for topic in answer.topics
        ]
        return sorted(described, key=lambda topic: topic.name)

    async def describe_config(self, name: str) -> dict[str, ConfigEntry]:
        """A topic's settings, by name."""
        resource = wire.DescribeConfigsResource(wire.RESOURCE_TOPIC, check_topic_name(name), None)
        return await self._config_of(resource, ANYWHERE)

    async def describe_broker_config(self, broker: int) -> dict[str, ConfigEntry]:
        """A broker's settings, by name, as it tells them itself."""
        target = await self._asking.check_node(broker)
        resource = wire.DescribeConfigsResource(wire.RESOURCE_BROKER, str(broker), None)
        return await self._config_of(resource, target)

    async def _config_of(
        self, resource: wire.DescribeConfigsResource, target: Target
    ) -> dict[str, ConfigEntry]:
        answer = await self._asking.ask(
            wire.DescribeConfigsRequest([resource], include_documentation=True),
            wire.DescribeConfigsResponse,
            lambda r: [(t.error_code, t.error_message) for t in r.results],
            target,
        )
        return {
            entry.name: ConfigEntry(
                entry.value,
                SOURCES.get(entry.config_source, "default"),
                entry.read_only,
                entry.documentation,
            )
            for result in answer.results
            for entry in result.configs
        }

    async def alter_topic(
        self, name: str, config: Mapping[str, ConfigValue | None], validate_only: bool = False
    ) -> None:
        """Change settings of a topic; None takes a setting back to its default."""
        entries = [
            wire.AlterableConfig(key, wire.OPERATION_DELETE, None)
            if value is None
            else wire.AlterableConfig(key, wire.OPERATION_SET, text_of(value))
            for key, value in config.items()
        ]
        resource = wire.AlterConfigsResource(wire.RESOURCE_TOPIC, check_topic_name(name), entries)
        await self._asking.ask(
            wire.IncrementalAlterConfigsRequest([resource], validate_only),
            wire.IncrementalAlterConfigsResponse,
            lambda r: [(t.error_code, t.error_message) for t in r.responses],
        )

    async def delete_records(self, topic: str, partition: int, before: int) -> int:
        """Give up the records below an offset (-1: all that are committed); the new start."""
        check_range("before", before, -1, (1 << 63) - 1)
        check_range("partition", partition, 0, PARTITIONS_PER_TOPIC_MAX)
        data = DeleteRecordsTopic(topic, [DeleteRecordsPartition(partition, before)])
        answer = await self._asking.ask(
            DeleteRecordsRequest([data], self._asking.timeout_ms),
            DeleteRecordsResponse,
            lambda r: [(p.error_code, None) for t in r.topics for p in t.partitions],
            Target(leader_of=TopicPartition(topic, partition)),
        )
        return next(p.low_watermark for t in answer.topics for p in t.partitions)

    async def offsets(self, topic: str, at: Start) -> dict[int, int]:
        """Per partition the first offset at an end or a time; -1 if no record is that young."""
        view = await self._asking.view(topic)
        timestamp = {"earliest": EARLIEST, "latest": LATEST}.get(str(at), at)
        assert isinstance(timestamp, int), "the caller has checked `at`"
        partitions = [TopicPartition(topic, index) for index in range(view.count)]
        found = await asyncio.gather(*(self._offset(p, timestamp) for p in partitions))
        return dict(enumerate(found))

    async def _offset(self, partition: TopicPartition, timestamp: int) -> int:
        asked = ListOffsetsPartition(partition.partition, -1, timestamp)
        answer = await self._asking.ask(
            ListOffsetsRequest(topics=[ListOffsetsTopic(partition.topic, [asked])]),
            ListOffsetsResponse,
            lambda r: [(p.error_code, None) for t in r.topics for p in t.partitions],
            Target(leader_of=partition),
        )
        return next(p.offset for t in answer.topics for p in t.partitions)


def text_of(value: ConfigValue) -> str:
    """A setting's value as the wire has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
