"""Settings of topics and of the broker, described and altered over the wire."""

import pytest

from bus.errors import InvalidConfig, InvalidRequest, UnknownTopicOrPartition
from bus.model.broker_settings import BROKER_SETTINGS
from bus.model.topic_settings import TOPIC_SETTINGS
from bus.wire.admin import (
    AlterableConfig,
    AlterConfigsRequest,
    AlterConfigsResource,
    DescribeConfigsRequest,
    DescribeConfigsResource,
    IncrementalAlterConfigsRequest,
    ReplacedConfigs,
    ReplacingConfig,
)
from tests.fixtures.node import Bench

TOPIC, BROKER, LOGGER = 2, 4, 8
SET, DELETE, APPEND, SUBTRACT = 0, 1, 2, 3
OF_TOPIC, OF_BROKER, DEFAULT = 1, 4, 5


@pytest.fixture
def topic(bench: Bench) -> Bench:
    bench.create_topic("t", 2, 1, {"retention.ms": "5000"})
    return bench


def describe(bench: Bench, kind: int = TOPIC, name: str = "t", keys=None, document: bool = False):
    resource = DescribeConfigsResource(kind, name, keys)
    request = DescribeConfigsRequest(resources=[resource], include_documentation=document)
    return bench.ask(request).results[0]


def alter(bench: Bench, *changes, kind: int = TOPIC, name: str = "t", validate_only: bool = False):
    configs = [AlterableConfig(*change) for change in changes]
    resource = AlterConfigsResource(kind, name, configs)
    request = IncrementalAlterConfigsRequest(resources=[resource], validate_only=validate_only)
    return bench.ask(request).responses[0]


def replace(
    bench: Bench, *configs, kind: int = TOPIC, name: str = "t", validate_only: bool = False
):
    resource = ReplacedConfigs(kind, name, [ReplacingConfig(*config) for config in configs])
    request = AlterConfigsRequest(resources=[resource], validate_only=validate_only)
    return bench.ask(request).responses[0]


def sources(result) -> dict[str, tuple[str, int]]:
    return {entry.name: (entry.value, entry.config_source) for entry in result.configs}


def test_every_setting_of_a_topic_is_described_with_where_it_comes_from(topic: Bench) -> None:
    found = sources(describe(topic))
    assert found.keys() == TOPIC_SETTINGS.keys()
    assert found["retention.ms"] == ("5000", OF_TOPIC)
    assert found["flush"] == ("group", DEFAULT)


def test_a_setting_that_is_fixed_is_read_only(topic: Bench) -> None:
    read_only = {entry.name for entry in describe(topic).configs if entry.read_only}
    assert read_only == {n for n, entry in TOPIC_SETTINGS.items() if entry.fixed_because}


def test_the_broker_s_settings_are_read_only(bench: Bench) -> None:
    assert all(entry.read_only for entry in describe(bench, BROKER, "1").configs)


def test_other_brokers_are_not_described(bench: Bench) -> None:
    assert describe(bench, BROKER, "7").error_code == InvalidRequest.code
    assert describe(bench, BROKER, "").error_code == 0


def test_only_what_is_asked_for_is_described(topic: Bench) -> None:
    assert sources(describe(topic, keys=["flush"])) == {"flush": ("group", DEFAULT)}


@pytest.mark.parametrize("document", [False, True])
def test_what_a_setting_means_is_told_on_request(topic: Bench, document: bool) -> None:
    (entry,) = describe(topic, keys=["flush"], document=document).configs
    assert (entry.documentation is not None) == document


def test_the_types_of_settings_are_kafka_s(topic: Bench) -> None:
    types = {entry.name: entry.config_type for entry in describe(topic).configs}
    names = ["cache.closed.segments", "flush", "segment.bytes", "retention.ms", "cleanup.policy"]
    assert [types[name] for name in names] == [1, 2, 3, 5, 7]


def test_a_topic_s_default_has_the_type_of_the_topic_s_setting(bench: Bench) -> None:
    (entry,) = describe(bench, BROKER, "1", ["log.cleanup.policy"]).configs
    assert entry.config_type == 7


def test_the_broker_s_settings_are_described(tmp_path) -> None:
    bench = Bench(tmp_path / "data", num_partitions=7)
    found = sources(describe(bench, BROKER, "1"))
    bench.close()
    assert found.keys() == BROKER_SETTINGS.keys()
    assert found["num.partitions"] == ("7", OF_BROKER)
    assert found["auto.create.topics.enable"] == ("true", DEFAULT)


