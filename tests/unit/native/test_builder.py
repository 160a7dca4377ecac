"""Batches from single records against the slow reference."""

import pytest

from bus.native import batch
from bus.native.builder import BatchBuilder, Delivery, murmur2, with_records
from tests.fixtures import batches


class Owner:
    """A batch's own object, as the client has one."""

    done = True
    topic = "flights"
    partition = 3
    base_offset = 100
    first = 0
    count = 7
    durability = "fsynced"
    error: Exception | None = None
    waited: float | None = None
    asked: int | None = None

    def part(self, index: int) -> "Owner":
        return self

    def wait(self, timeout: float | None, index: int) -> None:
        self.waited, self.asked = timeout, index
        if self.error is not None:
            raise self.error


def built(builder: BatchBuilder) -> bytes:
    view = builder.finish()
    batch.seal(view, -1, -1, -1)
    batch.check(view)
    return bytes(view)


def test_a_built_batch_equals_the_reference():
    builder = BatchBuilder(4096)
    builder.append(b"one", b"k", 1000, None)
    builder.append(None, None, 990, [("h", b"x"), ("\u00fc", None)])
    builder.append(bytearray(b"three" * 40), memoryview(b"key"), 1500, [])
    expected = batches.assemble(
        batches.record(0, b"one", b"k")
        + batches.record(1, None, None, -10, [("h", b"x"), ("\u00fc", None)])
        + batches.record(2, b"three" * 40, b"key", 500),
        3,
        base_timestamp=1000,
        max_timestamp=1500,
    )
    assert builder.size == len(expected)
    assert (builder.count, builder.base_timestamp, builder.max_timestamp) == (3, 1000, 1500)
    assert built(builder) == expected


def test_a_record_that_does_not_fit_changes_nothing():
    builder = BatchBuilder(100)
    assert builder.append(b"x" * 20, None, 0, None) is not None
    size = builder.size
    assert builder.append(b"x" * 20, None, 99, None) is None
    assert (builder.size, builder.count, builder.max_timestamp) == (size, 1, 0)
    assert len(built(builder)) == size


@pytest.mark.parametrize("capacity", [0, 61, 70, 100_000])
def test_the_first_record_always_fits_and_a_second_is_held_to_the_capacity(capacity):
    builder = BatchBuilder(capacity)
    assert builder.append(b"x" * 100_000, None, 0, None) is not None
    assert builder.append(b"", None, 0, None) is None
    assert len(built(builder)) > 100_000


def test_a_batch_fills_its_capacity_to_the_last_byte():
    exact = len(batches.batch([b"abc", b"def"]))
    builder = BatchBuilder(exact)
    builder.append(b"abc", None, 0, None)
    assert builder.append(b"defg", None, 0, None) is None
    assert builder.append(b"def", None, 0, None) is not None
    assert builder.size == exact


def test_a_finished_batch_takes_no_more():
    builder = BatchBuilder(1000)
    builder.append(b"x", None, 0, None)
    view = builder.finish()
    before = bytes(view)
    assert builder.append(b"y", None, 0, None) is None
    assert bytes(view) == before
    with pytest.raises(RuntimeError):
        builder.finish()


def test_an_empty_batch_cannot_be_finished():
    with pytest.raises(ValueError, match="without records"):
        BatchBuilder(1000).finish()


@pytest.mark.parametrize(
    ("value", "key", "headers", "names"),
    [
        ("text", None, None, "value must be bytes-like or None, not str; encode it first"),
        (b"", 5, None, "key must be bytes-like or None, not int"),
        (b"", None, [(b"h", b"")], "a header's name must be str, not bytes"),
        (b"", None, [("h", "text")], "header 'h' must be bytes-like or None, not str"),
    ],
)
def test_what_is_not_bytes_like_is_named_and_nothing_is_written(value, key, headers, names):
    builder = BatchBuilder(1000)
    with pytest.raises(TypeError, match=names):
        builder.append(value, key, 0, headers)
    assert builder.count == 0


def test_a_delivery_asks_its_owner():
    owner = Owner()
    builder = BatchBuilder(1000, owner)
    builder.append(b"a", None, 0, None)
    delivery = builder.append(b"b", None, 0, None)
    assert delivery.owner is owner
    assert (delivery.index, delivery.count, delivery.offset) == (1, 1, 101)
    assert (delivery.done, delivery.topic, delivery.partition) == (True, "flights", 3)
    assert delivery.durability == "fsynced"
    assert delivery.result(2.5) == 101
    assert (owner.waited, owner.asked) == (2.5, 1)
    assert "flights" in repr(delivery)


def test_a_delivery_of_a_whole_batch_counts_its_records():
    assert Delivery(Owner()).count == 7
    assert Delivery(Owner(), 2, 3).offset == 102


@pytest.mark.parametrize("unknown", [None, -1])
def test_an_offset_that_is_not_known_is_minus_one(unknown):
    owner = Owner()
    owner.base_offset = unknown
    assert Delivery(owner, 5).offset == -1


def test_a_record_of_a_batch_that_was_cut_asks_its_part():
    class Part(Owner):
        base_offset, first, durability = 300, 4, "written"

    class Whole(Owner):
        def part(self, index: int) -> Owner:
            return Part() if index >= 4 else self

    assert [Delivery(Whole(), index, 1).offset for index in (3, 4, 6)] == [103, 300, 302]
    assert Delivery(Whole(), 5, 1).durability == "written"
    assert Delivery(Whole()).offset == 100


def test_a_delivery_raises_its_owners_error():
    owner = Owner()
    owner.error = TimeoutError("late")
    with pytest.raises(TimeoutError, match="late"):
        Delivery(owner).result(0)


def test_replaced_records_keep_the_header_and_take_the_codec():
    source = batches.batch([b"a", b"b"], producer=(1, 2, 3), attributes=0x10)
    packed = with_records(source, 3, b"packed")
    batch.seal(packed, 1, 2, 3)
    info = batch.check(packed)
    assert info == (0, 61 + 6, -1, 0x13, 1, 1000, 1000, 1, 2, 3, 2)
    assert bytes(packed[61:]) == b"packed"


def test_only_a_known_codec_is_written():
    with pytest.raises(ValueError, match="codec 5"):
        with_records(batches.batch([b"a"]), 5, b"")


@pytest.mark.parametrize(
    ("key", "hash_"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_gives_kafkas_published_values(key, hash_):
    assert murmur2(key) == hash_
