"""The raw way out on one machine: page cache -> memory -> CRC -> decode, and no more.

One thread reads 1 GiB of batches from a file into memory that it uses again, a piece ahead; the
other checks every CRC and decodes: into columns, into `list[bytes]`, or record by record. Warm: all
of it was read once before. Several piece sizes are tried; the fastest counts.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bus.native.batch import check_all
from bus.native.blocks import take
from bus.native.segment import slice_end
from perf.bench import Bench, Failed, fastest, throughput
from perf.limits.fetch import RECORDS, WAYS, Decode, write
from perf.pool import VALUE_BYTES, Pool
from perf.result import Result
from perf.usage import Stopwatch

SIZES = [1024 * 1024, 4 * 1024 * 1024, 8 * 1024 * 1024]


def run(bench: Bench) -> list[Result]:
    """limit-file-columns, limit-file-list and limit-file-records."""
    pool = Pool(call_records=10_000)
    calls = bench.calls(RECORDS)
    with bench.fresh_directory() as directory:
        path = directory / "segment"
        write(path, pool, calls)
        return [
            _measured(bench, f"limit-file-{way}", path, calls * 10_000, decode)
            for way, decode in WAYS.items()
        ]


def _measured(bench: Bench, name: str, path: Path, records: int, decode: Decode) -> Result:
    def attempt(size: int) -> Result:
        def once(stopwatch: Stopwatch, _: int) -> int:
            with stopwatch:
                seen = sum(decode(data, check_all(data)) for data in _pieces(path, size))
            if seen != records * VALUE_BYTES:
                raise Failed(f"{name}: {seen} bytes of values came, not {records * VALUE_BYTES}")
            return records

        return throughput(name, bench, once, {}, pages="warm", read_bytes=size)

    return fastest([attempt(size) for size in SIZES], "read_bytes")


def _pieces(path: Path, size: int) -> Iterator[memoryview]:
    """The file's whole batches, read one piece ahead."""
    with path.open("rb") as file, ThreadPoolExecutor(1) as thread:
        position, coming = 0, thread.submit(_read, file.fileno(), 0, size)
        while data := coming.result():
            position += len(data)
            coming = thread.submit(_read, file.fileno(), position, size)
            yield data


def _read(fd: int, position: int, size: int) -> memoryview:
    block = take(size)
    read = os.preadv(fd, [block], position)
    end, _ = slice_end(block[:read], 0, read, 1 << 60) if read else (0, 0)
    return block[:end]
