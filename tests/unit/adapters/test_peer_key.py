"""A broker's secret is made once, and kept from everybody else."""

import os
import stat

import pytest

from bus.adapters.peer_key import NAME, peer_keys
from bus.errors import BadSetting


def test_the_first_start_makes_keys_and_later_ones_find_them(tmp_path):
    keys = peer_keys(str(tmp_path))
    assert peer_keys(str(tmp_path)) == keys
    assert os.listdir(tmp_path) == [NAME]


def test_no_two_brokers_have_the_same(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
    assert peer_keys(str(tmp_path / "a")) != peer_keys(str(tmp_path / "b"))


def test_the_file_is_for_its_owner_alone_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        peer_keys(str(tmp_path))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600


def test_a_start_that_was_cut_short_leaves_nothing_that_counts(tmp_path):
    (tmp_path / f"{NAME}.new").write_text("half a k")
    keys = peer_keys(str(tmp_path))
    assert peer_keys(str(tmp_path)) == keys


def test_a_secret_that_others_may_read_is_not_used(tmp_path):
    peer_keys(str(tmp_path))
    (tmp_path / NAME).chmod(0o640)
    with pytest.raises(BadSetting, match=r"peer_key may be read by other users"):
        peer_keys(str(tmp_path))


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff" * 40, b"k" * 41, b"~" * 40])
def test_what_is_no_key_is_refused(tmp_path, content):
    path = tmp_path / NAME
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(BadSetting, match="holds no key"):
        peer_keys(str(tmp_path))


def test_a_link_in_its_place_is_not_followed(tmp_path):
    peer_keys(str(tmp_path))
    (tmp_path / NAME).rename(tmp_path / "elsewhere")
    (tmp_path / NAME).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        peer_keys(str(tmp_path))
