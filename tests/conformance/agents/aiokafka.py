"""aiokafka as an agent; its loop runs while a command or a poll does."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

from aiokafka import (
    AIOKafkaConsumer,
    AIOKafkaProducer,
    ConsumerRebalanceListener,
    TopicPartition,
)
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import for_code

from tests.conformance.agents.agent import (
    PATIENCE_SECONDS,
    Absent,
    Agent,
    Member,
    data,
    main,
    places,
    row,
    text,
)

ASSIGNORS = {"range": RangePartitionAssignor, "roundrobin": RoundRobinPartitionAssignor}
UNKNOWN_TOPIC = 3


class Listener(ConsumerRebalanceListener):
    def __init__(self, member: Member) -> None:
        self._member = member

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._member.given += places(assigned)

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self._member.taken += places(revoked)


class AiokafkaAgent(Agent):
    def __init__(self, bootstrap: str) -> None:
        super().__init__(bootstrap)
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        self._base = {"bootstrap_servers": bootstrap}
        self._admin_client: AIOKafkaAdminClient | None = None
        self._consumer: AIOKafkaConsumer | None = None

    def _run(self, work: Coroutine) -> Any:
        return self._loop.run_until_complete(asyncio.wait_for(work, PATIENCE_SECONDS))

    def _code(self, error: Exception) -> int | None:
        return getattr(error, "errno", None)

    @property
    def _admin(self) -> AIOKafkaAdminClient:
        if self._admin_client is None:

            async def made() -> AIOKafkaAdminClient:
                return AIOKafkaAdminClient(**self._base)

            self._admin_client = self._run(made())
            self._run(self._admin_client.start())
        return self._admin_client

    # Administration

    def create(
        self, topic: str, partitions: int = 1, config: dict | None = None, copies: int = 1
    ) -> None:
        wanted = NewTopic(topic, partitions, copies, topic_configs=config or {})
        _check(row[1] for row in self._run(self._admin.create_topics([wanted])).topic_errors)

    def delete(self, topic: str) -> None:
        told = self._run(self._admin.delete_topics([topic]))
        _check(row[1] for row in told.topic_error_codes)

    def topics(self) -> dict[str, int]:
        found = self._run(self._admin.describe_topics())
        return {topic["topic"]: len(topic["partitions"]) for topic in found}

    def add_partitions(self, topic: str, count: int) -> None:
        told = self._run(self._admin.create_partitions({topic: NewPartitions(count)}))
        _check(row[1] for row in told.topic_errors)

    def config(self, topic: str) -> dict[str, str]:
        asked = [ConfigResource(ConfigResourceType.TOPIC, topic)]
        (told,) = self._run(self._admin.describe_configs(asked))
        ((code, _, _, _, entries),) = (row[:5] for row in told.resources)
        _check([code])
        return {entry[0]: entry[1] for entry in entries}

    def alter(self, topic: str, name: str, value: str) -> None:
        asked = [ConfigResource(ConfigResourceType.TOPIC, topic, configs={name: value})]
        (told,) = self._run(self._admin.alter_configs(asked))
        _check(row[0] for row in told.resources)

    def delete_records(self, topic: str, partition: int, before: int) -> int:
        place = TopicPartition(topic, partition)
        return self._run(self._admin.delete_records({place: RecordsToDelete(before)}))[place]

    def offsets(self, topic: str, partition: int = 0) -> list[int]:
        async def ask() -> list[int]:
            place = TopicPartition(topic, partition)
            consumer = AIOKafkaConsumer(**self._base)
            await consumer.start()
            try:
                first = await consumer.beginning_offsets([place])
                return [first[place], (await consumer.end_offsets([place]))[place]]
            finally:
                await consumer.stop()

        return self._run(ask())

    def groups(self) -> list[str]:
        return [group[0] for group in self._run(self._admin.list_consumer_groups())]

    def group(self, group: str) -> dict:
        (told,) = self._run(self._admin.describe_consumer_groups([group]))
        code, _, state, _, _, members = told.groups[0][:6]
        _check([code])
        from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment as Assignment

        assigned = [
            [topic, partition]
            for member in members
            for topic, partitions in Assignment.decode(member[4]).assignment
            for partition in partitions
        ]
        return {"state": state.lower(), "members": len(members), "assigned": sorted(assigned)}

    def group_offsets(self, group: str) -> list[list]:
        told = self._run(self._admin.list_consumer_group_offsets(group))
        return sorted([place.topic, place.partition, at.offset] for place, at in told.items())

    def cluster(self) -> dict:
        told = self._run(self._admin.describe_cluster())
        return {"id": told["cluster_id"], "nodes": len(told["brokers"])}

    # Data

    def produce(
        self,
        topic: str,
        records: list,
        compression: str = "none",
        acks: str = "all",
        idempotent: bool = False,
    ) -> list[list[int]]:
        async def send() -> list:
            producer = AIOKafkaProducer(
                **self._base,
                acks=acks if acks == "all" else int(acks),
                compression_type=None if compression == "none" else compression,
                enable_idempotence=idempotent,
                max_request_size=8 << 20,
                linger_ms=5,
            )
            await producer.start()
            try:
                futures = [
                    await producer.send(
                        topic,
                        data(value),
                        data(key),
                        partition,
                        timestamp,
                        [(name, data(words)) for name, words in headers],
                    )
                    for key, value, headers, timestamp, partition in records
                ]
                return await asyncio.gather(*futures)
            finally:
                await producer.stop()

        placed = self._run(send())
        return [[told.partition, told.offset] for told in placed] if acks == "all" else []

    def read(
        self,
        topic: str,
        count: int,
        partition: int = 0,
        offset: int | None = None,
        at_ms: int | None = None,
    ) -> list[list]:
        async def take() -> list[list]:
            consumer = AIOKafkaConsumer(**self._base, enable_auto_commit=False)
            await consumer.start()
            try:
                if topic not in await consumer.topics():
                    raise for_code(UNKNOWN_TOPIC)(topic)
                place = TopicPartition(topic, partition)
                consumer.assign([place])
                at = offset
                if at_ms is not None:
                    at = (await consumer.offsets_for_times({place: at_ms}))[place].offset
                if at is None:
                    await consumer.seek_to_beginning(place)
                else:
                    consumer.seek(place, at)
                return await _take(consumer, count)
            finally:
                await consumer.stop()

        return self._run(take())

    # A group

    def join(
        self,
        group: str,
        topics: list[str],
        strategy: str = "range",
        instance: str | None = None,
        session_ms: int = 10_000,
    ) -> None:
        if strategy not in ASSIGNORS:
            raise Absent(f"it has no {strategy} assignor")

        async def start() -> AIOKafkaConsumer:
            consumer = AIOKafkaConsumer(
                **self._base,
                group_id=group,
                group_instance_id=instance,
                auto_offset_reset="earliest",
                enable_auto_commit=False,
                session_timeout_ms=session_ms,
                heartbeat_interval_ms=500,
                metadata_max_age_ms=1000,
                partition_assignment_strategy=[ASSIGNORS[strategy]],
            )
            consumer.subscribe(topics, listener=Listener(self._member))
            await consumer.start()
            return consumer

        self._member = Member()
        self._consumer = self._run(start())

    def commit(self) -> None:
        assert self._consumer is not None
        self._run(self._consumer.commit())

    def leave(self) -> None:
        assert self._consumer is not None
        self._run(self._consumer.stop())
        self._consumer = self._member = None

    def _poll(self, seconds: float) -> None:
        assert self._consumer is not None
        assert self._member is not None
        for place, found in self._run(
            self._consumer.getmany(timeout_ms=int(seconds * 1000))
        ).items():
            self._member.seen += [[*place, one.offset, text(one.value)] for one in found]

    def _assignment(self) -> list[list]:
        assert self._consumer is not None
        return places(self._consumer.assignment())


def _check(codes: Iterable[int]) -> None:
    for code in codes:
        if code:
            raise for_code(code)()


async def _take(consumer: AIOKafkaConsumer, count: int) -> list[list]:
    rows: list[list] = []
    while len(rows) < count:
        for found in (await consumer.getmany(timeout_ms=500)).values():
            rows += map(row, found)
    return rows[:count]


if __name__ == "__main__":
    main(AiokafkaAgent)
