"""Broker settings: what they map to, and what is refused as a whole."""

import pytest

from bus.errors import BadSetting
from bus.model.broker_config import broker_config, broker_settings
from bus.model.broker_settings import BROKER_SETTINGS, BrokerSettings


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("log.retention.ms", "retention_ms"),
        ("log.segment.bytes", "segment_bytes"),
        ("message.max.bytes", "max_message_bytes"),
        ("log.roll.ms", "segment_ms"),
    ],
)
def test_kafkas_names_at_the_broker_are_defaults_of_topics(name: str, attribute: str) -> None:
    assert getattr(broker_settings({name: "123456"}).topic, attribute) == 123456


def test_the_data_directory_answers_to_kafkas_name() -> None:
    assert broker_settings({"log.dirs": "/d"}).data == "/d"


def test_keywords_lie_over_given_settings() -> None:
    base = broker_settings({"node.id": 7, "log.flush": "os"})
    made = broker_settings({"num_partitions": 4}, base)
    assert (made.node_id, made.topic.flush, made.num_partitions) == (7, "os", 4)


@pytest.mark.parametrize(
    "given",
    [
        {"listen": "tcp://0.0.0.0:7901"},
        {"listen": "tcp://*:7901"},
        {"listen": "7901"},
        {"listen": "ipc://"},
        {"http": "0.0.0.0:8080"},
        {"http": "8080"},
        {"kafka": "0.0.0.0:9092"},
        {"listeners": "PLAINTEXT://:9092"},
        {"kafka": "9092"},
        {"kafka": "127.0.0.1:1,127.0.0.1:2"},
        {"kafka": "127.0.0.1:1", "advertised.listeners": "OTHER=host:1"},
        {"kafka": "127.0.0.1:1", "advertised.listeners": "host:0"},
        {"default.replication.factor": 3},
        {"min.insync.replicas": 2},
        {"log.cleanup.policy": "shred"},
        {"unclean.leader.election.enable": "true"},
        {"data": ""},
        {"client.credit.bytes": 90_000_000},
        {"num.partitions": -1},
        {"socket.request.max.bytes": 2**40},
    ],
)
def test_unsafe_or_unkept_settings_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(BadSetting, match=r"The setting .* (is|cannot be) .*"):
        broker_settings(given)


def test_http_may_leave_the_machine_by_name() -> None:
    assert broker_settings({"http": "0.0.0.0:80", "insecure": True}).http == "0.0.0.0:80"


def test_kafkas_clients_may_come_from_beyond_the_machine_by_name() -> None:
    assert broker_settings({"kafka": "0.0.0.0:9092", "insecure": True}).kafka == "0.0.0.0:9092"


def test_every_setting_accepts_its_own_default() -> None:
    defaults = {name: entry.default for name, entry in BROKER_SETTINGS.items()}
    assert broker_settings(defaults) == BrokerSettings()


def test_the_configuration_as_text_reads_back_as_itself() -> None:
    settings = broker_settings({"log.retention.ms": 5, "node.id": 3, "insecure": True})
    assert broker_settings(broker_config(settings)) == settings
