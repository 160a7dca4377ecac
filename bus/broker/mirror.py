"""A copy of what the coordination store holds under a prefix, kept by a watch.

Who reads asks the copy and does not wait. Who writes waits until the copy shows what came of it:

Outcome of a transaction   It is told once the copy
------------------------   ------------------------
a revision                 has come to it
a key had moved            has shown one at another revision since the transaction was asked for
an error                   at once: the copy may show it, now, later or never

So "read, decide, write, and if a key had moved, again" comes to an end, and whoever has written
reads what he wrote. All revisions that are expected come from the copy. While the store cannot be
reached nothing is shown, and nobody is told.

Who keeps something made of the entries takes the keys that have changed since it last did, and each
value is parsed once, whoever asks: so a change costs what it changes, however much there is.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar, cast

from bus.errors import BusError
from bus.ports import Changes, Coordination, Entry, Snapshot, Write, revision_of

Outcome: TypeAlias = int | BusError | None
Parsed = TypeVar("Parsed")


@dataclass(slots=True, eq=False)
class _Asked:
    """One transaction, until it is told."""

    expected: dict[str, int]  # revisions
    done: Callable[[Outcome], None]
    has_moved: bool = False  # the copy has shown a key at another revision, be it for a moment
    outcome: int | None = 0  # 0: there is none yet


class Unread:
    """What has changed under some prefixes since its reader took it; at first all there is."""

    def __init__(self, prefixes: tuple[str, ...], keys: Iterable[str]) -> None:
        self._prefixes = prefixes
        self._keys: dict[str, None] = {}
        self.note(keys)

    def __bool__(self) -> bool:
        return bool(self._keys)

    def note(self, keys: Iterable[str]) -> None:
        """These have changed."""
        self._keys.update(dict.fromkeys(k for k in keys if k.startswith(self._prefixes)))

    def take(self) -> list[str]:
        """The keys, each once; of one that is gone there is no entry any more."""
        keys, self._keys = self._keys, {}
        return list(keys)


class Mirror:
    """The entries under one prefix; on the event loop's thread."""

    def __init__(
        self,
        store: Coordination,
        prefix: str,
        on_news: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_news` is called when the copy has changed, and when it is there at last."""
        self._store = store
        self._on_news_told = on_news
        self._entries: dict[str, Entry] = {}
        self._parsed: dict[str, object] = {}  # of entries as they are
        self._readers: list[Unread] = []
        self._asked: list[_Asked] = []
        self.is_ready = False  # it has been read
        self.revision = 0
        self._watch = store.watch(prefix, self._on_news)

    @property
    def entries(self) -> Mapping[str, Entry]:
        """All of them, in no order."""
        return self._entries

    def get(self, key: str) -> Entry | None:
        """The entry of one key, None if it is absent."""
        return self._entries.get(key)

    def under(self, prefix: str) -> dict[str, Entry]:
        """Those whose keys begin with `prefix`, ascending."""
        found = (item for item in self._entries.items() if item[0].startswith(prefix))
        return dict(sorted(found))

    def parsed(self, key: str, parse: Callable[[str, bytes], Parsed]) -> Parsed:
        """What `parse`, the same for all who ask for it, makes of an entry that is there; not to be
        changed. Raises what it raises."""
        found = self._parsed.get(key)
        if found is None:
            found = self._parsed[key] = parse(key, self._entries[key].value)
        return cast(Parsed, found)

    def unread(self, *prefixes: str) -> Unread:
        """For one more reader, until `forget`."""
        unread = Unread(prefixes, self._entries)
        self._readers.append(unread)
        return unread

    def forget(self, unread: Unread) -> None:
        """It is read no more."""
        self._readers.remove(unread)

    def transact(
        self,
        writes: Sequence[Write],
        guards: Mapping[str, int],
        done: Callable[[Outcome], None],
    ) -> None:
        """As of the port; `done` when the copy shows it."""
        expected = {write.key: write.expected for write in writes} | dict(guards)
        asked = _Asked(expected, done)
        self._asked.append(asked)

        def on_outcome(outcome: Outcome) -> None:
            if asked not in self._asked:
                return  # closed meanwhile
            if isinstance(outcome, BusError):
                self._asked.remove(asked)
                done(outcome)
            else:
                asked.outcome = outcome
                self._tell()

        self._store.transact(writes, guards, on_outcome)

    def close(self) -> None:
        """It stays as it is, and who waits waits in vain."""
        self._watch.close()
        self._asked.clear()

    def _on_news(self, news: Snapshot | Changes) -> None:
        if isinstance(news, Snapshot):
            before, self._entries = self._entries, dict(news.entries)
            changed = [key for key in before if key not in self._entries]
            changed += [key for key, entry in self._entries.items() if before.get(key) != entry]
            self.is_ready = True
        else:
            changed = list(news.values)
            for key, value in news.values.items():
                if value is None:
                    self._entries.pop(key, None)
                else:
                    self._entries[key] = Entry(value, news.revision)
        for key in changed:
            self._parsed.pop(key, None)
        for reader in self._readers:
            reader.note(changed)
        self.revision = news.revision
        self._on_news_told()
        is_gap = isinstance(news, Snapshot)  # a key may have moved there and back
        for asked in self._asked:
            asked.has_moved |= is_gap or self._has_moved(asked.expected)
        self._tell()

    def _tell(self) -> None:
        """Whom the copy has shown what came of it."""
        for asked in [asked for asked in self._asked if self._is_shown(asked)]:
            if asked in self._asked:  # it was not told by one that was told before it
                self._asked.remove(asked)
                asked.done(asked.outcome)

    def _is_shown(self, asked: _Asked) -> bool:
        if asked.outcome is None:
            return asked.has_moved or self._has_moved(asked.expected)
        return 0 < asked.outcome <= self.revision

    def _has_moved(self, expected: Mapping[str, int]) -> bool:
        found = self._entries.get
        return any(revision_of(found(key)) != revision for key, revision in expected.items())
