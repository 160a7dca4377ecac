"""What is damage, what is a torn tail, and what is nothing."""

import struct
from pathlib import Path

import pytest

from bus.cli.segment import verify
from bus.cli.segment.files import find
from bus.cli.segment.verify import Finding, examine
from tests.unit.cli.segment.conftest import options


def examined(data: Path, durable_end: int | None = None) -> Finding:
    (files,) = find(options(data))
    return examine(files, durable_end)


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def test_whole_segments_are_good(data: Path) -> None:
    finding = examined(data)
    assert (finding.verdict, finding.records) == ("good", 3)
    assert (finding.start_offset, finding.end_offset) == (0, 3)


def test_allocated_zeroes_behind_the_end_are_good(data: Path, last: Path) -> None:
    last.write_bytes(last.read_bytes() + bytes(4096))
    assert examined(data).verdict == "good"


def test_a_flipped_bit_in_a_closed_segment_is_damage(data: Path, first: Path) -> None:
    flip(first, 65)
    (sentence, *_) = examined(data).damage
    assert "at byte 0, offset 0" in sentence


def test_a_torn_tail_of_the_active_segment_is_a_note(data: Path, last: Path) -> None:
    last.write_bytes(last.read_bytes()[:-1])
    finding = examined(data)
    assert (finding.damage, "a torn tail" in finding.notes[0]) == ([], True)


def test_a_torn_tail_below_the_durable_end_is_damage(data: Path, last: Path) -> None:
    last.write_bytes(last.read_bytes()[:-1])
    assert examined(data, durable_end=3).verdict == "damaged"


def test_zeroes_below_the_durable_end_are_damage(data: Path, last: Path) -> None:
    last.write_bytes(bytes(4096))
    assert examined(data, durable_end=3).verdict == "damaged"


def test_a_missing_segment_is_damage(data: Path, first: Path, last: Path) -> None:
    last.rename(last.with_name(f"{9:020}.log"))
    assert "the offsets 2 to 9 are missing" in examined(data).damage[0]


def test_a_loss_that_was_accepted_is_no_damage(data: Path, first: Path) -> None:
    first.rename(first.with_name(f"{0:020}-{2:020}.lost"))
    assert examined(data).verdict == "good"


def test_an_index_that_leads_nowhere_is_a_note(data: Path, first: Path) -> None:
    first.with_suffix(".index").write_bytes(struct.pack(">ii", 0, 5))
    finding = examined(data)
    assert (finding.damage, "contradicts its segment" in finding.notes[0]) == ([], True)


@pytest.mark.parametrize(("damaged", "code"), [(False, 0), (True, 1)])
def test_the_exit_code_tells_damage(
    data: Path, first: Path, damaged: bool, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    if damaged:
        flip(first, 65)
    assert verify.run(options(data)) == code
    assert ("damaged" in capsys.readouterr().out) == damaged


def test_a_loss_that_was_accepted_at_the_end_of_a_segment_is_no_damage(
    data: Path, first: Path
) -> None:
    first.write_bytes(b"")
    first.with_name(f"{0:020}-{2:020}.lost").touch()
    assert examined(data, durable_end=3).verdict == "good"
