"""A node that serves the inputs of a fuzzer, and is made anew every so many of them."""

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

from tests.fixtures.node import Bench, batch_of
from tests.fixtures.requests import produce, told

INPUTS_PER_NODE = 200
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


@cache
def folder() -> Path:
    """Of this process, in memory where that is possible; gone when the process ends.

    A fuzzer ends without another word of Python: whoever starts it names a folder, and removes it.
    """
    if given := os.environ.get("FUZZ_FOLDER"):
        return Path(given)
    made = Path(tempfile.mkdtemp(prefix="busd-fuzz-", dir=MEMORY))
    atexit.register(shutil.rmtree, made)
    return made


class Served:
    """A node with two records in the topic "t"."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._bench: Bench | None = None
        self._left = 0

    def next(self) -> Bench:
        """The node for one more input."""
        if self._left == 0:
            self.close()
            path = folder() / self._name
            shutil.rmtree(path, ignore_errors=True)
            self._bench = Bench(path, offsets_topic_num_partitions=1)
            self._bench.create_topic("t", 1)
            told(self._bench, produce(batch_of(b"a", b"b")))
            self._left = INPUTS_PER_NODE
            atexit.register(self.close)
        assert self._bench is not None
        self._left -= 1
        return self._bench

    def close(self) -> None:
        """Let go of the node."""
        atexit.unregister(self.close)
        if self._bench is not None:
            self._bench.close()
            self._bench = None
