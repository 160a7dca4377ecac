"""confluent-kafka from Python: produce(), one record a call, and poll(), record by record."""

from contextlib import closing

import confluent_kafka
from confluent_kafka.admin import AdminClient, NewTopic

from perf.bench import Failed
from perf.foreign.kafka_broker import BATCH_BYTES_MAX
from perf.pool import Pool, checksum

WAIT_SECONDS = 60.0
LOOK_EVERY = 10_000  # records between two looks at what was acknowledged
PRODUCER_SETTINGS = {
    "acks": "all",
    "linger.ms": 20,
    "batch.size": 1_000_000,
    "batch.num.messages": 100_000,
    "message.max.bytes": BATCH_BYTES_MAX,
    "queue.buffering.max.messages": 1_000_000,
    "queue.buffering.max.kbytes": 512 << 10,
}
CONSUMER_SETTINGS = {
    "group.id": "perf",
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "earliest",
    "fetch.message.max.bytes": 10 << 20,
    "fetch.max.bytes": 50 << 20,
    "queued.min.messages": 1_000_000,
    "queued.max.messages.kbytes": 512 << 10,
}
QUIET = {"log_level": 0}  # it would tell on the screen that the broker has ended


def versions() -> str:
    """Of the client and of the library below it."""
    library = confluent_kafka.libversion()[0]
    return f"confluent-kafka {confluent_kafka.__version__}, librdkafka {library}"


def make_topic(endpoint: str, name: str, **config: str) -> None:
    """A topic of one partition."""
    admin = AdminClient({"bootstrap.servers": endpoint, **QUIET})
    for made in admin.create_topics([NewTopic(name, 1, 1, config=config)]).values():
        made.result(WAIT_SECONDS)


def delete_topic(endpoint: str, name: str) -> None:
    """A topic and its records."""
    admin = AdminClient({"bootstrap.servers": endpoint, **QUIET})
    for gone in admin.delete_topics([name]).values():
        gone.result(WAIT_SECONDS)


def consumer(endpoint: str, topic: str) -> confluent_kafka.Consumer:
    """At the beginning of partition 0."""
    made = confluent_kafka.Consumer({"bootstrap.servers": endpoint, **CONSUMER_SETTINGS, **QUIET})
    made.assign([confluent_kafka.TopicPartition(topic, 0, 0)])
    return made


def producer(endpoint: str) -> confluent_kafka.Producer:
    return confluent_kafka.Producer({"bootstrap.servers": endpoint, **PRODUCER_SETTINGS, **QUIET})


def end_offset(endpoint: str, topic: str) -> int:
    """How many records the topic holds."""
    with closing(consumer(endpoint, topic)) as reader:
        partition = confluent_kafka.TopicPartition(topic, 0)
        return int(reader.get_watermark_offsets(partition, WAIT_SECONDS)[1])


def send_each(sender: confluent_kafka.Producer, topic: str, pool: Pool, calls: int) -> None:
    """Each value by itself, and all of them acknowledged."""
    produce, poll = sender.produce, sender.poll
    for index in range(calls):
        for value in pool.call(index):
            try:
                produce(topic, value, partition=0)
            except BufferError:  # a million are under way: wait for some
                while len(sender) > LOOK_EVERY:
                    poll(0.01)
                produce(topic, value, partition=0)
        poll(0)
    if sender.flush(WAIT_SECONDS):
        raise Failed("confluent-kafka: not everything was acknowledged in a minute")


def send_lists(sender: confluent_kafka.Producer, topic: str, pool: Pool, calls: int) -> None:
    """produce_batch() of a call's values, as the dictionaries that it takes."""
    for index in range(calls):
        while len(sender) > PRODUCER_SETTINGS["queue.buffering.max.messages"] - pool.call_records:
            sender.poll(0.01)
        messages = [{"value": value} for value in pool.call(index)]
        if sender.produce_batch(topic, messages, partition=0) != len(messages):
            raise Failed("confluent-kafka: a batch was not taken whole")
    if sender.flush(WAIT_SECONDS):
        raise Failed("confluent-kafka: not everything was acknowledged in a minute")


def read_each(reader: confluent_kafka.Consumer, records: int) -> int:
    """poll() until `records` are there; bytes of all values."""
    poll, size = reader.poll, 0
    for _ in range(records):
        message = poll(WAIT_SECONDS)
        if message is None or message.error():
            raise Failed(f"confluent-kafka: {message.error() if message else 'nothing came'}")
        size += len(message.value())
    return size


def read_lists(reader: confluent_kafka.Consumer, records: int) -> int:
    """consume() of many at a time; bytes of all values."""
    size = seen = 0
    while seen < records:
        messages = _next(reader, records - seen)
        size += sum(len(message.value()) for message in messages)
        seen += len(messages)
    return size


def verify(endpoint: str, topic: str, pool: Pool, calls: int) -> None:
    """Every value of `calls` calls is there once and in order."""
    records = calls * pool.call_records
    if end_offset(endpoint, topic) != records:
        raise Failed(f"Kafka holds {end_offset(endpoint, topic)} records, not {records}")
    crc = seen = 0
    with closing(consumer(endpoint, topic)) as reader:
        while seen < records:
            messages = _next(reader, records - seen)
            crc = checksum([message.value() for message in messages], crc)
            seen += len(messages)
    if crc != pool.checksum(calls):
        raise Failed(f"Kafka holds other values in {topic} than were sent")


def _next(reader: confluent_kafka.Consumer, most: int) -> list[confluent_kafka.Message]:
    messages = reader.consume(min(most, LOOK_EVERY), WAIT_SECONDS)
    if not messages or any(message.error() for message in messages):
        raise Failed("confluent-kafka: nothing came, or an error")
    return messages
