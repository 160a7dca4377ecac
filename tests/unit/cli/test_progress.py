"""Progress where there is no terminal."""

import pytest

from bus.cli.progress import bars


def test_without_a_terminal_each_piece_of_work_ends_in_a_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with bars() as shown:
        shown.add("read", 2000, "rows").advance(1500)
    assert capsys.readouterr().err.startswith("read: 1,500 rows in ")


def test_where_the_work_failed_nothing_is_said_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        with bars() as shown:
            shown.add("read", None, "rows")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert capsys.readouterr().err == ""
