"""The I/O thread runs calls, ends in time, and is never used from a forked child."""

import os
import threading
import warnings

import pytest

from bus.adapters.io_thread import IoThread
from bus.errors import Closed, ForkedClient


@pytest.fixture
def thread():
    thread = IoThread()
    yield thread
    thread.close()


def in_a_fork(question) -> int:
    """Exit code of a child that asks `question` and exits with its answer."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 warns of threads and forks
        child = os.fork()
    if child == 0:
        try:
            os._exit(question())
        finally:
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_call_runs_on_the_thread_and_brings_its_result_back(thread) -> None:
    assert thread.call(thread.inside)
    assert not thread.inside()


def test_a_call_brings_its_error_back(thread) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        thread.call(int, "no number")


def test_a_call_made_on_the_thread_itself_does_not_wait_for_itself(thread) -> None:
    assert thread.call(lambda: thread.call(len, "four")) == 4


def test_a_call_that_timed_out_before_it_began_is_not_run(thread) -> None:
    gate, seen = threading.Event(), []
    thread.post(gate.wait)
    with pytest.raises(TimeoutError):
        thread.call(seen.append, 1, timeout=0.01)
    gate.set()
    thread.call(int)
    assert seen == []


def test_closing_runs_what_was_posted_before() -> None:
    seen = []
    thread = IoThread()
    thread.post(seen.append, 1)
    thread.close()
    assert seen == [1]


def test_a_closed_thread_takes_no_calls() -> None:
    thread = IoThread()
    thread.close()
    with pytest.raises(Closed):
        thread.post(int)


def test_closing_returns_in_time_even_if_the_thread_is_stuck() -> None:
    gate = threading.Event()
    thread = IoThread()
    thread.post(gate.wait)
    thread.close(timeout=0.01)
    gate.set()
    thread.close()


def test_closing_leaves_no_descriptors_behind() -> None:
    IoThread().close()
    before, rounds = len(os.listdir("/dev/fd")), 20
    for _ in range(rounds):
        IoThread().close()
    assert len(os.listdir("/dev/fd")) < before + rounds, "others in this process open some, too"


def test_a_process_has_one_shared_thread() -> None:
    assert IoThread.shared() is IoThread.shared()


def test_a_forked_child_is_told_that_the_handle_is_its_parents(thread) -> None:
    def question() -> int:
        try:
            thread.post(int)
        except ForkedClient:
            return 0
        return 1

    assert in_a_fork(question) == 0
    assert thread.call(int) == 0


def test_a_forked_child_gets_a_shared_thread_of_its_own() -> None:
    parents = IoThread.shared()
    assert in_a_fork(lambda: int(IoThread.shared() is parents or IoThread.shared().call(int))) == 0
