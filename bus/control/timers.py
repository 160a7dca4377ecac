"""Deadlines as data: keyed, replaceable, cancelled by key; nothing fires unless it is polled."""

import heapq
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Timers(Generic[Key]):
    """A set of (key, deadline in ms). Setting a key again replaces its deadline."""

    def __init__(self) -> None:
        self._deadlines: dict[Key, tuple[int, int]] = {}  # key -> (deadline, order of setting)
        self._heap: list[tuple[int, int, Key]] = []  # stale entries are skipped when they surface
        self._order = 0

    def __len__(self) -> int:
        return len(self._deadlines)

    def deadline(self, key: Key) -> int | None:
        """When `key` is due, None if it is not set."""
        found = self._deadlines.get(key)
        return found[0] if found is not None else None

    def set(self, key: Key, deadline_ms: int) -> None:
        """`due` will return `key` once, from `deadline_ms` on."""
        self._order += 1
        self._deadlines[key] = (deadline_ms, self._order)
        heapq.heappush(self._heap, (deadline_ms, self._order, key))
        if len(self._heap) > 64 + 4 * len(self._deadlines):
            self._rebuild()

    def cancel(self, key: Key) -> None:
        """Forget `key`; unknown keys are fine."""
        self._deadlines.pop(key, None)

    def next_ms(self) -> int | None:
        """The earliest deadline, or None."""
        if not self._heap:
            return None
        self._drop_stale()
        return self._heap[0][0] if self._heap else None

    def due(self, now_ms: int) -> list[Key]:
        """Keys whose deadline has come, earliest first; they are forgotten."""
        keys: list[Key] = []
        self._drop_stale()
        while self._heap and self._heap[0][0] <= now_ms:
            key = heapq.heappop(self._heap)[2]
            del self._deadlines[key]
            keys.append(key)
            self._drop_stale()
        return keys

    def _drop_stale(self) -> None:
        while self._heap:
            deadline, order, key = self._heap[0]
            if self._deadlines.get(key) == (deadline, order):
                return
            heapq.heappop(self._heap)

    def _rebuild(self) -> None:
        self._heap = [(when, order, key) for key, (when, order) in self._deadlines.items()]
        heapq.heapify(self._heap)
