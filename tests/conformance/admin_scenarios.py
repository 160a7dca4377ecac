"""Scenarios of administration: topics, their settings, their records, the cluster."""

from tests.conformance.agents.agent import Refused
from tests.conformance.world import World, expect, expect_refused, record, wait_for

TOPIC_EXISTS, INVALID_TOPIC, UNKNOWN_TOPIC, INVALID_PARTITIONS, INVALID_CONFIG = 36, 17, 3, 37, 40


def create(world: World) -> None:
    """A topic as it was asked for; and not twice, nor with a wrong name or setting."""
    client, name = world.client, world.name("topic")
    client.create(topic=name, partitions=3, config={"retention.ms": "7200000"})
    wait_for("the topic is listed", lambda: client.topics().get(name) == 3)
    expect_refused(TOPIC_EXISTS, client.create, topic=name)
    expect_refused(INVALID_TOPIC, client.create, topic="not/a name")
    bad = {"retention.ms": "soon"}
    expect_refused(INVALID_CONFIG, client.create, topic=world.name("topic"), config=bad)


def topic_admin(world: World) -> None:
    """Partitions are added, settings read and changed."""
    client, topic = world.client, world.topic(partitions=2, retention_ms="7200000")
    wait_for("it is as created", lambda: _retention_ms(world, topic) == "7200000")
    client.alter(topic=topic, name="retention.ms", value="3600000")
    wait_for("the setting is changed", lambda: _retention_ms(world, topic) == "3600000")
    client.add_partitions(topic=topic, count=4)
    wait_for("four partitions", lambda: client.topics()[topic] == 4)
    expect_refused(INVALID_PARTITIONS, client.add_partitions, topic=topic, count=1)
    expect_refused(UNKNOWN_TOPIC, client.delete, topic=world.name("missing"))


def delete_records(world: World) -> None:
    client, topic = world.client, world.topic()
    client.produce(topic=topic, records=[record(str(number)) for number in range(10)])
    expect(client.offsets(topic=topic), [0, 10], "offsets before")
    expect(client.delete_records(topic=topic, partition=0, before=4), 4, "the low watermark")
    expect(client.offsets(topic=topic), [4, 10], "offsets after")
    expect(client.read(topic=topic, count=1)[0][0], 4, "the first that is left")


def recreate(world: World) -> None:
    """A topic of the same name is another one."""
    client, topic = world.client, world.topic()
    client.produce(topic=topic, records=[record("old")] * 5)
    client.delete(topic=topic)
    wait_for("the topic is gone", lambda: topic not in client.topics())
    client.create(topic=topic)
    wait_for("the topic is back", lambda: topic in client.topics())
    client.produce(topic=topic, records=[record("new")])
    found = client.read(topic=topic, count=1)
    expect([found[0][0], found[0][3]], [0, "new"], "offset and value of the first record")


def cluster(world: World) -> None:
    told = world.client.cluster()
    expect(told["nodes"], world.nodes, "nodes")
    expect(bool(told["id"]), True, "it has an id")


def _retention_ms(world: World, topic: str) -> str:
    """As the broker tells it; empty while it has yet to learn of the topic itself."""
    try:
        return world.client.config(topic=topic)["retention.ms"]
    except Refused as error:
        if error.code != UNKNOWN_TOPIC:
            raise
        return ""
