"""A broker returns after it has missed much: how fast it catches up, and what producers feel.

A producer sends at a pace that the cluster bears easily, before and while the broker catches up;
how long its calls take is compared. The rate of catching up is held against what the machine gives
in the same run: bytes through a socket of loopback into a file.
"""

import socket
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import bus
from bus.cli.local_cluster import LocalCluster
from perf.bench import Bench
from perf.cluster.produce import CONFIG, NODES, make_topic
from perf.macro.client import send_calls
from perf.pool import CALL_RECORDS, Pool
from perf.result import Result
from perf.stats import percentile

TOPIC = "catch-up"
MISSED_RECORDS = 100_000_000  # 10 GB
PACE_SECONDS = 0.1  # of one call: 100,000 records a second
STEADY_SECONDS = 5.0
RAW_BYTES = 1 << 30
CHUNK = 1 << 20


def run(bench: Bench) -> list[Result]:
    """cluster catch-up."""
    pool = Pool()
    calls = bench.calls(MISSED_RECORDS)
    with ExitStack() as stack:
        directory = stack.enter_context(bench.fresh_directory())
        raw = _raw_rate(directory, max(CHUNK, int(RAW_BYTES * bench.scale)))
        cluster = stack.enter_context(LocalCluster(str(directory / "cluster"), NODES))
        admin = stack.enter_context(bus.Admin(cluster.urls))
        make_topic(admin, TOPIC, "os")
        cluster.wait_until_in_sync(admin, TOPIC)
        image = admin.describe_topic(TOPIC).partitions[0]
        away = next(each for each in image.replicas if each != image.leader)
        cluster.kill(away)
        with bus.Producer(cluster.urls) as producer:
            send_calls(producer, TOPIC, pool, calls)
            before = _paced(producer, pool, lambda began: time.monotonic() > began + STEADY_SECONDS)
            cluster.start(away)
            cluster.wait_until_ready(away)
            began = time.perf_counter()
            ended = threading.Event()
            meanwhile: list[float] = []
            pacing = threading.Thread(
                target=lambda: meanwhile.extend(_paced(producer, pool, lambda _: ended.is_set()))
            )
            pacing.start()
            try:
                cluster.wait_until_in_sync(admin, TOPIC)
                seconds = time.perf_counter() - began
            finally:
                ended.set()
                pacing.join()
    size = (calls + len(before) + len(meanwhile)) * CALL_RECORDS * pool.value_bytes
    rate = size / seconds / 1e6
    metrics = {
        "mb_per_second": rate,
        "raw_mb_per_second": raw,
        "share_of_raw": rate / raw,
        "seconds": seconds,
        "call_before_p50_ms": percentile(before, 0.5) * 1000,
        "call_meanwhile_p50_ms": percentile(meanwhile, 0.5) * 1000,
        "calls_a_second_before": len(before) / STEADY_SECONDS,
        "calls_a_second_meanwhile": len(meanwhile) / seconds,
    }
    facts: dict[str, str | int | float] = {"missed_bytes": size, "segment": CONFIG["segment.bytes"]}
    return [Result("cluster catch-up", metrics, [rate], {}, facts)]


def _paced(producer: bus.Producer, pool: Pool, is_over) -> list[float]:
    """Seconds that each call took until all of it was acknowledged."""
    took, began = [], time.monotonic()
    due = time.perf_counter()
    while not is_over(began):
        at = time.perf_counter()
        producer.send_batch(TOPIC, pool.call(len(took)))
        producer.flush()
        took.append(time.perf_counter() - at)
        due = max(due + PACE_SECONDS, time.perf_counter())
        time.sleep(max(0.0, due - time.perf_counter()))
    return took


def _raw_rate(directory: Path, size: int) -> float:
    """MB a second through a socket into a file, and onto the disk."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        sender = threading.Thread(target=_pour, args=(server.getsockname(), size))
        sender.start()
        taken, _ = server.accept()
        began = time.perf_counter()
        with taken, (directory / "raw").open("wb", buffering=0) as file:
            buffer = memoryview(bytearray(CHUNK))
            while count := taken.recv_into(buffer):
                file.write(buffer[:count])
        seconds = time.perf_counter() - began
        sender.join()
    (directory / "raw").unlink()
    return size / seconds / 1e6


def _pour(address: tuple[str, int], size: int) -> None:
    data = bytes(CHUNK)
    with socket.create_connection(address) as out:
        for _ in range(size // CHUNK):
            out.sendall(data)
