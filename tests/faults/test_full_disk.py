"""A real `busd` on a small filesystem that fills up: refused writes, whole records, recovery."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

import bus
from bus.errors import BusError
from perf.daemon import free_port
from tests.crash.daemon import Daemon
from tests.crash.volume import run

SIZE = 40 << 20
FILLER = 8 << 20
VALUE = b"." * 10_000
RECORDS = 50  # a call
PATIENT_MS, HASTY_MS = 60_000, 1000  # for what must be written, and for what is not going to be


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A tmpfs with a file in it that can be removed to make room."""
    if os.geteuid() != 0:
        pytest.skip("mounting a volume needs root")
    path = tmp_path / "small"
    path.mkdir()
    try:
        run("mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", path)
    except OSError:
        pytest.skip("this machine mounts no tmpfs")
    try:
        (path / "filler").write_bytes(b"x" * FILLER)
        yield path
    finally:
        run("umount", path)


def room(path: Path) -> int:
    """Bytes that are free there."""
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


def is_full(page: str) -> bool:
    """As the metrics at this address tell."""
    with urlopen(f"http://{page}/metrics") as answer:
        text = answer.read().decode()
    full = next(line for line in text.splitlines() if line.startswith("busd_directory_full{"))
    return full.endswith(" 1.0")


class Bulk:
    """Calls of RECORDS records; how many were acknowledged."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.acknowledged = 0

    def send(self, timeout_ms: int) -> bool:
        producer = bus.Producer(self.url, linger_ms=0, delivery_timeout_ms=timeout_ms)
        try:
            producer.send_batch("t", [VALUE] * RECORDS).result(2 * timeout_ms / 1000)
        except BusError:
            return False
        finally:
            with contextlib.suppress(BusError):
                producer.close()
        self.acknowledged += RECORDS
        return True

    def until_refused(self, is_full: Callable[[], bool]) -> None:
        """Else a call that is not acknowledged means that the disk is slow."""
        while self.send(HASTY_MS) or not is_full():
            assert self.acknowledged * len(VALUE) < SIZE, "more was written than there is room"

    def read(self) -> int:
        """How many records there are; all of them are whole."""
        count = 0
        with bus.Admin(self.url) as admin, bus.Consumer(self.url) as consumer:
            end = admin.offsets("t")[0]
            consumer.assign([("t", 0)])
            consumer.seek("t", 0, 0)
            while count < end:
                batch = consumer.poll_batch(timeout=60)
                assert set(batch.values) == {VALUE}
                count += len(batch)
        return count


@pytest.mark.parametrize("reserve", ["log.reserve.percent=5", "log.reserve.percent=0"])
def test_a_full_disk_refuses_writes_and_takes_them_again_when_there_is_room(
    small: Path, reserve: str
) -> None:
    """With a reserve it is kept free; without one the disk fills up to its last block."""
    some = "=5" in reserve
    bytes_too = "log.reserve.bytes=1073741824" if some else "log.reserve.bytes=0"
    page = f"127.0.0.1:{free_port()}"
    arguments = ("--accept-filesystem", "--http", page, "--set", reserve, "--set", bytes_too)
    with Daemon(small / "data", *arguments) as daemon:
        with bus.Admin(daemon.url) as admin:
            admin.create_topic("t", 1, config={"segment.bytes": str(4 << 20)})
        bulk = Bulk(daemon.url)
        bulk.until_refused(lambda: is_full(page) if some else room(small) < SIZE // 8)
        assert not some or room(small) > SIZE // 8
        assert bulk.read() >= bulk.acknowledged > 0
        (small / "filler").unlink()
        assert bulk.send(PATIENT_MS), "writing resumes by itself"
        daemon.kill()
        daemon.start()
        assert bulk.read() >= bulk.acknowledged


def test_deleting_records_makes_room(small: Path) -> None:
    page = f"127.0.0.1:{free_port()}"
    with Daemon(small / "data", "--accept-filesystem", "--http", page) as daemon:
        with bus.Admin(daemon.url) as admin:
            admin.create_topic("t", 1, config={"segment.bytes": str(4 << 20)})
            bulk = Bulk(daemon.url)
            bulk.until_refused(lambda: is_full(page))
            admin.delete_records("t", 0, bulk.acknowledged)
        assert bulk.send(PATIENT_MS)


def test_a_full_disk_is_seen_in_the_metrics(small: Path) -> None:
    (small / "filler2").write_bytes(b"x" * (SIZE - FILLER - (6 << 20)))
    page = f"127.0.0.1:{free_port()}"
    with Daemon(small / "data", "--accept-filesystem", "--http", page) as daemon:
        assert daemon.process is not None
        assert is_full(page)
