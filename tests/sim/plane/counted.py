"""A way to the store that counts what it brings and costs: bytes as etcd's gateway sends them."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bus.ports import Changes, Coordination, Snapshot, Watch, Write

EVENT_BYTES = 130  # of the JSON about one event, beside key and value; rounded, of etcd 3.4


@dataclass
class Count:
    """Since it was begun."""

    transactions: int = 0
    bytes_written: int = 0  # keys and values
    messages: int = 0  # of the watch
    bytes_watched: int = 0  # as JSON, base64 inside
    cpu_s: float = 0.0  # in what is told to this broker, and what it does then
    longest_s: float = 0.0  # of that, in one go


class Counted:
    """The Coordination port of one broker, over another one."""

    def __init__(self, store: Coordination) -> None:
        self.count = Count()
        self._store = store
        self._depth = 0

    def take(self) -> Count:
        """What was counted since this was called last."""
        count, self.count = self.count, Count()
        return count

    def watch(self, prefix: str, on_news: Callable[[Snapshot | Changes], None]) -> Watch:
        def told(news: Snapshot | Changes) -> None:
            self.count.messages += 1
            self.count.bytes_watched += sum(map(_event_bytes, *_parts(news)))
            self.timed(lambda: on_news(news))

        return self._store.watch(prefix, told)

    def transact(
        self,
        writes: Sequence[Write],
        guards: Mapping[str, int],
        done: Callable[[object], None],
    ) -> None:
        self.count.transactions += 1
        self.count.bytes_written += sum(len(w.key) + len(w.value or b"") for w in writes)
        self._store.transact(writes, guards, lambda outcome: self.timed(lambda: done(outcome)))

    def timed(self, call: Callable[[], object]) -> None:
        """Part of what this broker does."""
        begun = time.process_time()
        self._depth += 1
        try:
            call()
        finally:
            self._depth -= 1
            if self._depth == 0:
                spent = time.process_time() - begun
                self.count.cpu_s += spent
                self.count.longest_s = max(self.count.longest_s, spent)


def _parts(news: Snapshot | Changes) -> tuple[Sequence[str], Sequence[bytes]]:
    if isinstance(news, Snapshot):
        return list(news.entries), [entry.value for entry in news.entries.values()]
    return list(news.values), [value or b"" for value in news.values.values()]


def _event_bytes(key: str, value: bytes) -> int:
    return EVENT_BYTES + _base64(len(key)) + _base64(len(value))


def _base64(size: int) -> int:
    return 4 * -(-size // 3)
