"""What a coordination store takes, and what nobody of ours may ask of it."""

import pytest

from bus.adapters.store_limits import objection
from bus.model.limits import (
    KEY_BYTES_MAX,
    TRANSACTION_KEYS_MAX,
    TRANSACTION_WRITES_MAX,
    VALUE_BYTES_MAX,
)
from bus.ports import Write

FULL = bytes(VALUE_BYTES_MAX)


@pytest.mark.parametrize(
    ("writes", "guards"),
    [
        ([Write("k" * KEY_BYTES_MAX, FULL)], {}),
        ([Write(f"k{n}", b"") for n in range(TRANSACTION_WRITES_MAX)], {"g": 0}),
        ([Write("k", None, 3)], {f"g{n}": 0 for n in range(TRANSACTION_KEYS_MAX - 1)}),
    ],
)
def test_what_is_at_its_limit_is_taken(writes: list[Write], guards: dict[str, int]) -> None:
    assert objection(writes, guards) is None


@pytest.mark.parametrize(
    ("writes", "guards", "sentence"),
    [
        ([Write("k" * (KEY_BYTES_MAX + 1), b"")], {}, "key has 513 bytes; 512 are allowed"),
        ([Write("k", b"")], {"g" * 600: 0}, "key has 600 bytes"),
        ([Write("k", FULL + b"x")], {}, "value of k has 262145 bytes; 262144 are allowed"),
        ([Write(f"k{n}", b"") for n in range(101)], {}, "writes 101 keys of 101"),
        ([Write("k", b"")], {f"g{n}": 0 for n in range(120)}, "writes 1 keys of 121"),
        ([Write(f"k{n}", FULL) for n in range(4)], {}, "1048584 bytes; 1048576 are allowed"),
    ],
)
def test_what_is_above_it_is_refused(
    writes: list[Write], guards: dict[str, int], sentence: str
) -> None:
    refusal = objection(writes, guards)
    assert refusal is not None
    assert sentence in str(refusal)


@pytest.mark.parametrize(
    ("writes", "guards"),
    [
        ([], {"g": 0}),
        ([Write("a", b""), Write("a", b"")], {}),
        ([Write("a", b"")], {"a": 0}),
        ([Write("a", None)], {}),
        ([Write("a", b"", -1)], {}),
        ([Write("", b"")], {}),
        ([Write("\u00e4", b"")], {}),
        ([Write("a\n", b"")], {}),
    ],
)
def test_what_nobody_of_ours_asks_for_is_a_bug(writes: list[Write], guards: dict[str, int]) -> None:
    with pytest.raises(AssertionError):
        objection(writes, guards)
