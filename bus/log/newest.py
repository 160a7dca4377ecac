"""What a compacted log says now: the newest record of each key, for state kept in such a log."""

from collections.abc import Iterable

from bus.log.unpacking import unpack
from bus.model.batch import Buffer
from bus.model.limits import NEWEST_BYTES_MAX, NEWEST_KEYS_MAX
from bus.native.newest import NewestPerKey

Row = tuple[int, bytes, bytes | None]  # offset, key, value; None is a tombstone


def newest() -> NewestPerKey:
    """To be fed with a log from its beginning, piece by piece; compressed batches are opened."""
    return NewestPerKey(NEWEST_KEYS_MAX, NEWEST_BYTES_MAX, unpack)


def newest_per_key(views: Iterable[Buffer]) -> list[Row]:
    """The newest record of each key of a log, given in pieces of whole batches; by offset."""
    found = newest()
    for view in views:
        found.feed(view)
    return found.rows()
