"""What is to be sent, by the options."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from bus.cli.failure import UserError
from bus.cli.produce import open_source, parser


def values(*arguments: str) -> list[bytes | None]:
    with ExitStack() as stack:
        source = open_source(parser().read(["t", *arguments]), stack)
        return [value for chunk in source.chunks for value in chunk.values]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("x.csv", "a\n1\n", [b'{"a":"1"}']),
        ("x.ndjson", '{"a":1}\n', [b'{"a":1}']),
        ("x.jsonl", '{"a":1}\n', [b'{"a":1}']),
        ("x.log", "a\n1\n", [b"a", b"1"]),
    ],
)
def test_the_ending_tells_the_format(
    tmp_path: Path, name: str, text: str, expected: list[bytes]
) -> None:
    (tmp_path / name).write_text(text)
    assert values(str(tmp_path / name)) == expected


def test_an_option_tells_the_format(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("a\n1\n")
    assert values(str(tmp_path / "x.txt"), "--format", "csv", "--value", "a") == [b"1"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--key-column", "a"], "Lines have no columns"),
        (["--format", "csv", "--key-separator", "="], "--key-separator is for lines"),
        (["--key-separator", ""], "--key-separator is empty"),
        (["--format", "parquet"], "not from standard input"),
    ],
)
def test_options_that_contradict_each_other_are_refused(arguments: list[str], why: str) -> None:
    with pytest.raises(UserError, match=why):
        values(*arguments)


def test_a_missing_file_is_an_error_of_the_system() -> None:
    with pytest.raises(FileNotFoundError):
        values("/no/such/file.csv")
