"""The bytes of what the coordination store holds of brokers."""

from uuid import UUID

import pytest

from bus.errors import CorruptLog
from bus.model.stored_brokers import BrokerEpochRecord, BrokerRecord, BrokerState

BROKER = BrokerRecord(
    {"zmq": "tcp://h:7901"}, "r1", "boot", peer_url="tcp://h:7902", peer_key="k" * 40
)
EPOCH = BrokerEpochRecord(7, BrokerState.ACTIVE, 3, (UUID(int=1), UUID(int=2)), "boot")


def test_records_come_back_as_they_were() -> None:
    assert BrokerRecord.from_bytes("key", BROKER.to_bytes()) == BROKER
    assert BrokerEpochRecord.from_bytes("key", EPOCH.to_bytes()) == EPOCH


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
