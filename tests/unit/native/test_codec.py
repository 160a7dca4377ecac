"""Does a program refuse a table that it could not run safely?"""

from dataclasses import dataclass

import pytest

from bus.native.codec import Program


@dataclass(slots=True)
class One:
    x: int = 0


@dataclass
class Slotless:
    x: int = 0


def row(name="x", kind="int32", element=None, nullable=False, tag=-1):
    return (name, kind, element, nullable, tag, 0, None)


def test_the_fewest_bytes_of_a_struct_are_known():
    assert Program(One, False, (row(kind="int64"),)).size_min == 8
    assert Program(One, True, (row(kind="int64"),)).size_min == 9
    assert Program(One, False, (row(kind="string"),)).size_min == 2
    assert Program(One, True, (row(kind="string"),)).size_min == 2
    assert Program(One, False, (row(kind="array", element="int32"),)).size_min == 4
    inner = Program(One, False, (row(kind="int64"),))
    assert Program(One, False, (row(kind="struct", element=inner),)).size_min == 8
    assert Program(One, False, (row(kind="struct", element=inner, nullable=True),)).size_min == 1


def test_structs_nest_only_so_deep():
    program = Program(One, False, (row(),))
    for _ in range(15):
        program = Program(One, False, (row(kind="struct", element=program),))
    with pytest.raises(AssertionError, match="nests too deep"):
        Program(One, False, (row(kind="struct", element=program),))


@pytest.mark.parametrize(
    ("table", "compact", "rows", "message"),
    [
        (Slotless, False, (row(),), "not a slot"),
        (One, False, (row(tag=0),), "cannot be tagged"),
        (One, True, (row(kind="records", tag=0),), "cannot be tagged"),
        (One, True, (row(tag=1), row(tag=1)), "tags ascend"),
    ],
)
def test_an_impossible_table_is_refused(table, compact, rows, message):
    with pytest.raises((AssertionError, AttributeError, TypeError), match=message):
        Program(table, compact, rows)


def test_an_unknown_kind_is_refused():
    with pytest.raises(KeyError):
        Program(One, False, (row(kind="int37"),))
