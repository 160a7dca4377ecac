"""Topic settings: Kafka's names and defaults, and what is refused."""

import pytest

from bus.errors import InvalidConfig, InvalidReplicationFactor
from bus.model.topic_settings import (
    BROKER_NAMES,
    TOPIC_SETTINGS,
    TopicSettings,
    check_replication,
    topic_config,
    topic_settings,
)

KAFKA_DEFAULTS = {  # Kafka 4's documentation, "Topic Configs"
    "cleanup.policy": "delete",
    "compression.type": "producer",
    "delete.retention.ms": "86400000",
    "index.interval.bytes": "4096",
    "max.message.bytes": "2097164",
    "message.timestamp.after.max.ms": "3600000",
    "message.timestamp.type": "CreateTime",
    "min.insync.replicas": "1",
    "retention.bytes": "-1",
    "retention.ms": "604800000",
    "segment.bytes": "1073741824",
    "segment.ms": "604800000",
    "unclean.leader.election.enable": "false",
}


@pytest.mark.parametrize("name", KAFKA_DEFAULTS)
def test_defaults_are_those_of_kafka(name: str) -> None:
    assert topic_config(TopicSettings())[name] == KAFKA_DEFAULTS[name]


def test_what_is_given_lies_over_the_brokers_defaults() -> None:
    defaults = TopicSettings(retention_ms=5, flush="os")
    settings = topic_settings({"retention.ms": "7"}, defaults)
    assert (settings.retention_ms, settings.flush) == (7, "os")


def test_a_complete_configuration_reads_back_as_itself() -> None:
    settings = TopicSettings(flush="os", segment_bytes=4096, message_timestamp_type="LogAppendTime")
    assert topic_settings(topic_config(settings)) == settings


@pytest.mark.parametrize(
    ("policy", "compacts", "deletes"),
    [
        ("delete", False, True),
        ("compact", True, False),
        ("compact,delete", True, True),
        ("delete,compact", True, True),
    ],
)
def test_a_policy_says_how_old_records_go(policy: str, compacts: bool, deletes: bool) -> None:
    settings = topic_settings({"cleanup.policy": policy})
    assert (settings.compacts, settings.deletes) == (compacts, deletes)


def test_a_compacted_topic_closes_segments_that_are_overdue() -> None:
    overdue = {"max.compaction.lag.ms": "1000"}
    assert topic_settings(overdue).roll_ms == TopicSettings().segment_ms
    assert topic_settings({**overdue, "cleanup.policy": "compact"}).roll_ms == 1000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cleanup.policy", "shred"),
        ("min.cleanable.dirty.ratio", "1.5"),
        ("min.cleanable.dirty.ratio", "half"),
        ("max.compaction.lag.ms", "0"),
        ("compression.type", "zstd"),
        ("unclean.leader.election.enable", "true"),
        ("remote.storage.enable", "true"),
        ("flush.messages", "1"),
        ("preallocate", "false"),
        ("flush", "never"),
        ("segment.bytes", str(2**31)),
        ("retention.ms", "-2"),
    ],
)
def test_what_would_not_be_kept_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(InvalidConfig, match=name):
        topic_settings({name: value})


def test_more_in_sync_replicas_than_replicas_are_refused() -> None:
    with pytest.raises(InvalidConfig, match=r"min\.insync\.replicas cannot be 2"):
        check_replication(TopicSettings(min_insync_replicas=2), 1)


def test_a_replication_factor_below_one_is_refused() -> None:
    with pytest.raises(InvalidReplicationFactor):
        check_replication(TopicSettings(), 0)


def test_every_name_with_a_default_at_the_broker_is_a_topic_setting() -> None:
    assert BROKER_NAMES.keys() <= TOPIC_SETTINGS.keys()


def test_every_changeable_setting_has_a_default_at_the_broker() -> None:
    changeable = {name for name, entry in TOPIC_SETTINGS.items() if not entry.fixed_because}
    assert changeable <= BROKER_NAMES.keys()
