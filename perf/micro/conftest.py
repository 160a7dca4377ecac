"""Records for the benchmarks of native parts: 10,000 of 100 random bytes, from one seed."""

import random
from collections.abc import Callable

import numpy as np
import pytest

from bus.native import batch, columns
from bus.native.builder import encode_list

COUNT = 10_000


class Opened:
    """A sealed batch of all records, and columns to open it into."""

    def __init__(self, values: list[bytes]) -> None:
        self.data, stop = encode_list(values, None, 1_700_000_000_000, 0, 1 << 21)
        assert stop == COUNT
        batch.seal(self.data, -1, -1, -1)
        self.records = self.data[batch.HEADER_SIZE :]
        self.longs = [np.zeros(COUNT, np.int64) for _ in range(2)]
        self.spans = [np.zeros((COUNT, 3), np.int64) for _ in range(3)]
        self.walk()

    def walk(self) -> None:
        start = batch.HEADER_SIZE
        columns.walk(self.records, COUNT, 0, 0, -1, 0, start, 0, *self.longs, *self.spans)


@pytest.fixture(scope="session")
def values() -> list[bytes]:
    source = random.Random(1)
    return [source.randbytes(100) for _ in range(COUNT)]


@pytest.fixture(scope="session")
def opened(values: list[bytes]) -> Opened:
    return Opened(values)


@pytest.fixture
def rate(benchmark, request) -> Callable:
    """Run a function of `count` things (or bytes) and keep how many a second, in millions."""

    def run(count: int, function: Callable, *arguments: object) -> object:
        result = benchmark(function, *arguments)
        if benchmark.stats is not None:
            millions = count / benchmark.stats.stats.median / 1e6
            benchmark.extra_info["millions_a_second"] = round(millions, 1)
            request.config.stash.setdefault(RATES, []).append((request.node.name, millions))
        return result

    return run


RATES = pytest.StashKey[list[tuple[str, float]]]()


def pytest_terminal_summary(terminalreporter, config):
    """Pytest-benchmark prints times; what one asks for is a rate."""
    for name, millions in config.stash.get(RATES, []):
        terminalreporter.write_line(f"{name:52} {millions:10.1f} M/s")
