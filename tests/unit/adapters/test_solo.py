"""The single node's metadata: all or nothing, across restarts, and never over a damaged file."""

import pytest

from bus.adapters.solo import Solo, decode, encode
from bus.errors import CorruptLog, StorageError


class Files:
    """The part of the Disk port that Solo uses, in memory."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.failure: OSError | None = None

    def size(self, path: str) -> int:
        if path not in self.files:
            raise FileNotFoundError(path)
        return len(self.files[path])

    def read(self, path: str, position: int, size: int) -> bytes:
        return self.files[path][position : position + size]

    def write(self, path: str, data: bytes) -> None:
        if self.failure:
            raise self.failure
        self.files[path] = bytes(data)


@pytest.fixture
def files():
    return Files()


def test_a_new_store_is_empty_at_revision_0_and_writes_nothing(files) -> None:
    solo = Solo(files)
    assert solo.get("a") is None
    assert solo.list("") == {}
    assert solo.revision == 0
    assert files.files == {}


def test_a_written_key_is_there_after_a_restart(files) -> None:
    assert Solo(files).put_if([("topics/a", b"one", 0)]) == 1
    assert Solo(files).get("topics/a") == (b"one", 1)


def test_a_key_that_has_moved_is_not_written(files) -> None:
    solo = Solo(files)
    solo.put_if([("a", b"one", 0)])
    assert solo.put_if([("a", b"two", 0)]) is None
    assert solo.get("a") == (b"one", 1)


def test_of_several_changes_all_are_written_or_none(files) -> None:
    solo = Solo(files)
    solo.put_if([("a", b"one", 0)])
    assert solo.put_if([("b", b"new", 0), ("a", b"two", 7)]) is None
    assert solo.get("b") is None
    assert solo.put_if([("b", b"new", 0), ("a", b"two", 1)]) == 2
    assert Solo(files).list("") == {"a": (b"two", 2), "b": (b"new", 2)}


def test_deleting_needs_the_revision_too(files) -> None:
    solo = Solo(files)
    solo.put_if([("a", b"one", 0)])
    assert solo.put_if([("a", None, 0)]) is None
    assert solo.put_if([("a", None, 1)]) == 2
    assert Solo(files).get("a") is None


def test_a_prefix_lists_its_keys_in_order(files) -> None:
    solo = Solo(files)
    solo.put_if([("t/b", b"2", 0), ("t/a", b"1", 0), ("u", b"3", 0)])
    assert list(solo.list("t/")) == ["t/a", "t/b"]


def test_a_failed_write_leaves_the_old_content_and_says_so(files) -> None:
    solo = Solo(files)
    solo.put_if([("a", b"one", 0)])
    files.failure = OSError("no space")
    with pytest.raises(StorageError, match="no space"):
        solo.put_if([("a", b"two", 1)])
    files.failure = None
    assert solo.get("a") == (b"one", 1)


def test_every_cut_of_the_file_is_refused_and_kept(files) -> None:
    Solo(files).put_if([("a", b"one", 0), ("b", b"two", 0)])
    whole = files.files["metadata"]
    for size in range(len(whole)):
        files.files["metadata"] = whole[:size]
        with pytest.raises(CorruptLog, match="metadata"):
            Solo(files)
        assert files.files["metadata"] == whole[:size]


def test_every_flipped_byte_is_refused(files) -> None:
    Solo(files).put_if([("a", b"one", 0), ("b", b"two", 0)])
    whole = files.files["metadata"]
    for at in range(len(whole)):
        flipped = bytearray(whole)
        flipped[at] ^= 0x41
        with pytest.raises(CorruptLog):
            decode(bytes(flipped))


def test_the_bytes_of_the_first_release_are_read_and_written() -> None:
    golden = bytes.fromhex(
        "627573646d65746100000001000000000000000500000001"
        "5a7abbd6"
        "00000000000000030000000161000000036f6e65"
    )
    assert decode(golden) == ({"a": (b"one", 3)}, 5)
    assert encode({"a": (b"one", 3)}, 5) == golden
