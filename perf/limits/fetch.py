"""The raw way out: mapped bytes -> ZeroMQ/TCP -> CRC -> decode, and no more.

The broker process holds 1 GiB of batches in a mapped file and sends the pieces it is asked for
by reference. The client asks ahead, checks every CRC and decodes: into columns, into
`list[bytes]`, or record by record. Warm: all of it was read once before. Several piece sizes are
tried; the fastest counts.
"""

import mmap
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import zmq

from bus.adapters.malloc import keep_freed_memory
from bus.native.batch import check_all, seal, stamp
from bus.native.builder import encode_list
from bus.native.segment import slice_end
from perf.bench import Bench, Failed, fastest, throughput
from perf.limits.decode import Header, columns_of, count_records, values_of
from perf.limits.processes import worker
from perf.pool import VALUE_BYTES, Pool, checksum
from perf.result import Result
from perf.usage import Stopwatch

SIZES = [256 * 1024, 1024 * 1024, 4 * 1024 * 1024]
IN_FLIGHT = 2
RECORDS = 8_000_000

Decode = Callable[[memoryview, list[Header]], int]  # what it has seen, in bytes of values


WAYS: dict[str, Decode] = {
    "columns": lambda data, headers: len(columns_of(data, headers)[0]) * VALUE_BYTES,
    "list": lambda data, headers: len(values_of(data, *headers)) * VALUE_BYTES,
    "records": count_records,
}


def run(bench: Bench) -> list[Result]:
    """limit-columns, limit-list and limit-records."""
    pool = Pool(call_records=10_000)
    calls = bench.calls(RECORDS)
    with bench.fresh_directory() as directory:
        path = directory / "segment"
        write(path, pool, calls)
        with worker(_broker, str(path)) as broker:
            _verify(broker.hello, pool, calls)
            return [
                _measured(bench, f"limit-{way}", broker.pid, broker.hello, calls, decode)
                for way, decode in WAYS.items()
            ]


def _measured(
    bench: Bench, name: str, pid: int, endpoint: str, calls: int, decode: Decode
) -> Result:
    records = calls * 10_000

    def attempt(size: int) -> Result:
        def once(stopwatch: Stopwatch, _: int) -> int:
            with Reader(endpoint) as reader:
                seen = reader.read(stopwatch, size, decode)
            if seen != records * VALUE_BYTES:
                raise Failed(f"{name}: {seen} bytes of values came, not {records * VALUE_BYTES}")
            return records

        return throughput(name, bench, once, {"broker": pid}, pages="warm", fetch_bytes=size)

    return fastest([attempt(size) for size in SIZES], "fetch_bytes")


class Reader:
    """The client's socket; reads the whole file, asking ahead."""

    def __init__(self, endpoint: str) -> None:
        self._context = zmq.Context()
        self._dealer = self._context.socket(zmq.DEALER)
        self._dealer.connect(endpoint)

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self._dealer.close(0)
        self._context.term()

    def read(self, stopwatch: Stopwatch, size: int, decode: Decode) -> int:
        """Bytes of values seen, with the clock running from the first question."""
        seen = 0
        with stopwatch:
            for _ in range(IN_FLIGHT):
                self._ask(size)
            while True:
                data = self._dealer.recv(copy=False).buffer
                if not len(data):
                    break
                self._ask(size)
                seen += decode(data, check_all(data))
        return seen

    def _ask(self, size: int) -> None:
        self._dealer.send(size.to_bytes(8, "big"))


def _verify(endpoint: str, pool: Pool, calls: int) -> None:
    """Warm-up and check in one: the values that come are those that were written."""
    crc = 0

    def decode(data: memoryview, headers: list[Header]) -> int:
        nonlocal crc
        crc = checksum(values_of(data, *headers), crc)
        return 0

    with Reader(endpoint) as reader:
        reader.read(Stopwatch(), SIZES[1], decode)
    if crc != pool.checksum(calls):
        raise Failed("the raw broker sent other values than were written")


def write(path: Path, pool: Pool, calls: int) -> None:
    """The records of so many calls, as batches in a file."""
    offset = 0
    with path.open("wb") as file:
        for index in range(calls):
            values, row = pool.call(index), 0
            while row < len(values):
                start = row
                batch, row = encode_list(values, None, 0, start, 1_000_000)
                seal(batch, -1, -1, -1)
                stamp(batch, 0, offset, 0)
                file.write(batch)
                offset += row - start


def _broker(pipe: Connection, path: str) -> None:
    keep_freed_memory()
    context = zmq.Context()
    router = context.socket(zmq.ROUTER)
    router.bind("tcp://127.0.0.1:*")
    router.copy_threshold = 65536
    with open(path, "rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    data = memoryview(mapped)
    pipe.send(router.getsockopt_string(zmq.LAST_ENDPOINT))
    places: dict[bytes, int] = {}
    while True:
        identity, question = router.recv_multipart()
        start = places.get(identity, 0)
        end = start
        if start < len(data):
            end, _ = slice_end(data, start, int.from_bytes(question, "big"), 1 << 60)
        places[identity] = end
        router.send(identity, zmq.SNDMORE)
        router.send(data[start:end], copy=False)
