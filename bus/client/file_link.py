"""A link to a broker on this machine, whose consumer reads the records out of the broker's files.

Where there is much to read, the broker answers a Fetch with a place in a file instead of bytes: no
record then passes through the broker's process or a socket. Each answer's files are read on a
thread, and the answer goes on to its caller as if the records had come with it.

What cannot be read so (another user's file, a file system that is not shared, a segment that
retention has just deleted) is to the caller a connection that broke: it asks again, and the fetches
of the next second ask for bytes.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import TypeAlias

from bus.adapters.disk.facts import boot_id
from bus.adapters.disk.foreign_file import read_range
from bus.adapters.read_pool import ReadPool
from bus.client.link import Done, Link
from bus.errors import BusError, CorruptBatch, NetworkError
from bus.native.segment import find, slice_end
from bus.wire.fetch import FetchRequest, FetchResponse, FileRange, PartitionData
from bus.wire.schema import Message

BYTES_ONLY_SECONDS = 1.0  # after a file could not be read

# Where the records of a partition stand, and the offset from which on they are wanted.
Told: TypeAlias = tuple[PartitionData, FileRange, int]
Fill: TypeAlias = Callable[[Sequence[Told], Callable[[], None]], None]


class FileLink:
    """A `Link` around another; on the I/O thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, link: Link) -> None:
        self._loop = loop
        self._link = link
        self._pool = ReadPool(loop, threads=1)
        self._host = boot_id()
        self._bytes_until = 0.0  # on the loop's clock
        self._closed = False

    def call(self, request: Message, done: Done) -> None:
        """As `Link.call`."""
        if isinstance(request, FetchRequest) and self._loop.time() >= self._bytes_until:
            request.host = self._host
            done = Answers(request, done, self._fill).put
        self._link.call(request, done)

    def close(self) -> None:
        """As `Link.close`."""
        self._closed = True
        self._link.close()
        self._pool.close(wait=False)

    def _fill(self, told: Sequence[Told], done: Callable[[], None]) -> None:
        self._pool.submit(partial(_fill, told), partial(self._on_filled, done))

    def _on_filled(self, done: Callable[[], None], filling: "Future[bool]") -> None:
        if self._closed:
            return
        if not filling.result():
            self._bytes_until = self._loop.time() + BYTES_ONLY_SECONDS
        done()


class Answers:
    """What came for one Fetch, a stream's in their order: each waits for those before it."""

    def __init__(self, request: FetchRequest, done: Done, fill: Fill) -> None:
        """`fill(told, then)` puts records where they belong, and calls `then` later."""
        self._offsets = {
            (topic.topic, part.partition): part.fetch_offset
            for topic in request.topics
            for part in topic.partitions
        }
        self._done = done
        self._fill = fill
        self._waiting: deque[Message | BusError] = deque()

    def put(self, answer: Message | BusError) -> None:
        """One has come."""
        self._waiting.append(answer)
        if len(self._waiting) == 1:
            self._go_on()

    def _go_on(self) -> None:
        while self._waiting:
            told = self._told(self._waiting[0])
            if told:
                self._fill(told, self._on_filled)
                return
            self._done(self._waiting.popleft())

    def _on_filled(self) -> None:
        self._done(self._waiting.popleft())
        self._go_on()

    def _told(self, answer: Message | BusError) -> list[Told]:
        """What of it is to be read out of files."""
        if not isinstance(answer, FetchResponse):
            return []
        return [
            (part, part.file_range, self._offsets[topic.topic, part.partition_index])
            for topic in answer.responses
            for part in topic.partitions
            if part.file_range is not None and (topic.topic, part.partition_index) in self._offsets
        ]


def _fill(told: Sequence[Told]) -> bool:
    """Put the records where they belong; False if a file could not be read (any thread)."""
    readable = True
    for part, found, offset in told:
        try:
            part.records = _read(found, offset)
        except (OSError, CorruptBatch, ValueError):
            part.error_code = NetworkError.code  # retriable, and it ends a stream
            readable = False
    return readable


def _read(found: FileRange, offset: int) -> memoryview:
    """The whole and committed batches from the one that holds `offset` on."""
    data = read_range(found.path, found.identity, found.position, found.size)
    start = find(data, 0, offset)
    end, _ = slice_end(data, start, len(data) - start, found.below)
    if end <= start:
        raise CorruptBatch(f"{found.path} has no whole batch from offset {offset} on.")
    return data[start:end]
