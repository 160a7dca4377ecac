"""What `busd group` understands, and how it spells partitions."""

import pytest

from bus.cli.failure import UserError
from bus.cli.group import _spelt, parser


def test_partitions_are_spelt_as_they_are_read() -> None:
    assert _spelt((("t", 0), ("t", 1), ("u", 2))) == "t:0,1 u:2"


@pytest.mark.parametrize(
    "arguments",
    [["reset-offsets", "g"], ["reset-offsets", "g", "--to-earliest", "--shift-by", "1"]],
)
def test_a_reset_has_exactly_one_destination(arguments: list[str]) -> None:
    with pytest.raises(UserError):
        parser().read(arguments)


@pytest.mark.parametrize("command", ["list", "describe", "reset-offsets", "delete"])
def test_help_has_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().read([command, "--help"])
    assert f"  busd group {command}" in capsys.readouterr().out
