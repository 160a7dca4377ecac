"""How far a group has come: its positions, which of them expire, and which may be forgotten.

What       Rule
----       ----
replay     the only way in: the newest position of a partition wins, None forgets it
expired    a commit that named its retention: when that is over
           nobody consumes (the group is empty): retention after the last member left
           no membership at all (positions kept by a program): retention after the commit
           members who subscribe to other topics: retention after the commit (KIP-211)
forget     a partition whose topic no member subscribes to

The retention is that of the broker's setting, unless the commit named one.
"""

from collections.abc import Iterable, Iterator

from bus.control.group_facts import OffsetKey, Position


class Offsets:
    """The positions of one group."""

    def __init__(self) -> None:
        self._positions: dict[OffsetKey, Position] = {}

    def __len__(self) -> int:
        return len(self._positions)

    def __iter__(self) -> Iterator[OffsetKey]:
        return iter(self._positions)

    def replay(self, key: OffsetKey, position: Position | None) -> None:
        """A record of the log."""
        if position is None:
            self._positions.pop(key, None)
        else:
            self._positions[key] = position

    def get(self, key: OffsetKey) -> Position | None:
        """The position in one partition, None if there is none."""
        return self._positions.get(key)

    def all(self) -> dict[OffsetKey, Position]:
        """Every position."""
        return dict(self._positions)

    def of_topics(self, topics: Iterable[str]) -> list[OffsetKey]:
        """Partitions of these topics that have a position."""
        wanted = set(topics)
        return [key for key in self._positions if key[0] in wanted]

    def expired(
        self,
        wall_ms: int,
        retention_ms: int,
        empty_since_ms: int | None,
        consumed: frozenset[str] | None,
    ) -> list[OffsetKey]:
        """What has not been of use for too long.

        `empty_since_ms` is when the last member left, None if there are members or never were
        any. Topics that are `consumed` keep theirs; None is all.
        """
        found: list[OffsetKey] = []
        for key, position in self._positions.items():
            if consumed is None or key[0] in consumed:
                continue
            if position.expire_ms >= 0:
                is_over = wall_ms >= position.expire_ms
            else:
                since = position.commit_ms if empty_since_ms is None else empty_since_ms
                is_over = wall_ms - max(since, position.commit_ms) >= retention_ms
            if is_over:
                found.append(key)
        return found
