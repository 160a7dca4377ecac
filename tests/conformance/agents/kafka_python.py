"""kafka-python 3 as an agent."""

import time
from collections.abc import Iterable

from kafka import (
    ConsumerRebalanceListener,
    KafkaAdminClient,
    KafkaConsumer,
    KafkaProducer,
    OffsetAndMetadata,
    TopicPartition,
    errors,
)
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor

from tests.conformance.agents.agent import (
    PATIENCE_SECONDS,
    Agent,
    Member,
    data,
    deadline,
    main,
    places,
    row,
    text,
)
from tests.fixtures.kafka_python_joins import join_within_a_poll

ASSIGNORS = {
    "range": RangePartitionAssignor,
    "roundrobin": RoundRobinPartitionAssignor,
    "cooperative-sticky": CooperativeStickyAssignor,
}
EARLIEST, LATEST = -2, -1
UNKNOWN_TOPIC = 3


class Unknown(Exception):
    """The broker's metadata does not have the topic."""

    errno = UNKNOWN_TOPIC


class Listener(ConsumerRebalanceListener):
    def __init__(self, member: Member) -> None:
        self._member = member

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._member.given += places(assigned)

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self._member.taken += places(revoked)

    def on_partitions_lost(self, lost: Iterable[TopicPartition]) -> None:
        self._member.taken += places(lost)


