"""What of an answer is not in memory: read on the pool, and told when the last of it is there."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Protocol, TypeVar

from bus.errors import BusError
from bus.log.cold_read import ColdRead
from bus.model.batch import Buffer

Found = TypeVar("Found")


class Pool(Protocol):
    """Threads for reads that may block."""

    def submit(self, work: Callable[[], Found], done: Callable[["Future[Found]"], None]) -> None:
        """Run `work` on a thread; `done` is called on the event loop's thread."""


class Piece(Protocol):
    """What one partition gives to an answer: records, or a plan to read them, or an error."""

    records: Buffer
    cold: ColdRead | None
    error: int


Given = TypeVar("Given", bound=Piece)


def load(
    pieces: Sequence[Given],
    pool: Pool,
    note_read_error: Callable[[Given, OSError], None],
    done: Callable[[], None],
) -> None:
    """Have each piece its records, or its error; then `done`, at once if all have them."""
    cold = [(piece, piece.cold) for piece in pieces if piece.cold is not None]
    left = len(cold)
    if not cold:
        done()
        return

    def loaded(piece: Given, future: "Future[memoryview]") -> None:
        nonlocal left
        try:
            piece.records = future.result()
        except BusError as error:
            piece.error = error.code
        except OSError as error:
            note_read_error(piece, error)
        left -= 1
        if left == 0:
            done()

    for piece, read in cold:
        pool.submit(read.load, partial(loaded, piece))
