"""A group's records as bytes: what is put together by hand is what the tables say."""

import pytest

from bus.broker.coordinators_records import record_of, rows_of, topics_of
from bus.control.group_facts import Position, StoredGroup, StoredMember
from bus.errors import FrameError
from bus.wire.consumer_protocol import Subscription, encode_subscription
from bus.wire.group_log import OffsetCommitKey, OffsetCommitValue, encode_key, encode_value

SUBSCRIPTION = encode_subscription(Subscription(topics=["t"]))
MEMBER = StoredMember(
    "m1", "i1", "client", "/127.0.0.1", 30_000, 10_000, SUBSCRIPTION, b"work", frozenset({"t"})
)
STORED = StoredGroup(7, "consumer", "range", "m1", 1_700_000_000_000, (MEMBER,))
KEY = ("topic", 3)


@pytest.mark.parametrize("metadata", ["", "note", "n\N{LATIN SMALL LETTER O WITH STROKE}te"])
def test_a_position_is_written_as_the_tables_say(metadata: str) -> None:
    ((key, value),) = rows_of("group", ((KEY, Position(5, 2, metadata, 1000)),))
    assert key == encode_key(OffsetCommitKey("group", "topic", 3))
    assert value == encode_value(OffsetCommitValue(5, 2, metadata, 1000))


@pytest.mark.parametrize(
    "record",
    [
        (KEY, Position(5, 2, "note", 1000)),
        (KEY, Position(5, -1, "note", 1000, 2000)),
        (KEY, None),
        (None, STORED),
        (None, StoredGroup(8, "consumer", None, None, 5)),
        (None, None),
    ],
)
def test_a_record_is_read_as_it_was_written(record) -> None:
    ((key, value),) = rows_of("group", (record,))
    assert record_of(key, value) == ("group", record)


@pytest.mark.parametrize("version", range(5))
def test_every_version_of_a_position_is_read(version: int) -> None:
    key = encode_key(OffsetCommitKey("group", "topic", 3))
    value = encode_value(OffsetCommitValue(5, -1, "note", 1000), version)
    assert record_of(key, value) == ("group", (KEY, Position(5, -1, "note", 1000)))


def test_other_kinds_of_records_are_none_of_ours() -> None:
    assert record_of(b"\0\3\0\1g", b"\0\0") is None


KEY_BYTES = encode_key(OffsetCommitKey("group", "topic", 3))


@pytest.mark.parametrize(
    "key", [KEY_BYTES[:-1], KEY_BYTES + b"x", b"\0\1", b"\0\1\xff\xff", b"\0\1\0\1\xff\0\0\0\0\0\0"]
)
def test_a_damaged_key_is_told_as_such(key: bytes) -> None:
    with pytest.raises(FrameError):
        record_of(key, b"")


def test_topics_are_those_of_consumers_only() -> None:
    assert topics_of("consumer", SUBSCRIPTION) == {"t"}
    assert topics_of("connect", SUBSCRIPTION) is None
    assert topics_of("consumer", b"garbage") is None
