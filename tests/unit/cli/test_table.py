"""Tables as text."""

import pytest

from bus.cli.table import print_table


def test_columns_are_aligned_and_numbers_stand_right(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("Title", ["name", "count"], [["a", 1234], ["bcdef", 5]])
    assert capsys.readouterr().out == "Title\nname   count\na      1,234\nbcdef      5\n"


def test_an_empty_table_is_its_head(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("", ["name"], [])
    assert capsys.readouterr().out == "name\n"
