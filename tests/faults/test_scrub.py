"""A real `busd` finds damage in a closed segment that nobody has read, and says so."""

import time
from pathlib import Path
from urllib.request import urlopen

import bus
from perf.daemon import free_port
from tests.crash.daemon import Daemon

DEADLINE_SECONDS = 120.0


def metric(page: str, name: str) -> float:
    with urlopen(f"http://{page}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name + "{"))


def test_a_flipped_bit_in_a_cold_segment_is_found_and_told(tmp_path: Path) -> None:
    page = f"127.0.0.1:{free_port()}"
    arguments = ("--accept-filesystem", "--http", page, "--set", "log.scrub.interval.ms=1000")
    with Daemon(tmp_path / "data", *arguments) as daemon:
        with bus.Admin(daemon.url) as admin:
            admin.create_topic("t", 1, config={"segment.bytes": "100000"})
        with bus.Producer(daemon.url, linger_ms=0) as producer:
            for _ in range(6):
                producer.send_batch("t", [b"." * 5000] * 10).result(60)
        first = min(tmp_path.glob("data/topics/*/0/*.log"))
        with first.open("r+b") as file:
            file.seek(1000)
            file.write(b"!")
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not metric(page, "busd_directory_scrub_damages"):
            assert time.monotonic() < deadline, "the damage was not found"
            time.sleep(0.1)
        assert metric(page, "busd_partition_read_only") == 1
        daemon.kill()
        daemon.start()
        assert metric(page, "busd_partition_read_only") == 1
