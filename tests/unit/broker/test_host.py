"""What a broker sees of its machine, and whether two directories share a disk."""

from bus.broker.host import look, shares_disk


def test_open_files_are_seen_with_their_limit(tmp_path):
    facts = look("", [str(tmp_path)])
    assert 0 < facts.open_files < facts.open_files_max


def test_without_a_member_of_etcd_there_is_no_disk_to_share(tmp_path):
    assert look("", [str(tmp_path)]).etcd_on_data_disk is None


def test_a_directory_shares_the_disk_that_it_is_on(tmp_path):
    etcd = tmp_path / "etcd"
    etcd.mkdir()
    assert shares_disk(str(etcd), ["/proc", str(tmp_path)]) is True


def test_another_filesystem_is_not_shared(tmp_path):
    assert shares_disk("/proc", [str(tmp_path)]) is False


def test_of_a_directory_that_is_not_there_nothing_is_known(tmp_path):
    assert shares_disk(str(tmp_path / "no"), [str(tmp_path)]) is None