@pytest.mark.parametrize(
    ("kind", "name", "error"),
    [(TOPIC, "x", UnknownTopicOrPartition), (LOGGER, "root", InvalidRequest)],
)
def test_what_has_no_settings_is_an_error(topic: Bench, kind: int, name: str, error: type) -> None:
    assert describe(topic, kind, name).error_code == error.code


def test_a_changed_setting_counts_from_now_on(topic: Bench) -> None:
    assert alter(topic, ("retention.ms", SET, "7000"), ("flush", SET, "os")).error_code == 0
    found = sources(describe(topic))
    assert found["retention.ms"] == ("7000", OF_TOPIC)
    assert topic.node.runtime.find("t", 1).log.settings.retention_ms == 7000
    assert topic.node.runtime.find("t", 1).leader.insync.flush_group is False


def test_a_deleted_setting_goes_back_to_its_default(topic: Bench) -> None:
    assert alter(topic, ("retention.ms", DELETE, None)).error_code == 0
    assert sources(describe(topic))["retention.ms"][1] == DEFAULT


def test_a_change_that_is_only_validated_changes_nothing(topic: Bench) -> None:
    assert alter(topic, ("retention.ms", SET, "1"), validate_only=True).error_code == 0
    assert sources(describe(topic))["retention.ms"] == ("5000", OF_TOPIC)


def test_a_setting_cannot_be_given_no_value(topic: Bench) -> None:
    assert alter(topic, ("retention.ms", SET, None)).error_code == InvalidRequest.code


def test_there_are_four_operations_on_settings(topic: Bench) -> None:
    assert alter(topic, ("retention.ms", 4, "1")).error_code == InvalidRequest.code


@pytest.mark.parametrize(
    ("operation", "value", "policy"),
    [
        (APPEND, "compact", "delete,compact"),
        (APPEND, "delete,compact", "delete,compact"),
        (APPEND, "delete", "delete"),
        (SUBTRACT, "compact", "delete"),
    ],
)
def test_a_list_is_added_to_and_taken_from(topic: Bench, operation, value, policy) -> None:
    assert alter(topic, ("cleanup.policy", operation, value)).error_code == 0
    assert sources(describe(topic))["cleanup.policy"] == (policy, OF_TOPIC)


@pytest.mark.parametrize(
    "change",
    [
        ("no.such", SET, "1"),
        ("retention.ms", SET, "-2"),
        ("retention.ms", APPEND, "1"),
        ("cleanup.policy", SET, "shred"),
        ("min.insync.replicas", SET, "2"),
    ],
)
def test_of_changes_one_of_which_cannot_be_none_is_made(topic: Bench, change) -> None:
    result = alter(topic, ("flush", SET, "os"), change)
    assert result.error_code == InvalidConfig.code
    assert change[0] in result.error_message
    assert sources(describe(topic))["flush"] == ("group", DEFAULT)


@pytest.mark.parametrize(
    ("kind", "name", "error"),
    [(TOPIC, "x", UnknownTopicOrPartition), (BROKER, "1", InvalidRequest)],
)
def test_only_topics_are_altered(topic: Bench, kind: int, name: str, error: type) -> None:
    assert alter(topic, ("flush", SET, "os"), kind=kind, name=name).error_code == error.code


def test_replacing_returns_what_is_not_named_to_its_default(topic: Bench) -> None:
    assert replace(topic, ("segment.ms", "60000")).error_code == 0
    found = sources(describe(topic))
    assert found["segment.ms"] == ("60000", OF_TOPIC)
    assert found["retention.ms"][1] == DEFAULT


def test_a_replacement_that_is_only_validated_changes_nothing(topic: Bench) -> None:
    assert replace(topic, validate_only=True).error_code == 0
    assert replace(topic, ("retention.ms", "x"), validate_only=True).error_code == 40
    assert sources(describe(topic))["retention.ms"] == ("5000", OF_TOPIC)


@pytest.mark.parametrize(
    ("kind", "name", "configs", "error"),
    [
        (TOPIC, "nowhere", [], UnknownTopicOrPartition),
        (BROKER, "1", [], InvalidRequest),
        (TOPIC, "t", [("retention.ms", None)], InvalidRequest),
    ],
)
def test_what_cannot_be_replaced_is_refused(topic: Bench, kind, name, configs, error) -> None:
    assert replace(topic, *configs, kind=kind, name=name).error_code == error.code
