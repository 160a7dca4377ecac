"""The bytes of the coordination store's values."""

from uuid import UUID

import pytest

from bus.errors import CorruptLog
from bus.model.cluster import PartitionImage
from bus.model.ids import PartitionId
from bus.model.stored import TopicRecord, group_from_bytes, group_to_bytes

TOPIC = UUID("12345678-1234-4234-8234-123456789abc")
IMAGE = PartitionImage(1, 2, 3, 1, (1, 2, 3), (1, 3), (2,), (), (4,), (2,))


def test_a_topic_record_comes_back_as_it_was() -> None:
    record = TopicRecord(TOPIC, 3, {"flush": "os"}, (0, 7))
    assert TopicRecord.from_bytes("key", record.to_bytes()) == record


def test_a_group_comes_back_as_it_was() -> None:
    group = {PartitionId(TOPIC, n): IMAGE for n in range(64)}
    assert group_from_bytes("key", group_to_bytes(group)) == group


@pytest.mark.parametrize("end", range(1, 71))
def test_a_group_that_was_cut_is_refused_and_named(end: int) -> None:
    whole = group_to_bytes({PartitionId(TOPIC, 0): IMAGE})
    assert len(whole) == 71
    with pytest.raises(CorruptLog, match="/busd/local/g/0"):
        group_from_bytes("/busd/local/g/0", whole[:end])


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"null", b'{"id": 3}', b"\xff\xfe"])
def test_a_topic_record_that_is_none_is_refused_and_named(data: bytes) -> None:
    with pytest.raises(CorruptLog, match="/busd/local/t/x"):
        TopicRecord.from_bytes("/busd/local/t/x", data)
