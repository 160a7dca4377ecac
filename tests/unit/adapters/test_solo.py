"""The single node's metadata: all or nothing, across restarts, and never over a damaged file."""

import pytest

from bus.adapters.solo import Solo, decode, encode
from bus.errors import CorruptLog, StorageError
from bus.model.limits import VALUE_BYTES_MAX
from bus.model.store_errors import StoreRefused
from bus.ports import Changes, Snapshot, Write
from tests.fixtures.asked_store import Caller, Mirror, SoloBench
from tests.fixtures.memory_store import MemoryFiles


def opened(files: MemoryFiles) -> Caller:
    bench = SoloBench(files)
    return Caller(bench, bench.solo)


@pytest.fixture
def files() -> MemoryFiles:
    return MemoryFiles()


def test_a_new_store_is_empty_at_revision_0_and_writes_nothing(files: MemoryFiles) -> None:
    solo = opened(files)
    assert solo.get("a") is None
    assert solo.list("") == Snapshot(0, {})
    assert files.files == {}


def test_a_written_key_is_there_after_a_restart(files: MemoryFiles) -> None:
    assert opened(files).put("topics/a", b"one") == 1
    assert opened(files).get("topics/a") == (b"one", 1)


def test_a_key_that_has_moved_is_not_written(files: MemoryFiles) -> None:
    solo = opened(files)
    solo.put("a", b"one")
    assert solo.put("a", b"two") is None
    assert solo.get("a") == (b"one", 1)


def test_of_several_changes_all_are_written_or_none(files: MemoryFiles) -> None:
    solo = opened(files)
    solo.put("a", b"one")
    assert solo.transact(Write("b", b"new"), Write("a", b"two", 7)) is None
    assert solo.get("b") is None
    assert solo.transact(Write("b", b"new"), Write("a", b"two", 1)) == 2
    assert opened(files).list("") == Snapshot(2, {"a": (b"two", 2), "b": (b"new", 2)})


def test_a_guard_that_has_moved_holds_the_writes_back(files: MemoryFiles) -> None:
    solo = opened(files)
    solo.put("a", b"one")
    assert solo.transact(Write("b", b"new"), guards={"a": 0}) is None
    assert solo.transact(Write("b", b"new"), guards={"a": 1, "c": 0}) == 2
    assert solo.get("a") == (b"one", 1), "a guard is not written"


def test_deleting_needs_the_revision_too(files: MemoryFiles) -> None:
    solo = opened(files)
    solo.put("a", b"one")
    assert solo.put("a", None, 7) is None
    assert solo.put("a", None, 1) == 2
    assert opened(files).get("a") is None


def test_a_prefix_lists_its_keys_in_order(files: MemoryFiles) -> None:
    solo = opened(files)
    solo.transact(Write("t/b", b"2"), Write("t/a", b"1"), Write("u", b"3"))
    assert list(solo.list("t/").entries) == ["t/a", "t/b"]


def test_keys_of_a_session_end_with_the_process_and_leave_their_revision(
    files: MemoryFiles,
) -> None:
    solo = opened(files)
    session = solo.open_session()
    solo.put("a", b"one")
    assert solo.put("b/1", b"here", session=session) == 2
    assert solo.get("b/1") == (b"here", 2)
    next_life = opened(files)
    assert next_life.list("") == Snapshot(2, {"a": (b"one", 1)})
    assert next_life.put("c", b"later") == 3, "no revision comes twice"


def test_an_ended_session_takes_its_keys_along_and_writes_no_more(files: MemoryFiles) -> None:
    solo = opened(files)
    session = solo.open_session()
    solo.transact(Write("x", b"1", 0, session), Write("y", b"2", 0, session))
    solo.put("x", b"of nobody", 1)
    session.close()
    session.close()
    assert solo.list("") == Snapshot(3, {"x": (b"of nobody", 2)})
    assert isinstance(solo.put("z", b"3", session=session), StoreRefused)


def test_a_watch_tells_what_is_there_and_then_what_changes(files: MemoryFiles) -> None:
    solo = opened(files)
    solo.put("t/a", b"1")
    mirror = Mirror(solo.store, "t/")
    solo.put("u", b"not watched")
    solo.transact(Write("t/b", b"2"), Write("t/a", None, 1))
    assert mirror.news == [
        Snapshot(1, {"t/a": (b"1", 1)}),
        Changes(3, {"t/b": b"2", "t/a": None}),
    ]
    mirror.watch.close()
    solo.put("t/c", b"3")
    assert len(mirror.news) == 2


def test_who_writes_when_told_of_news_is_answered_after_all_have_heard(files: MemoryFiles) -> None:
    solo = opened(files)
    heard: list[tuple[str, int]] = []

    def on_news(news: Snapshot | Changes) -> None:
        heard.append(("first", news.revision))
        if news.revision == 1:
            solo.store.transact([Write("b", b"2")], {}, lambda at: heard.append(("done", at)))

    solo.store.watch("", on_news)
    solo.store.watch("", lambda news: heard.append(("second", news.revision)))
    solo.put("a", b"1")
    assert heard == [
        ("first", 0), ("second", 0), ("first", 1), ("second", 1),
        ("first", 2), ("second", 2), ("done", 2),
    ]  # fmt: skip


def test_a_failed_write_leaves_the_old_content_and_says_so(files: MemoryFiles) -> None:
    solo = opened(files)
    solo.put("a", b"one")
    files.failure = OSError("no space")
    outcome = solo.put("a", b"two", 1)
    assert isinstance(outcome, StorageError)
    assert "no space" in str(outcome)
    files.failure = None
    assert solo.get("a") == (b"one", 1)


def test_a_write_that_failed_and_was_done_after_all_is_told_to_those_who_watch(
    files: MemoryFiles,
) -> None:
    solo = opened(files)
    mirror = Mirror(solo.store, "")
    files.failure, files.fails_after_writing = OSError("the directory was not synced"), True
    assert isinstance(solo.put("a", b"one"), StorageError)
    files.failure = None
    assert solo.get("a") == (b"one", 1)
    assert mirror.entries == {"a": b"one"}
    assert mirror.snapshots == 2


def test_what_is_too_large_is_refused(files: MemoryFiles) -> None:
    outcome = opened(files).put("a", bytes(VALUE_BYTES_MAX + 1))
    assert isinstance(outcome, StoreRefused)
    assert files.files == {}


def test_every_cut_of_the_file_is_refused_and_kept(files: MemoryFiles) -> None:
    opened(files).transact(Write("a", b"one"), Write("b", b"two"))
    whole = files.files["metadata"]
    for size in range(len(whole)):
        files.files["metadata"] = whole[:size]
        with pytest.raises(CorruptLog, match="metadata"):
            Solo(files)
        assert files.files["metadata"] == whole[:size]


def test_every_flipped_byte_is_refused(files: MemoryFiles) -> None:
    opened(files).transact(Write("a", b"one"), Write("b", b"two"))
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
