"""What of a group survives: changed by `replay` alone, and asked for by writes.

A write's records are replayed once they are durable, in the order of the log; the same records,
replayed after a restart, give the same ledger.
"""

from collections.abc import Callable, Sequence

from bus.control.group_effects import Effect, Write
from bus.control.group_facts import Now, OffsetKey, Record, StoredGroup
from bus.control.offsets import Offsets
from bus.errors import NONE

Written = Callable[[int, Now], list[Effect]]  # what follows a write: its error, the time


class Ledger:
    """The stored generation and positions of one group, and the writes under way."""

    def __init__(self) -> None:
        self.stored: StoredGroup | None = None
        self.stored_bytes = 0  # of metadata and assignments in it
        self.offsets = Offsets()
        self._writes: dict[int, tuple[tuple[Record, ...], Written]] = {}
        self._next_write = 0

    def replay(self, record: Record) -> None:
        """A record of the log: the only way that anything stored changes."""
        if record[0] is None:
            stored = self.stored = record[1]
            members = stored.members if stored is not None else ()
            self.stored_bytes = sum(len(m.subscription) + len(m.assignment) for m in members)
        else:
            self.offsets.replay(record[0], record[1])

    def write(self, records: Sequence[Record], follow: Written) -> Write:
        """Have records written; `follow` says what comes of it."""
        self._next_write += 1
        write = Write(self._next_write, tuple(records))
        self._writes[write.write] = write.records, follow
        return write

    def on_written(self, write: int, error: int, now: Now) -> list[Effect]:
        """The records of `write` are durable, or (with an error) are not and will not be."""
        records, follow = self._writes.pop(write)
        if error == NONE:
            for record in records:
                self.replay(record)
        return follow(error, now)

    @property
    def is_empty(self) -> bool:
        """Nothing is stored or about to be."""
        return self.stored is None and not self.offsets and not self._writes

    def partitions(self) -> list[OffsetKey]:
        """Partitions that will have a position once what is under way is written."""
        found = dict.fromkeys(self.offsets)
        for records, _ in self._writes.values():
            for key, value in records:
                if key is not None and value is not None:
                    found[key] = None
                elif key is not None:
                    found.pop(key, None)
        return list(found)
