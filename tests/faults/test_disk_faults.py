"""A real `busd` on a disk that fails (F7): it never acknowledges what is not safe."""

import contextlib
import errno
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import bus
from bus.errors import BusError
from tests.crash.daemon import Daemon
from tests.faults.shim import HALF, Faults
from tests.fixtures.waiting import wait_until

TOPIC = "t"
PATIENT_MS, HASTY_MS = 60_000, 1500  # to deliver what must arrive, and what must not
NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faults]:
    made = Faults(tmp_path_factory.mktemp("shim"))
    yield made
    made.close()


@pytest.fixture
def daemon(tmp_path: Path, faults: Faults) -> Iterator[Daemon]:
    faults.heal()
    made = Daemon(tmp_path / "data", "--accept-filesystem", environment=faults.environment)
    with made, bus.Admin(made.url) as admin:
        admin.create_topic(TOPIC, 1, config={"segment.bytes": "100000", "flush": "group"})
        yield made
    faults.heal()


class Writer:
    """Sends numbered records one by one, and knows which were acknowledged."""

    def __init__(self, url: str, partition: int = 0) -> None:
        self._patient, self._hasty = (
            bus.Producer(url, linger_ms=0, delivery_timeout_ms=ms) for ms in (PATIENT_MS, HASTY_MS)
        )
        self._partition = partition
        self._number = next(NUMBERS)
        self.sent = 0
        self.acknowledged: list[bytes] = []

    def send(self, count: int = 1, size: int = 10) -> None:
        """All of them are acknowledged."""
        for _ in range(count):
            self._send(self._patient, size)

    def is_refused(self, size: int = 10) -> bool:
        """Is one more not acknowledged?"""
        try:
            self._send(self._hasty, size)
        except BusError:
            return True
        return False

    def _send(self, producer: bus.Producer, size: int) -> None:
        value = b"%d/%d" % (self._number, self.sent) + b"." * size
        self.sent += 1
        producer.send(TOPIC, value, partition=self._partition).result(2 * PATIENT_MS / 1000)
        self.acknowledged.append(value)

    def close(self) -> None:
        for producer in (self._patient, self._hasty):
            with contextlib.suppress(BusError):  # of what could not be delivered: told already
                producer.close()


@pytest.fixture
def writer(daemon: Daemon) -> Iterator[Writer]:
    made = Writer(daemon.url)
    yield made
    made.close()


def values(url: str, count: int, partition: int = 0) -> list[bytes]:
    """The first `count` records, waiting for them."""
    found: list[bytes] = []
    with bus.Consumer(url) as consumer:
        consumer.assign([(TOPIC, partition)])
        consumer.seek(TOPIC, partition, 0)
        while len(found) < count:
            batch = consumer.poll_batch(timeout=60)
            assert len(batch), f"{len(found)} of {count} records"
            found += batch.values
    return found


def all_there(daemon: Daemon, writer: Writer) -> bool:
    """Are all acknowledged records there, in order, and no other than those that were sent?"""
    with bus.Admin(daemon.url) as admin:
        end = admin.offsets(TOPIC)[0]
    found = values(daemon.url, end)
    kept = [value for value in found if value in set(writer.acknowledged)]
    return kept == writer.acknowledged and len(found) == len(set(found))


def nothing_comes(consumer: bus.Consumer) -> bool:
    """Is there an error, or silence?"""
    try:
        return len(consumer.poll_batch(timeout=2)) == 0
    except BusError:
        return True


@pytest.mark.parametrize("times", [1, -1])
def test_after_a_failed_sync_nothing_is_acknowledged_until_a_restart(
    daemon: Daemon, faults: Faults, writer: Writer, times: int
) -> None:
    writer.send(20)
    faults.fail("sync", errno.EIO, times=times, part=".log")
    assert writer.is_refused()
    assert wait_until(lambda: faults.hits("sync") >= 1)
    faults.heal()  # the kernel would call the next one a success
    assert writer.is_refused()
    assert len(writer.acknowledged) == 20
    daemon.kill()
    daemon.start()
    fresh = Writer(daemon.url)
    fresh.send(3)
    fresh.close()
    assert all_there(daemon, writer)


