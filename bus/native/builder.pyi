"""Build RecordBatch v2 from single records and from arrays, without a Python loop."""

from collections.abc import Sequence
from typing import Protocol

from typing_extensions import Buffer

from bus.native.rows import encode_fixed as encode_fixed
from bus.native.rows import encode_list as encode_list
from bus.native.rows import encode_offsets as encode_offsets
from bus.native.rows import encode_views as encode_views
from bus.native.rows import partition_list as partition_list

Headers = Sequence[tuple[str, Buffer | None]]

NOW: int  # a timestamp that no record has: `append` takes the wall clock's instead

class BatchOwner(Protocol):
    """What a delivery asks: the batch's own object. It must not lead back to its deliveries."""

    done: bool
    topic: str
    partition: int
    base_offset: int | None  # None or -1: not known
    first: int  # place of its first record in the batch that the deliveries are of
    count: int
    durability: object

    def part(self, index: int) -> BatchOwner:
        """What the record at `index` was sent in: itself, unless it was cut."""

    def wait(self, timeout: float | None, index: int) -> None:
        """Return when done; raise the error of the record at `index`, or of any if that is -1.

        Or that the time is up.
        """

class Delivery:
    """A record's or a batch's way into the log: ask it, or wait for it."""

    owner: object  # what `BatchBuilder(owner=...)` was given, a BatchOwner
    index: int  # the first record's place in the batch

    def __init__(self, owner: BatchOwner, index: int = 0, count: int = -1) -> None:
        """`count` records of the batch; -1: all of them."""

    @property
    def done(self) -> bool: ...
    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int:
        """Of the (first) record; -1 while it is not known."""

    @property
    def count(self) -> int:
        """How many records this stands for."""

    @property
    def durability(self) -> object: ...
    def result(self, timeout: float | None = None) -> int:
        """Wait for the acknowledgement; the offset. Raises the error, or that the time is up."""

class BatchBuilder:
    """One batch that grows record by record. Not locked: the GIL makes `append` whole."""

    count: int
    size: int  # bytes so far, header included
    base_timestamp: int
    max_timestamp: int

    def __init__(self, capacity: int, owner: object = None) -> None:
        """At most `capacity` bytes, except that the first record always fits."""

    def append(
        self,
        value: Buffer | None,
        key: Buffer | None,
        timestamp: int,
        headers: Headers | None,
    ) -> Delivery | None:
        """Add a record, at `timestamp` or NOW; None if it does not fit or the batch is finished.

        TypeError names what is not bytes-like; MessageTooLarge from 2 GiB.
        """

    def finish(self) -> memoryview:
        """The batch, header filled but for producer and CRC (`batch.seal`); once."""

def with_records(batch: Buffer, codec: int, records: Buffer) -> memoryview:
    """A copy of a finished batch whose records are replaced by their compressed form."""

def murmur2(data: Buffer) -> int:
    """Kafka's murmur2 as a signed 32-bit integer."""
