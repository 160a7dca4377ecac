"""The bytes of the coordination store's values."""

import json
from dataclasses import replace
from uuid import UUID

import pytest

from bus.errors import CorruptLog
from bus.model.cluster import PartitionImage
from bus.model.ids import PartitionId
from bus.model.limits import VALUE_BYTES_MAX
from bus.model.stored import (
    ClusterRecord,
    TopicRecord,
    group_from_bytes,
    group_to_bytes,
    producer_ids_from_bytes,
)

TOPIC = UUID("12345678-1234-4234-8234-123456789abc")
IMAGE = PartitionImage(1, 2, 3, 1, (1, 2, 3), (1, 3), (2,), (), (4,), (2,))


def test_a_topic_record_comes_back_as_it_was() -> None:
    record = TopicRecord(TOPIC, 3, {"flush": "os"}, (0, 7))
    assert TopicRecord.from_bytes("key", record.to_bytes()) == record
    grown = replace(record, grows=True)
    assert TopicRecord.from_bytes("key", grown.to_bytes()) == grown


def test_a_topic_record_of_an_earlier_version_does_not_grow() -> None:
    data = b'{"config": {}, "groups": [0], "id": "%s", "partitions": 1}' % str(TOPIC).encode()
    assert TopicRecord.from_bytes("key", data) == TopicRecord(TOPIC, 1, {}, (0,))


def test_fields_of_a_later_version_are_kept_when_a_record_is_written_anew() -> None:
    for record, changed in (
        (TopicRecord(TOPIC, 3, {}, (0,)), {"partitions": 4}),
        (ClusterRecord("id", 1, {}), {"format": 2}),
    ):
        content = json.loads(record.to_bytes()) | {"later": [1]}
        found = type(record).from_bytes("key", json.dumps(content).encode())
        assert json.loads(replace(found, **changed).to_bytes()) == content | changed


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


def test_the_cluster_s_record_comes_back_as_it_was() -> None:
    record = ClusterRecord("abc", 1, {"streams": 2})
    assert ClusterRecord.from_bytes("key", record.to_bytes()) == record


def test_records_of_the_first_release_are_read() -> None:
    cluster = b'{"cluster_id": "xyz", "format": 1, "features": {}}'
    assert ClusterRecord.from_bytes("key", cluster) == ClusterRecord("xyz", 1, {})
    assert producer_ids_from_bytes("key", b"3000") == 3000


@pytest.mark.parametrize("data", [b"", b"-1", b"1.5", b'"7"', b"true", b"9" * 30, b"9" * 5000])
def test_producer_ids_that_are_no_number_are_refused(data: bytes) -> None:
    with pytest.raises(CorruptLog, match="/pid"):
        producer_ids_from_bytes("/pid", data)


@pytest.mark.parametrize(
    "image",
    [
        PartitionImage(-2, 0, 0, 1, (1,), (1,)),
        PartitionImage(1, -1, 0, 1, (1,), (1,)),
        PartitionImage(1, 0, -1, 1, (1,), (1,)),
        PartitionImage(1, 0, 0, 1, (), ()),
        PartitionImage(1, 0, 0, 1, (1, 1), (1,)),
        PartitionImage(1, 0, 0, 1, (1, -5), (1,)),
        PartitionImage(1, 0, 0, 1, (1,), (1, 2)),
    ],
)
def test_a_partition_record_that_contradicts_itself_is_refused(image: PartitionImage) -> None:
    with pytest.raises(CorruptLog, match="contradicts itself"):
        group_from_bytes("key", group_to_bytes({PartitionId(TOPIC, 0): image}))


def test_a_partition_that_a_group_holds_twice_is_refused() -> None:
    one = group_to_bytes({PartitionId(TOPIC, 0): IMAGE})
    with pytest.raises(CorruptLog, match="contradicts itself"):
        group_from_bytes("key", one + one)


def test_a_group_of_64_partitions_with_many_replicas_fits_into_a_value() -> None:
    ids = tuple(range(20))
    image = PartitionImage(1, 2, 3, 1, ids, ids, ids, ids, ids, ids)
    assert len(group_to_bytes({PartitionId(TOPIC, n): image for n in range(64)})) < VALUE_BYTES_MAX


def test_a_value_nested_without_end_is_refused() -> None:
    with pytest.raises(CorruptLog, match="key"):
        TopicRecord.from_bytes("key", b"[" * 100_000)