def test_a_clean_stop_after_a_failed_sync_is_not_taken_for_one(
    daemon: Daemon, faults: Faults, writer: Writer, tmp_path: Path
) -> None:
    writer.send(5)
    faults.fail("sync", errno.EIO, times=1, part=".log")
    assert writer.is_refused()
    assert daemon.stop() == 0
    assert not (tmp_path / "data" / "clean_shutdown").exists()
    daemon.start()
    assert all_there(daemon, writer)


def test_a_write_error_fences_the_disk(daemon: Daemon, faults: Faults, writer: Writer) -> None:
    writer.send(5)
    faults.fail("write", errno.EIO, times=1, part=".log")
    assert writer.is_refused()
    faults.heal()
    assert writer.is_refused()
    daemon.kill()
    daemon.start()
    assert all_there(daemon, writer)


def test_a_flush_journal_that_fails_fences_the_disk(
    daemon: Daemon, faults: Faults, writer: Writer
) -> None:
    writer.send(5)
    faults.fail("write", errno.EIO, times=1, part="flush.journal")
    assert wait_until(writer.is_refused)
    faults.heal()
    daemon.kill()
    daemon.start()
    assert all_there(daemon, writer)


def test_short_writes_are_completed(daemon: Daemon, faults: Faults, writer: Writer) -> None:
    faults.fail("write", HALF, part=".log")
    writer.send(20, 1000)
    assert faults.hits("write") >= 20
    faults.heal()
    assert all_there(daemon, writer)


@pytest.mark.parametrize("kind", ["allocate", "write"])
def test_a_full_disk_refuses_and_takes_writes_again_by_itself(
    daemon: Daemon, faults: Faults, writer: Writer, kind: str
) -> None:
    writer.send(5)
    faults.fail(kind, errno.ENOSPC, part="topics")
    while not (writer.is_refused(3000) and faults.hits(kind)):
        assert len(writer.acknowledged) < 100, "an active segment has no more room than that"
    assert values(daemon.url, 5)
    faults.heal()
    again = Writer(daemon.url)
    again.send(50, 3000)
    again.close()
    assert all_there(daemon, writer)


def forget(data: Path) -> None:
    """Let no closed segment be in memory: else nobody would read the disk."""
    for path in data.rglob("*.log"):
        fd = os.open(path, os.O_RDONLY)
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)


def test_a_read_error_is_told_and_the_rest_is_served(
    daemon: Daemon, faults: Faults, writer: Writer, tmp_path: Path
) -> None:
    writer.send(50, 5000)  # some closed segments
    forget(tmp_path / "data")
    faults.fail("read", errno.EIO, part=".log")
    with bus.Consumer(daemon.url) as consumer:
        consumer.assign([(TOPIC, 0)])
        consumer.seek(TOPIC, 0, 0)
        assert nothing_comes(consumer)
    assert faults.hits("read") >= 1
    writer.send()
    faults.heal()
    assert all_there(daemon, writer)


def test_one_failing_disk_of_two_leaves_the_other_serving(tmp_path: Path, faults: Faults) -> None:
    faults.heal()
    one, two = tmp_path / "one", tmp_path / "two"
    arguments = ("--accept-filesystem", "--data", str(two))
    with Daemon(one, *arguments, environment=faults.environment) as daemon:
        with bus.Admin(daemon.url) as admin:
            admin.create_topic(TOPIC, 2)
        writers = [Writer(daemon.url, partition) for partition in (0, 1)]
        for writer in writers:
            writer.send(5)
        bad = 0 if list(one.glob("topics/*/0")) else 1
        good = 1 - bad
        faults.fail("sync", errno.EIO, part=f"{one}/topics")
        assert writers[bad].is_refused()
        writers[good].send(5)
        assert len(values(daemon.url, 10, good)) == 10
        faults.heal()
        daemon.kill()
        daemon.start()
        assert values(daemon.url, 5, bad)[:5] == writers[bad].acknowledged
        for writer in writers:
            writer.close()
