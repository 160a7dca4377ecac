"""The bytes of what the coordination store holds of brokers."""

import json
from dataclasses import replace
from uuid import UUID

import pytest

from bus.errors import CorruptLog
from bus.model.features import OLDEST, Levels
from bus.model.stored_brokers import BrokerEpochRecord, BrokerRecord, BrokerState

BROKER = BrokerRecord(
    {"zmq": "tcp://h:7901"}, "r1", "boot", 0, "tcp://h:7902", "k" * 40, "/data/sockets/1f"
)
EPOCH = BrokerEpochRecord(7, BrokerState.ACTIVE, 3, (UUID(int=1), UUID(int=2)), "boot")


def test_records_come_back_as_they_were() -> None:
    assert BrokerRecord.from_bytes("key", BROKER.to_bytes()) == BROKER
    assert BrokerEpochRecord.from_bytes("key", EPOCH.to_bytes()) == EPOCH


def test_the_levels_that_a_broker_knows_come_back() -> None:
    record = BrokerRecord({}, "", "boot", levels=Levels(2, 4))
    assert BrokerRecord.from_bytes("key", record.to_bytes()).levels == Levels(2, 4)


def test_a_broker_that_tells_of_no_levels_knows_the_first() -> None:
    content = json.loads(BROKER.to_bytes())
    del content["features"]
    assert BrokerRecord.from_bytes("key", json.dumps(content).encode()).levels == OLDEST


@pytest.mark.parametrize("features", [[], 3, {"cluster.version": 1}, {"cluster.version": [1]}])
def test_levels_that_are_none_are_refused(features: object) -> None:
    content = json.loads(BROKER.to_bytes()) | {"features": features}
    with pytest.raises(CorruptLog, match="key"):
        BrokerRecord.from_bytes("key", json.dumps(content).encode())


def test_a_field_of_a_later_version_is_passed_over() -> None:
    content = json.loads(BROKER.to_bytes()) | {"later": {"a": [1]}}
    assert BrokerRecord.from_bytes("key", json.dumps(content).encode()) == BROKER


def test_a_field_of_a_later_version_is_kept_in_what_others_write() -> None:
    content = json.loads(EPOCH.to_bytes()) | {"later": {"a": [1]}}
    record = BrokerEpochRecord.from_bytes("key", json.dumps(content).encode())
    fenced = replace(record, state=BrokerState.FENCED)
    assert json.loads(fenced.to_bytes()) == content | {"state": "fenced"}


def test_a_broker_s_epoch_is_the_revision_of_its_first_entry() -> None:
    assert BROKER.epoch_at(12) == 12
    again = BrokerRecord(BROKER.endpoints, BROKER.rack, BROKER.boot_id, epoch=12)
    assert again.epoch_at(99) == 12, "also when it is written anew, under another lease"


@pytest.mark.parametrize("kind", [BrokerRecord, BrokerEpochRecord])
@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"null", b'{"epoch": 3}', b"\xff\xfe"])
def test_what_is_no_record_is_refused_and_named(kind: type, data: bytes) -> None:
    with pytest.raises(CorruptLog, match="/busd/local/b/1"):
        kind.from_bytes("/busd/local/b/1", data)


@pytest.mark.parametrize(
    ("old", "new"),
    [(b'"epoch": 7', b'"epoch": -7'), (b"active", b"dancing"), (b'"boot"', b"3"), (b"000-", b"0")],
)
def test_a_record_with_a_wrong_field_is_refused(old: bytes, new: bytes) -> None:
    data = EPOCH.to_bytes()
    assert old in data
    with pytest.raises(CorruptLog, match="key"):
        BrokerEpochRecord.from_bytes("key", data.replace(old, new))
