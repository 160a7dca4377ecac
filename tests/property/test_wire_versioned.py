"""What stands in records and in JoinGroup: is it read back, do others read it, can it hurt?"""

import importlib
import io
import warnings
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kio.serial import entity_reader, entity_writer

from bus.errors import FrameError
from bus.wire import consumer_protocol, group_log
from tests.fixtures.messages import structs

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of how it reads its own files
    theirs = importlib.import_module("kafka.protocol.consumer.metadata")
    sticky = importlib.import_module("kafka.coordinator.assignors.sticky.user_data")

some = settings(max_examples=20, deadline=None)
RECORDS = [
    (group_log.OffsetCommitValue, version, group_log.encode_value, group_log.decode_offset_value)
    for version in range(5)
] + [
    (group_log.GroupMetadataValue, version, group_log.encode_value, group_log.decode_group_value)
    for version in range(5)
]
MEMBERS = [
    (table, version, encode, decode)
    for table, encode, decode, newest in (
        (
            consumer_protocol.Subscription,
            consumer_protocol.encode_subscription,
            consumer_protocol.decode_subscription,
            3,
        ),
        (
            consumer_protocol.Assignment,
            consumer_protocol.encode_assignment,
            consumer_protocol.decode_assignment,
            3,
        ),
        (
            consumer_protocol.StickyUserData,
            consumer_protocol.encode_sticky,
            consumer_protocol.decode_sticky,
            1,
        ),
    )
    for version in range(newest + 1)
]


def form_id(value):
    return getattr(value, "__name__", str(value))


def any_of(table, version):
    return structs(table, version, table in (f[0] for f in RECORDS) and version >= 4, False, False)


@pytest.mark.parametrize(("table", "version", "encode", "decode"), RECORDS + MEMBERS, ids=form_id)
@some
@given(data=st.data())
def test_it_is_read_back_as_it_was(table, version, encode, decode, data):
    value = data.draw(any_of(table, version))
    assert decode(encode(value, version)) == value


@pytest.mark.parametrize(("table", "version", "encode", "decode"), RECORDS + MEMBERS, ids=form_id)
@some
@given(data=st.data())
def test_damage_is_read_or_refused(table, version, encode, decode, data):
    raw = bytearray(encode(data.draw(any_of(table, version)), version))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(raw[: data.draw(st.integers(0, len(raw)))])
    for piece in (bytes(raw), cut):
        for read in (decode, group_log.decode_key):
            with suppress(FrameError):
                read(piece)


@some
@given(st.builds(group_log.OffsetCommitKey, st.text(), st.text(), st.integers(0, 1 << 31 - 1)))
def test_a_key_is_read_back_as_it_was(key):
    assert group_log.decode_key(group_log.encode_key(key)) == key


@pytest.mark.parametrize(("table", "version", "encode", "decode"), MEMBERS[:8], ids=form_id)
@some
@given(data=st.data())
def test_kio_reads_it_and_writes_the_same(table, version, encode, decode, data):
    name = f"consumer_protocol_{table.__name__.lower()}"
    module = importlib.import_module(f"kio.schema.{name}.v{version}.data")
    entity = getattr(module, f"ConsumerProtocol{table.__name__}")
    value = data.draw(any_of(table, version))
    ours = encode(value, version)
    read, size = entity_reader(entity)(ours, 2)
    assert size == len(ours) - 2
    written = io.BytesIO()
    entity_writer(entity)(written, read)
    assert written.getvalue() == ours[2:]
    assert read.user_data == value.user_data


@pytest.mark.parametrize(("table", "version", "encode", "decode"), MEMBERS, ids=form_id)
@some
@given(data=st.data())
def test_kafka_python_reads_it_and_writes_the_same(table, version, encode, decode, data):
    own = table is consumer_protocol.StickyUserData  # it has no version before it
    name = f"ConsumerProtocol{table.__name__}"
    entity = sticky.StickyAssignorUserData if own else getattr(theirs, name)
    ours = encode(data.draw(any_of(table, version)), version)
    read = entity.decode(ours, version=version, header=not own)
    assert bytes(read.encode(version=version, header=not own)) == ours
