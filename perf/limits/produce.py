"""The raw way in: encode -> ZeroMQ/TCP -> CRC -> mapped append -> acknowledgement, and no more.

One client process and one broker process, each a blocking loop on `bus.native` and pyzmq. The
broker checks each batch as ours must and copies it into a mapped file. Warm: a window of 256 MiB
of resident pages is written over and over. Cold: each page of a fresh, allocated file is touched
for the first time. Several batch sizes and numbers in flight are tried; the fastest counts.
"""

import mmap
import os
import struct
from multiprocessing.connection import Connection
from pathlib import Path

import zmq

from bus.adapters.malloc import keep_freed_memory
from bus.native.batch import check, check_all, seal
from bus.native.builder import encode_list
from bus.native.segment import append
from perf.bench import Bench, Failed, throughput
from perf.limits.decode import values_of
from perf.limits.processes import Worker, worker
from perf.pool import VALUE_BYTES, Pool, checksum
from perf.result import Result
from perf.usage import Stopwatch

WARM_BYTES = 256 * 1024 * 1024
RECORDS = 4_000_000
SHAPES = [(1_000, 16), (2_500, 8), (5_000, 5), (10_000, 3), (10_000, 5)]  # records, in flight
ACK = struct.Struct(">q")  # end offset


def run(bench: Bench) -> list[Result]:
    """limit-produce (warm, what results are shares of) and limit-produce-cold."""
    return [_fastest(bench, "limit-produce", True), _fastest(bench, "limit-produce-cold", False)]


def _fastest(bench: Bench, name: str, warm: bool) -> Result:
    tried = []
    for records, in_flight in SHAPES:
        pool = Pool(call_records=records, calls=500_000 // records)
        calls = max(50, int(RECORDS * bench.scale) // records)
        tried.append(_measure(bench, name, warm, pool, calls, in_flight))
    best = max(tried, key=lambda result: result.metrics["records_per_second"])
    best.facts["tried"] = ", ".join(
        f"{result.facts['batch_records']} x {result.facts['in_flight']}: "
        f"{result.metrics['records_per_second'] / 1e6:.1f} M"
        for result in tried
    )
    return best


def _measure(bench: Bench, name: str, warm: bool, pool: Pool, calls: int, in_flight: int) -> Result:
    size = WARM_BYTES if warm else calls * pool.call_records * (VALUE_BYTES + 16)
    with bench.fresh_directory() as directory:
        path = directory / "segment"

        def once(stopwatch: Stopwatch, _: int) -> int:
            with worker(_broker, str(path), size, warm) as broker:
                stopwatch.pids["broker"] = broker.pid
                stopwatch.cpu.setdefault("broker", 0.0)
                stopwatch.rss_anon_mb.setdefault("broker", 0.0)
                _produce(stopwatch, broker, pool, calls, in_flight)
                position = broker.pipe.recv()
            if not warm:
                _verify(path, position, pool, calls)
            return calls * pool.call_records

        return throughput(
            name,
            bench,
            once,
            {},
            pages="warm" if warm else "cold",
            batch_records=pool.call_records,
            in_flight=in_flight,
        )


def _produce(stopwatch: Stopwatch, broker: Worker, pool: Pool, calls: int, in_flight: int) -> None:
    context = zmq.Context()
    dealer = context.socket(zmq.DEALER)
    dealer.connect(broker.hello)
    dealer.copy_threshold = 65536
    for index in range(in_flight):  # warm-up: sockets, allocator, code
        _send(dealer, pool.call(index), b"warm")
    for _ in range(in_flight):
        dealer.recv()
    with stopwatch:
        for index in range(calls):
            _send(dealer, pool.call(index), b"")
            if index >= in_flight:
                end = ACK.unpack(dealer.recv())[0]
        for _ in range(min(calls, in_flight)):
            end = ACK.unpack(dealer.recv())[0]
    dealer.send_multipart([b"end", b""])
    if end != calls * pool.call_records:
        raise Failed(f"the raw broker holds {end} records, not {calls * pool.call_records}")
    dealer.close()
    context.term()


def _send(dealer: "zmq.Socket[bytes]", values: list[bytes], word: bytes) -> None:
    batch, row = encode_list(values, None, 0, 0, 1 << 30)
    assert row == len(values), "one batch a call"
    seal(batch, -1, -1, -1)
    dealer.send(word, zmq.SNDMORE)
    dealer.send(batch, copy=False)


def _broker(pipe: Connection, path: str, size: int, warm: bool) -> None:
    keep_freed_memory()
    context = zmq.Context()
    router = context.socket(zmq.ROUTER)
    router.rcvhwm = 8
    router.bind("tcp://127.0.0.1:*")
    file = os.open(path, os.O_RDWR | os.O_CREAT)
    os.posix_fallocate(file, 0, size)
    region = memoryview(mmap.mmap(file, size))
    if warm:
        for at in range(0, size, 4096):
            region[at] = 0
    pipe.send(router.getsockopt_string(zmq.LAST_ENDPOINT))
    position = end = 0
    while True:
        identity, word, batch = router.recv_multipart(copy=False)
        if word.bytes == b"end":
            break
        data = batch.buffer
        count = check(data)[-1]
        if word.bytes == b"":
            if warm and position + len(data) > size:
                position = 0
            position = append(region, position, data, end, 0)
            end += count
        router.send(identity.bytes, zmq.SNDMORE)
        router.send(ACK.pack(end))
    pipe.send(position)
    pipe.recv()  # until we are ended


def _verify(path: Path, position: int, pool: Pool, calls: int) -> None:
    crc = 0
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        with memoryview(mapped) as view, view[:position] as data:
            at = 0
            for header in check_all(data):
                with data[at : at + header[1]] as batch:
                    crc = checksum(values_of(batch, header), crc)
                at += header[1]
        mapped.close()
    if crc != pool.checksum(calls):
        raise Failed("the raw broker holds other values than were sent")
