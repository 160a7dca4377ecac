"""Two workers share the files of tests as the table says, and nothing is left out."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.side_by_side import ALONE, BEGUN_FIRST, SideBySide, place_of

ROOT = Path(__file__).parents[2]
LAST = next(iter(ALONE))
LONG, QUICK, QUICKER = BEGUN_FIRST[0], "tests/quick.py", "tests/quicker.py"
TESTS = [f"{name}::test_{n}" for name in (LONG, QUICK, QUICKER, LAST) for n in range(4)]


class Worker:
    """Stands for a process: has what it was told to run, and runs it when asked."""

    def __init__(self) -> None:
        self.queue: list[int] = []
        self.shutting_down = False
        self.gateway = SimpleNamespace(id="worker")

    def shutdown(self) -> None:
        self.shutting_down = True

    def send_runtest_some(self, indices: list[int]) -> None:
        assert not self.shutting_down
        self.queue += indices

    def may_run(self) -> bool:
        """It begins its last test when it knows that it is the last, or what comes next."""
        return len(self.queue) > (0 if self.shutting_down else 1)


@pytest.fixture
def workers() -> list[Worker]:
    return [Worker(), Worker()]


@pytest.fixture
def shared(workers: list[Worker]) -> SideBySide:
    option = SimpleNamespace(loadscopereorder=True)
    config = SimpleNamespace(option=option, getvalue=lambda _: ["popen"] * len(workers))
    shared = SideBySide(config)
    for worker in workers:
        shared.add_node(worker)
        shared.add_node_collection(worker, TESTS)
    shared.schedule()
    return shared


def run(shared: SideBySide, worker: Worker) -> str:
    index = worker.queue.pop(0)
    shared.mark_test_complete(worker, index)
    return TESTS[index]


@pytest.mark.parametrize("name", [*BEGUN_FIRST, *ALONE])
def test_a_file_of_the_table_exists(name: str) -> None:
    assert (ROOT / name).exists()


def test_long_ones_are_begun_first_and_those_that_are_alone_last() -> None:
    names = sorted([LAST, QUICK, *reversed(BEGUN_FIRST)], key=lambda name: place_of(f"{name}::a"))
    assert names == [*BEGUN_FIRST, QUICK, LAST]


@pytest.mark.parametrize("faster", [0, 1])
def test_all_is_run_and_who_is_alone_begins_when_the_other_has_ended(
    shared: SideBySide, workers: list[Worker], faster: int
) -> None:
    ran = []
    while able := [worker for worker in workers if worker.may_run()]:
        worker = workers[faster] if workers[faster] in able else able[0]
        if TESTS[worker.queue[0]].startswith(LAST):
            (other,) = [one for one in workers if one is not worker]
            assert other.shutting_down
            assert not other.queue
        ran.append(run(shared, worker))
    assert sorted(ran) == sorted(TESTS)
    assert ran[-4:] == TESTS[-4:]
    assert all(worker.shutting_down for worker in workers)
