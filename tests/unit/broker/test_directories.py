"""Which directories belong to a broker, as its metadata remembers."""

from uuid import UUID

import pytest

from bus.broker.directories import Directories
from bus.errors import BadSetting, CorruptLog, MissingDirectory
from bus.model.keys import Keys
from tests.fixtures.memory_store import MemoryStore

KEYS = Keys("local")
A, B, C = (UUID(int=number) for number in (1, 2, 3))


@pytest.fixture
def directories() -> Directories:
    made = Directories(MemoryStore(), KEYS, 1)
    outcomes = []
    made.note({A: "/a", B: "/b"}, outcomes.append)
    assert outcomes == [None]
    return made


def test_a_new_broker_knows_none_and_takes_all() -> None:
    directories = Directories(MemoryStore(), KEYS, 1)
    assert directories.known() == {}
    assert directories.check({A: "/a"}, False) == {}


def test_known_ones_may_move(directories: Directories) -> None:
    assert directories.check({A: "/else", B: "/b"}, False) == {}


def test_a_missing_one_is_refused_by_its_path(directories: Directories) -> None:
    with pytest.raises(MissingDirectory, match=r"/b is missing.*--accept-missing-data"):
        directories.check({A: "/a"}, False)


@pytest.mark.parametrize("found", [{A: "/a"}, {}, {A: "/a", B: "/b", C: "/c"}])
def test_a_second_broker_of_one_id_is_told_so(found: dict[UUID, str]) -> None:
    store = MemoryStore()
    made = Directories(store, KEYS, 1)
    made.note({A: "/a", B: "/b"}, lambda _: None)
    store.put("/busd/local/b/1", b"{}")
    with pytest.raises(BadSetting, match=r"Broker 1 .* is running already, on /a, /b: .*--node-id"):
        made.check(found, False)


def test_a_missing_one_can_be_accepted(directories: Directories) -> None:
    assert directories.check({A: "/a"}, True) == {B: "/b"}


def test_one_of_another_broker_is_refused_whatever_is_accepted(directories: Directories) -> None:
    with pytest.raises(CorruptLog, match="/c was used by another broker"):
        directories.check({A: "/a", B: "/b", C: "/c"}, True)


def test_a_value_that_cannot_be_read_is_named(directories: Directories) -> None:
    coordination = MemoryStore()
    coordination.put("/busd/local/disks/1", b"[1]")
    with pytest.raises(CorruptLog, match="/busd/local/disks/1"):
        Directories(coordination, KEYS, 1).known()


def test_topics_without_their_metadata_are_refused_unless_accepted() -> None:
    directories = Directories(MemoryStore(), KEYS, 1)
    with pytest.raises(MissingDirectory, match=r"/a holds records .topics: 3.*`metadata`"):
        directories.check_orphans({"/a": 3}, False)
    directories.check_orphans({"/a": 3}, True)


def test_a_directory_without_topics_needs_no_metadata() -> None:
    Directories(MemoryStore(), KEYS, 1).check_orphans({"/a": 0}, False)


def test_what_a_known_directory_holds_beside_its_topics_is_no_orphan(
    directories: Directories,
) -> None:
    directories.check_orphans({"/a": 3}, False)
