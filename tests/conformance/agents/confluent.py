"""confluent-kafka (librdkafka) as an agent."""

import time
from concurrent.futures import Future

from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from tests.conformance.agents.agent import (
    PATIENCE_SECONDS,
    POLL_SECONDS,
    Agent,
    Member,
    data,
    deadline,
    main,
    places,
    text,
)

QUIET = {"log_level": 0}
NONE_YET = KafkaError._PARTITION_EOF
NOT_LEADER = KafkaError.NOT_LEADER_FOR_PARTITION


class ConfluentAgent(Agent):
    def __init__(self, bootstrap: str) -> None:
        super().__init__(bootstrap)
        self._base = {"bootstrap.servers": bootstrap, **QUIET}
        self._admin = AdminClient(self._base)
        self._consumer: Consumer | None = None

    def _code(self, error: Exception) -> int | None:
        told = error.args[0] if isinstance(error, KafkaException) and error.args else error
        return int(told.code()) if isinstance(told, KafkaError) else None

    # Administration

    def create(
        self, topic: str, partitions: int = 1, config: dict | None = None, copies: int = -1
    ) -> None:
        wanted = NewTopic(topic, partitions, copies, config=config or {})
        _one(self._admin.create_topics([wanted]))

    def delete(self, topic: str) -> None:
        _one(self._admin.delete_topics([topic]))

    def topics(self) -> dict[str, int]:
        found = self._admin.list_topics(timeout=PATIENCE_SECONDS).topics
        return {name: len(topic.partitions) for name, topic in found.items()}

    def add_partitions(self, topic: str, count: int) -> None:
        _one(self._admin.create_partitions([NewPartitions(topic, count)]))

    def config(self, topic: str) -> dict[str, str]:
        entries = _one(self._admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic)]))
        return {name: entry.value for name, entry in entries.items()}

    def alter(self, topic: str, name: str, value: str) -> None:
        entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
        _one(self._admin.incremental_alter_configs([resource]))

    def delete_records(self, topic: str, partition: int, before: int) -> int:
        asked = [TopicPartition(topic, partition, before)]
        return int(_one(self._admin.delete_records(asked)).low_watermark)

    def offsets(self, topic: str, partition: int = 0) -> list[int]:
        place = TopicPartition(topic, partition)
        return [
            self._offset(place, OffsetSpec.earliest()),
            self._offset(place, OffsetSpec.latest()),
        ]

    def _offset(self, place: TopicPartition, spec: OffsetSpec) -> int:
        """The library leaves it to who asks to ask again, when the leader has just moved."""
        until = deadline()
        while True:
            try:
                return int(_one(self._admin.list_offsets({place: spec})).offset)
            except KafkaException as error:
                if self._code(error) != NOT_LEADER or time.monotonic() > until:
                    raise
            time.sleep(POLL_SECONDS)

    def groups(self) -> list[str]:
        listed = self._admin.list_consumer_groups().result(PATIENCE_SECONDS)
        return [group.group_id for group in listed.valid]

    def group(self, group: str) -> dict:
        told = _one(self._admin.describe_consumer_groups([group]))
        members = [
            [part.topic, part.partition]
            for member in told.members
            for part in member.assignment.topic_partitions
        ]
        state = told.state.name.replace("_", "").lower()
        return {"state": state, "members": len(told.members), "assigned": sorted(members)}

    def group_offsets(self, group: str) -> list[list]:
        asked = [ConsumerGroupTopicPartitions(group)]
        told = _one(self._admin.list_consumer_group_offsets(asked))
        return sorted([p.topic, p.partition, p.offset] for p in told.topic_partitions)

    def alter_group_offset(self, group: str, topic: str, partition: int, offset: int) -> None:
        place = [TopicPartition(topic, partition, offset)]
        asked = [ConsumerGroupTopicPartitions(group, place)]
        _one(self._admin.alter_consumer_group_offsets(asked))

    def delete_group(self, group: str) -> None:
        _one(self._admin.delete_consumer_groups([group]))

    def cluster(self) -> dict:
        told = self._admin.describe_cluster().result(PATIENCE_SECONDS)
        return {"id": told.cluster_id, "nodes": len(told.nodes)}

    # Data

    def produce(
        self,
        topic: str,
        records: list,
        compression: str = "none",
        acks: str = "all",
        idempotent: bool = False,
    ) -> list[list[int]]:
        placed: dict[int, list[int]] = {}
        errors: list[KafkaError] = []
        settings = {"compression.type": compression, "acks": acks, "linger.ms": 5}
        settings["enable.idempotence"] = idempotent
        settings["message.max.bytes"] = 8 << 20
        settings["message.timeout.ms"] = int(PATIENCE_SECONDS * 1000)
        producer = Producer({**self._base, **settings})
        for number, (key, value, headers, timestamp, partition) in enumerate(records):

            def told(error: KafkaError | None, message: Message, number: int = number) -> None:
                if error is not None:
                    errors.append(error)
                else:
                    placed[number] = [message.partition(), message.offset()]

            more = {} if timestamp is None else {"timestamp": timestamp}
            if partition is not None:
                more["partition"] = partition
            given = [(name, data(words)) for name, words in headers]
            producer.produce(topic, data(value), data(key), headers=given, on_delivery=told, **more)
            producer.poll(0)
        if producer.flush(PATIENCE_SECONDS):
            raise TimeoutError("not everything was acknowledged")
        if errors:
            raise KafkaException(errors[0])
        return [placed[number] for number in range(len(records))]

    def read(
        self,
        topic: str,
        count: int,
        partition: int = 0,
        offset: int | None = None,
        at_ms: int | None = None,
    ) -> list[list]:
        settings = {"group.id": "reader", "enable.auto.commit": False}
        consumer = Consumer({**self._base, **settings})
        try:
            if error := consumer.list_topics(topic, PATIENCE_SECONDS).topics[topic].error:
                raise KafkaException(error)
            if at_ms is not None:
                asked = [TopicPartition(topic, partition, at_ms)]
                (place,) = consumer.offsets_for_times(asked, PATIENCE_SECONDS)
            else:
                place = TopicPartition(topic, partition, -2 if offset is None else offset)
            consumer.assign([place])
            return [_read(message) for message in _take(consumer, count)]
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
        settings = {
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "session.timeout.ms": session_ms,
            "heartbeat.interval.ms": 500,
            "partition.assignment.strategy": strategy,
            "topic.metadata.refresh.interval.ms": 1000,
        }
        if instance is not None:
            settings["group.instance.id"] = instance
        self._consumer = Consumer({**self._base, **settings})
        member = self._member = Member()

        def given(_: Consumer, these: list[TopicPartition]) -> None:
            member.given += places(these)

        def taken(_: Consumer, these: list[TopicPartition]) -> None:
            member.taken += places(these)

        self._consumer.subscribe(topics, on_assign=given, on_revoke=taken, on_lost=taken)

    def commit(self) -> None:
        assert self._consumer is not None
        self._consumer.commit(asynchronous=False)

    def leave(self) -> None:
        assert self._consumer is not None
        self._consumer.close()
        self._consumer = self._member = None

    def _poll(self, seconds: float) -> None:
        assert self._consumer is not None
        assert self._member is not None
        for message in self._consumer.consume(1000, seconds):
            if not message.error():
                place = [message.topic(), message.partition(), message.offset()]
                self._member.seen.append([*place, text(message.value())])

    def _assignment(self) -> list[list]:
        assert self._consumer is not None
        return places(self._consumer.assignment())


def _one(futures: dict[object, Future]):
    (future,) = futures.values()
    return future.result(PATIENCE_SECONDS)


def _take(consumer: Consumer, count: int) -> list[Message]:
    messages: list[Message] = []
    until = deadline()
    while len(messages) < count:
        if time.monotonic() > until:
            raise TimeoutError(f"only {len(messages)} of {count} records came")
        for message in consumer.consume(min(1000, count - len(messages)), 0.5):
            if message.error() and message.error().code() != NONE_YET:
                raise KafkaException(message.error())
            messages.append(message)
    return messages


def _read(message: Message) -> list:
    headers = [[name, text(value)] for name, value in message.headers() or []]
    _, timestamp = message.timestamp()
    return [message.offset(), timestamp, text(message.key()), text(message.value()), headers]


if __name__ == "__main__":
    main(ConfluentAgent)
