"""Which partition a name belongs to: Kafka's answer, computed here."""

import pytest

from bus.model.hashing import coordinator_partition, java_hash


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", 0),
        ("hello", 99162322),
        ("polygenelubricants", -(2**31)),
        ("\N{GREEK SMALL LETTER ALPHA}", 945),
        ("\N{GRINNING FACE}", 1772899),
    ],
)
def test_a_hash_is_javas(text: str, value: int) -> None:
    assert java_hash(text) == value


def test_the_one_hash_without_an_absolute_value_is_zero() -> None:
    assert coordinator_partition("polygenelubricants", 50) == 0


def test_a_negative_hash_counts_as_positive() -> None:
    assert java_hash("my-group") < 0
    assert coordinator_partition("my-group", 50) == -java_hash("my-group") % 50
