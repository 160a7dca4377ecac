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


def test_nobody_is_known_at_first(tmp_path: Path) -> None:
    assert MemberDirectory(tmp_path).urls() == []


def test_the_members_are_known_again_at_the_next_start(tmp_path: Path) -> None:
    MemberDirectory(tmp_path).note_urls(["http://a:1", "https://b:2"])
    MemberDirectory(tmp_path).note_urls(["http://a:1", "https://c:2"])
    assert MemberDirectory(tmp_path).urls() == ["http://a:1", "https://c:2"]


def test_what_is_no_url_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "urls").write_bytes(b"http://a:1\n\xff\xfe\nfile:///etc/passwd\n")
    assert MemberDirectory(tmp_path).urls() == ["http://a:1"]
