"""The directory of a member of etcd."""

import itertools
import os
from pathlib import Path

import pytest

from bus.adapters.etcd import directory
from bus.adapters.etcd.directory import MemberDirectory


class Disk:
    """Each fdatasync takes what it is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *took_ms: float) -> None:
        self.count = 0
        self._took_ms = itertools.chain(took_ms, itertools.repeat(took_ms[-1]))
        self._now = 0.0
        monkeypatch.setattr(os, "fdatasync", self._sync, raising=False)
        monkeypatch.setattr(directory.time, "perf_counter", lambda: self._now)

    def _sync(self, handle: int) -> None:
        self.count += 1
        self._now += next(self._took_ms) / 1000


def test_a_new_one_is_made_and_holds_no_member(tmp_path: Path) -> None:
    made = MemberDirectory(tmp_path / "a" / "etcd")
    assert made.path.is_dir()
    assert not made.holds_member


def test_a_member_has_begun_with_its_log_and_not_before(tmp_path: Path) -> None:
    made = MemberDirectory(tmp_path)
    (tmp_path / "member" / "wal").mkdir(parents=True)
    assert not made.holds_member
    (tmp_path / "member" / "wal" / "0-0.wal").touch()
    assert made.holds_member


def test_one_slow_write_of_a_thousand_makes_no_slow_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch, 500, 2, 1)
    assert MemberDirectory(tmp_path).slowest_ms(10) == pytest.approx(2)
    assert disk.count == 1000
    assert not (tmp_path / "fdatasync").exists()


def test_a_slow_disk_is_known_by_its_second_slow_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch, 1, 12, 1, 500, 1)
    assert MemberDirectory(tmp_path).slowest_ms(10) == 10
    assert disk.count == 4


def test_it_is_measured_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(monkeypatch, 1)
    MemberDirectory(tmp_path).slowest_ms(10)
    assert MemberDirectory(tmp_path).slowest_ms(10) == pytest.approx(1)
    assert disk.count == 1000


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"limit_ms": 10}', b"\xff"])
def test_what_was_noted_and_cannot_be_read_is_measured_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    Disk(monkeypatch, 3)
    (tmp_path / "disk").write_bytes(content)
    assert MemberDirectory(tmp_path).slowest_ms(10) == pytest.approx(3)
