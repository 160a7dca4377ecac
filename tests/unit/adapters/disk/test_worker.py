"""The native threads: order, back-pressure, and what a fork does to them."""

import os

import pytest

from bus.adapters.disk.job import write_job
from bus.adapters.disk.worker import Engine


@pytest.fixture
def engine():
    engine = Engine()
    yield engine
    engine.stop()


def test_jobs_of_one_thread_finish_in_order(engine, tmp_path):
    jobs = [write_job(str(tmp_path / str(i)), b"x", False, None) for i in range(100)]
    for job in jobs:
        assert engine.submit(2, job)
    finished = []
    while len(finished) < 100:
        assert engine.wait(30)
        finished += engine.drain()
    assert finished == jobs
    assert engine.busy == 0


def test_a_full_queue_is_refused_not_grown(engine, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    blocker = write_job(str(tmp_path / "fifo"), b"", False, None)  # opens when a reader comes
    assert engine.submit(2, blocker)
    accepted = sum(
        engine.submit(2, write_job(str(tmp_path / "f"), b"", False, None)) for _ in range(500)
    )
    os.close(os.open(tmp_path / "fifo", os.O_RDONLY))  # first, or stopping would wait for ever
    assert 255 <= accepted <= 257  # 255 if the blocker itself was still queued


def test_join_finishes_the_queue_first(engine, tmp_path):
    engine.submit(2, write_job(str(tmp_path / "file"), b"content", True, None))
    engine.join()
    assert (tmp_path / "file").read_bytes() == b"content"
    assert len(engine.drain()) == 1


def test_an_error_comes_back_with_the_job(engine, tmp_path):
    engine.submit(2, write_job(str(tmp_path / "absent" / "file"), b"", True, None))
    engine.join()
    assert isinstance(engine.drain()[0].error, FileNotFoundError)


def test_a_stopped_engine_refuses(engine, tmp_path):
    engine.stop()
    with pytest.raises(ValueError, match="closed"):
        engine.submit(2, write_job(str(tmp_path / "file"), b"", True, None))


def test_a_forked_child_is_refused_and_may_drop_the_engine(engine, tmp_path):
    engine.submit(2, write_job(str(tmp_path / "file"), b"", True, None))
    engine.join()
    child = os.fork()
    if child == 0:
        try:
            engine.submit(2, write_job(str(tmp_path / "other"), b"", True, None))
        except ValueError:
            engine.stop()
            os._exit(7)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
