"""The command itself: help, version, and how errors leave."""

import sys
from types import SimpleNamespace

import pytest

from bus.cli import main as main_module
from bus.cli.main import main


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A command `demo` whose `run` the test sets."""
    fake = SimpleNamespace(parser=lambda: SimpleNamespace(read=lambda rest: rest))
    monkeypatch.setitem(sys.modules, "bus.cli.demo", fake)
    return fake


def raising(error: BaseException):
    def run(_args):
        raise error

    return run


def test_help_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in main_module.COMMANDS)


def test_no_command_is_a_mistake() -> None:
    assert main([]) == 2


def test_the_version_is_that_of_the_distribution(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("busd ")


def test_an_unknown_command_is_refused_with_the_nearest_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["prodcue"]) == 2
    assert capsys.readouterr().err == ("busd: There is no command prodcue. Did you mean produce?\n")


def test_the_commands_exit_code_is_ours(command: SimpleNamespace) -> None:
    command.run = lambda _args: 1
    assert main(["demo"]) == 1


def test_ctrl_c_leaves_without_a_word(
    command: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    command.run = raising(KeyboardInterrupt())
    assert (main(["demo"]), capsys.readouterr().err) == (130, "")


def test_an_error_is_one_line(command: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    command.run = raising(OSError("The port 1 is taken."))
    assert (main(["demo"]), capsys.readouterr().err) == (2, "busd: The port 1 is taken.\n")


def test_a_mistake_of_ours_keeps_its_traceback(command: SimpleNamespace) -> None:
    command.run = raising(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        main(["demo"])
