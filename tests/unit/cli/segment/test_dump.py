"""Batches and records as lines."""

import json
from pathlib import Path

import pytest

from bus.cli.segment import dump
from bus.cli.segment.dump import time_text
from tests.unit.cli.segment.conftest import options


def lines(capsys: pytest.CaptureFixture[str], path: Path, **given: object) -> list[str]:
    assert dump.run(options(path, **given)) == 0
    return capsys.readouterr().out.splitlines()


def test_a_batch_is_a_line(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head, first, *rest = lines(capsys, data)
    assert head.endswith("/0: 2 segments")
    assert first.startswith("  offsets 0 to 0, at byte 0, size ")
    assert len(rest) == 2


def test_a_record_is_a_line_of_json(last: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = lines(capsys, last.parent, records=True, start=2)
    record = json.loads(line)
    assert (record["offset"], record["key"], record["value"]) == (2, "k", "c")
    assert record["timestamp"] == 1000


def test_max_ends_in_the_middle(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(lines(capsys, data, records=True, max=2)) == 2


def test_what_is_no_batch_is_said(last: Path, capsys: pytest.CaptureFixture[str]) -> None:
    last.write_bytes(last.read_bytes()[:-1])
    assert "at byte 0, offset 2: " in lines(capsys, last)[-1]


def test_a_time_beyond_the_calendar_is_a_number() -> None:
    assert time_text(2**62) == str(2**62)
