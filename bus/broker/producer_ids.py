"""Ids for producers, each given once in the life of a cluster: blocks from the store (R26)."""

from collections.abc import Callable

from bus.broker.mirror import Mirror
from bus.broker.store_change import change
from bus.errors import BusError
from bus.model.keys import Keys
from bus.model.limits import PRODUCER_ID_BLOCK
from bus.model.stored import producer_ids_from_bytes
from bus.ports import Write, revision_of

Told = Callable[[int | BusError], None]


class ProducerIds:
    """Those that this broker gives away; on the event loop's thread."""

    def __init__(self, mirror: Mirror, keys: Keys) -> None:
        self._mirror = mirror
        self._key = keys.producer_ids
        self._block = iter(range(0))
        self._waiting: list[Told] = []

    def next(self, told: Told) -> None:
        """An id that no producer has had."""
        found = next(self._block, None)
        if found is not None:
            told(found)
            return
        self._waiting.append(told)
        if len(self._waiting) == 1:
            self._take_block()

    def _take_block(self) -> None:
        first = 0

        def decide() -> list[Write]:
            nonlocal first
            entry = self._mirror.get(self._key)
            first = 0 if entry is None else producer_ids_from_bytes(self._key, entry.value)
            return [Write(self._key, b"%d" % (first + PRODUCER_ID_BLOCK), revision_of(entry))]

        def written(outcome: int | BusError) -> None:
            waiting, self._waiting = self._waiting, []
            if not isinstance(outcome, BusError):
                self._block = iter(range(first, first + PRODUCER_ID_BLOCK))
            for told in waiting:
                if isinstance(outcome, BusError):
                    told(outcome)
                else:
                    self.next(told)

        change(self._mirror, decide, written)
