"""The directory of a member of etcd."""

from pathlib import Path

from bus.adapters.etcd.directory import MemberDirectory


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