class KafkaPythonAgent(Agent):
    def __init__(self, bootstrap: str) -> None:
        super().__init__(bootstrap)
        self._base = {"bootstrap_servers": bootstrap}
        self._admin_client: KafkaAdminClient | None = None
        self._consumer: KafkaConsumer | None = None

    @property
    def _admin(self) -> KafkaAdminClient:
        if self._admin_client is None:
            self._admin_client = KafkaAdminClient(**self._base)
        return self._admin_client

    def _code(self, error: Exception) -> int | None:
        return getattr(error, "errno", None)

    # Administration

    def create(
        self, topic: str, partitions: int = 1, config: dict | None = None, copies: int = -1
    ) -> None:
        wanted = {"num_partitions": partitions, "replication_factor": copies}
        wanted["configs"] = config or {}
        self._admin.create_topics({topic: wanted}, wait_for_metadata=True)

    def delete(self, topic: str) -> None:
        self._admin.delete_topics([topic])

    def topics(self) -> dict[str, int]:
        found = self._admin.describe_topics()
        return {topic["name"]: len(topic["partitions"]) for topic in found}

    def add_partitions(self, topic: str, count: int) -> None:
        self._admin.create_partitions({topic: count})

    def config(self, topic: str) -> dict[str, str]:
        resource = ConfigResource(ConfigResourceType.TOPIC, topic)
        told = self._admin.describe_configs([resource], config_filter="all")
        return {name: entry["value"] for name, entry in told["topic"][topic].items()}

    def alter(self, topic: str, name: str, value: str) -> None:
        resource = ConfigResource(ConfigResourceType.TOPIC, topic, configs={name: value})
        self._admin.alter_configs([resource])

    def delete_records(self, topic: str, partition: int, before: int) -> int:
        place = TopicPartition(topic, partition)
        return self._admin.delete_records({place: before})[place]["low_watermark"]

    def offsets(self, topic: str, partition: int = 0) -> list[int]:
        place = TopicPartition(topic, partition)
        asked = [self._admin.list_partition_offsets({place: at}) for at in (EARLIEST, LATEST)]
        return [found[place].offset for found in asked]

    def groups(self) -> list[str]:
        return [group["group_id"] for group in self._admin.list_groups()]

    def group(self, group: str) -> dict:
        told = self._admin.describe_groups([group])[group]
        assigned = [
            [topic["topic"], partition]
            for member in told["members"]
            for topic in member["member_assignment"]["assigned_partitions"]
            for partition in topic["partitions"]
        ]
        state = told["group_state"].lower()
        return {"state": state, "members": len(told["members"]), "assigned": sorted(assigned)}

    def group_offsets(self, group: str) -> list[list]:
        told = self._admin.list_group_offsets(group)[group]
        return sorted([place.topic, place.partition, at.offset] for place, at in told.items())

    def alter_group_offset(self, group: str, topic: str, partition: int, offset: int) -> None:
        place = TopicPartition(topic, partition)
        told = self._admin.alter_group_offsets(group, {place: OffsetAndMetadata(offset, "", -1)})
        _raise(told[place])

    def delete_group(self, group: str) -> None:
        name = self._admin.delete_groups([group])[group]
        _raise(None if name == "OK" else getattr(errors, name))

    def cluster(self) -> dict:
        told = self._admin.describe_cluster()
        return {"id": told["cluster_id"], "nodes": len(told["brokers"])}

    # Data

    def produce(
        self,
        topic: str,
        records: list,
        compression: str = "none",
        acks: str = "all",
        idempotent: bool = False,
    ) -> list[list[int]] | None:
        producer = KafkaProducer(
            **self._base,
            acks=acks if acks == "all" else int(acks),
            compression_type=None if compression == "none" else compression,
            enable_idempotence=idempotent,
            max_request_size=8 << 20,
            linger_ms=5,
        )
        try:
            futures = [
                producer.send(
                    topic,
                    data(value),
                    data(key),
                    [(name, data(words)) for name, words in headers],
                    partition,
                    timestamp,
                )
                for key, value, headers, timestamp, partition in records
            ]
            producer.flush(PATIENCE_SECONDS)
            placed = [future.get(PATIENCE_SECONDS) for future in futures]
        finally:
            producer.close()
        return [[told.partition, told.offset] for told in placed] if acks == "all" else None

    def read(
        self,
        topic: str,
        count: int,
        partition: int = 0,
        offset: int | None = None,
        at_ms: int | None = None,
    ) -> list[list]:
        consumer = KafkaConsumer(
            **self._base, enable_auto_commit=False, allow_auto_create_topics=False
        )
        try:
            place = TopicPartition(topic, partition)
            if topic not in consumer.topics():
                raise Unknown(topic)
            consumer.assign([place])
            if at_ms is not None:
                offset = consumer.offsets_for_times({place: at_ms})[place].offset
            if offset is None:
                consumer.seek_to_beginning(place)
            else:
                consumer.seek(place, offset)
            return _take(consumer, count)
        finally:
            consumer.close()

    # A group

    def join(
        self,
        group: str,
        topics: list[str],
        strategy: str = "range",
        instance: str | None = None,
        session_ms: int = 10_000,
    ) -> None:
        self._consumer = KafkaConsumer(
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
        self._member = Member()
        join_within_a_poll(self._consumer)
        self._consumer.subscribe(topics, listener=Listener(self._member))

    def commit(self) -> None:
        assert self._consumer is not None
        self._consumer.commit()

    def leave(self) -> None:
        assert self._consumer is not None
        self._consumer.close(autocommit=False)
        self._consumer = self._member = None

    def _poll(self, seconds: float) -> None:
        assert self._consumer is not None
        assert self._member is not None
        for place, found in self._consumer.poll(int(seconds * 1000)).items():
            self._member.seen += [[*place, one.offset, text(one.value)] for one in found]

    def _assignment(self) -> list[list]:
        assert self._consumer is not None
        return places(self._consumer.assignment())


def _raise(told: object) -> None:
    """Answers of the admin client hold classes of errors, one of which is success."""
    if isinstance(told, type) and issubclass(told, errors.KafkaError) and told.errno:
        raise told()


def _take(consumer: KafkaConsumer, count: int) -> list[list]:
    rows: list[list] = []
    until = deadline()
    while len(rows) < count:
        if time.monotonic() > until:
            raise TimeoutError(f"only {len(rows)} of {count} records came")
        for found in consumer.poll(500).values():
            rows += map(row, found)
    return rows[:count]


if __name__ == "__main__":
    main(KafkaPythonAgent)
