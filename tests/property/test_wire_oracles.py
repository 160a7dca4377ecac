"""Do kio and kafka-python read what we write, as the same values, and write the same bytes?"""

import io
import warnings
from dataclasses import fields
from datetime import datetime, timedelta
from enum import Enum
from importlib import import_module
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kio.index import UnknownEntity, load_request_schema, load_response_schema
from kio.serial import entity_reader, entity_writer

from bus.native.encoder import Encoder
from bus.wire.metadata import NO_OPERATIONS
from bus.wire.registry import API_VERSIONS
from bus.wire.schema import wire_of
from tests.fixtures.messages import KAFKA_FORMS, form_id, messages, program_of, table_of

some = settings(max_examples=10, deadline=None)
with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of how it reads its own files
    KAFKA_MODULES = [
        import_module(f"kafka.protocol.{name}")
        for name in ("admin", "consumer", "metadata", "producer")
    ]


def encoded(form, message):
    encoder = Encoder()
    encoder.write(program_of(form), message)
    return encoder.joined()


def plain(value):
    """A single value of any library as ours: a number, text, bytes or None."""
    if isinstance(value, UUID):
        return value.int or None
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, timedelta):
        return round(value.total_seconds() * 1000)
    if isinstance(value, datetime):
        return round(value.timestamp() * 1000)
    if isinstance(value, set):  # of bit numbers
        number = sum(1 << bit for bit in value)
        return number - (1 << 32) if number >> 31 else number
    return bytes(value) if isinstance(value, bytearray | memoryview) else value


def theirs_of(theirs, name):
    """The field in another library, which may leave out the unit or the subject."""
    names = (name, name.removesuffix("_ms"), name.partition("_")[2])
    return next(getattr(theirs, found) for found in names if hasattr(theirs, found))


def assert_agree(form, ours, theirs):
    """Each field of ours is there in theirs, under the same name and with the same value."""
    for declared in fields(ours):
        wire = wire_of(declared)
        if not wire.exists(form[1], form[0].is_flexible(form[1]), extensions=False):
            continue
        mine, name = getattr(ours, declared.name), declared.name
        other = theirs_of(theirs, name)
        if wire.kind == "struct":
            if other is not None:
                assert_agree(form, wire.element() if mine is None else mine, other)
        elif wire.kind == "array" and mine is not None and isinstance(wire.element, type):
            assert len(mine) == len(other), name
            for one, another in zip(mine, other, strict=True):
                assert_agree(form, one, another)
        elif wire.kind == "array" and mine is not None:
            assert mine == list(other), name
        elif mine in (-1, NO_OPERATIONS) and other is None:
            pass  # no timestamp in kio, not asked for in kafka-python
        else:
            assert plain(mine) == plain(other), name


def kio_entity(form):
    """kio's class, or None: it follows Kafka 4, which has dropped the oldest versions."""
    api, version, asked = form
    try:
        return (load_request_schema if asked else load_response_schema)(api.key, version)
    except UnknownEntity:
        return None


@pytest.mark.parametrize("form", [form for form in KAFKA_FORMS if kio_entity(form)], ids=form_id)
@some
@given(data=st.data())
def test_kio_agrees(form, data):
    entity = kio_entity(form)
    message = data.draw(messages(form, tame=True))
    ours = encoded(form, message)
    theirs, size = entity_reader(entity)(ours, 0)
    assert size == len(ours)
    assert_agree(form, message, theirs)
    written = io.BytesIO()
    entity_writer(entity)(written, theirs)
    assert written.getvalue() == ours


def kafka_python_entity(form):
    """kafka-python's class, or None: it does not remove brokers."""
    name = table_of(form).__name__
    return next((getattr(m, name) for m in KAFKA_MODULES if hasattr(m, name)), None)


@pytest.mark.parametrize(
    "form", [form for form in KAFKA_FORMS if kafka_python_entity(form)], ids=form_id
)
@some
@given(data=st.data())
def test_kafka_python_agrees(form, data):
    entity = kafka_python_entity(form)
    message = data.draw(messages(form, tame=True))
    if form[0].key == API_VERSIONS and not form[2]:
        message.error_code = 0  # it reads any error as version 0
    ours = encoded(form, message)
    theirs = entity.decode(ours, version=form[1])
    assert_agree(form, message, theirs)
    theirs._header = None  # `encode` asks for it, `decode` did not set it
    assert bytes(theirs.encode(version=form[1])) == ours
