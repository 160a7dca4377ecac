"""The account of the topics that are only kept sees whatever is not as it was."""

import pytest

from tests.chaos.kept import RECORDS, value_of, verdict

SOUND = [value_of("t", number) for number in range(RECORDS)]


def test_what_is_as_it_was_is_well() -> None:
    assert verdict("t", SOUND) == []


@pytest.mark.parametrize(
    "found",
    [
        SOUND[:-1],
        SOUND[1:],
        [*SOUND, SOUND[-1]],
        [SOUND[1], SOUND[0], *SOUND[2:]],
        [value_of("u", 0), *SOUND[1:]],
    ],
    ids=[
        "the last is lost",
        "the first is lost",
        "one comes twice",
        "two are swapped",
        "a stranger",
    ],
)
def test_whatever_else_is_told(found: list[bytes]) -> None:
    assert len(verdict("t", found)) == 1
