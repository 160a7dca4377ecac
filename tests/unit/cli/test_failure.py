"""Exit codes and sentences of what went wrong."""

import errno

import pytest

from bus.cli.failure import Failure, UserError, code_of, sentence_of
from bus.errors import (
    BrokerUnreachable,
    BusError,
    CorruptLog,
    DirectoryInUse,
    RequestTimedOut,
    UnknownTopicOrPartition,
)


@pytest.mark.parametrize("kind", [DirectoryInUse, BrokerUnreachable, UnknownTopicOrPartition])
def test_what_the_user_can_put_right_is_two(kind: type[BusError]) -> None:
    assert code_of(kind("why")) == 2


@pytest.mark.parametrize("error", [CorruptLog(), RequestTimedOut(), Failure("lost")])
def test_what_the_user_cannot_put_right_is_one(error: Exception) -> None:
    assert code_of(error) == 1


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (UserError("No."), "No."),
        (DirectoryInUse("Busy."), "Busy."),
        (FileNotFoundError(errno.ENOENT, "No such file", "a"), "There is no file or directory a."),
        (
            PermissionError(errno.EACCES, "Permission denied", "a"),
            "a may not be read or written: Permission denied.",
        ),
        (IsADirectoryError(errno.EISDIR, "Is a directory", "a"), "a: Is a directory."),
        (OSError("The port 1 is taken."), "The port 1 is taken."),
    ],
)
def test_an_error_becomes_one_sentence(error: Exception, sentence: str) -> None:
    assert sentence_of(error) == sentence


def test_a_mistake_of_ours_has_no_sentence() -> None:
    assert sentence_of(ZeroDivisionError()) is None
