"""What a watch has seen of a prefix: the order of events, and a comparison with all that is there.

Messages are made into Changes, one for each revision. Those that were seen are left out, so a watch
may be resumed from anywhere at or before its position. A message that cannot be, one that goes back
in time or deletes what was not there, breaks the watch: all is read anew.

etcd has lost events of watches before (its issues 17529 and 18089), so now and then all keys are
read and compared. Reading takes time, in which keys change: of two states at different moments
a difference is only what no event in between explains.
"""

from collections.abc import Mapping

from bus.adapters.etcd.messages import Event, Watched, end_of_prefix
from bus.errors import FrameError
from bus.model.limits import ETCD_WATCH_BYTES_MAX
from bus.ports import Changes, Entry, Snapshot


class Tracker:
    """The keys under `prefix`, those under `hidden` left out, and their revisions."""

    def __init__(self, prefix: str, hidden: str) -> None:
        self._first = prefix.encode()
        self._end = end_of_prefix(self._first)
        self._hidden = hidden.encode()
        self._known: dict[bytes, int] = {}
        self._deleted: dict[bytes, int] | None = None  # since a comparison began
        self._parts: list[Event] = []
        self._parts_size = 0
        self.position = 0  # the revision up to which all is known

    def restart(self, entries: Mapping[bytes, Entry], revision: int) -> Snapshot:
        """All of it was read."""
        shown = {key: entry for key, entry in entries.items() if not self._is_hidden(key)}
        self._known = {key: entry.revision for key, entry in shown.items()}
        self._deleted = None
        self.forget_parts()
        self.position = revision
        return Snapshot(revision, {key_text(key): entry for key, entry in shown.items()})

    def forget_parts(self) -> None:
        """Of a message, because the rest of it will not come."""
        self._parts, self._parts_size = [], 0

    def take(self, message: Watched) -> list[Changes]:
        """What is new in a message. Raises FrameError if it cannot be."""
        self._check(message)
        self._parts.extend(message.events)
        self._parts_size += sum(len(e.key) + len(e.value or b"") for e in message.events)
        if self._parts_size > ETCD_WATCH_BYTES_MAX:
            raise FrameError(f"A message has more than {ETCD_WATCH_BYTES_MAX} bytes.")
        if message.is_part:
            return []
        events = self._parts
        self.forget_parts()
        return self._changes(events)

    def begin_comparison(self) -> None:
        """From now on deletions are kept in mind."""
        self._deleted = {}

    def differences(self, listed: Mapping[bytes, Entry], revision: int) -> list[str]:
        """Keys that no event explains, of all `listed` at a revision; ends the comparison."""
        deleted, self._deleted = self._deleted, None
        if deleted is None:
            return []  # all was read anew meanwhile
        found = [
            key
            for key, entry in listed.items()
            if not self._is_hidden(key)
            and max(self._known.get(key, 0), deleted.get(key, 0)) < entry.revision
        ]
        gone = [key for key, at in self._known.items() if at <= revision and key not in listed]
        return [key_text(key) for key in (*found, *gone)]

    def _changes(self, events: list[Event]) -> list[Changes]:
        found: list[Changes] = []
        for event in events:
            if event.revision <= self.position or self._is_hidden(event.key):
                continue
            if not found or found[-1].revision != event.revision:
                found.append(Changes(event.revision, {}))
            found[-1].values[key_text(event.key)] = event.value
            self._note(event)
        if events:
            self.position = max(self.position, events[-1].revision)
        return found

    def _note(self, event: Event) -> None:
        if event.value is not None:
            self._known[event.key] = event.revision
            return
        if self._known.pop(event.key, None) is None:
            raise FrameError("An event deletes a key that nothing has told of.")
        if self._deleted is not None:
            self._deleted[event.key] = event.revision

    def _check(self, message: Watched) -> None:
        newest = self._parts[-1].revision if self._parts else 0
        for event in message.events:
            if not self._first <= event.key < self._end:
                raise FrameError("An event is about a key that is not watched.")
            if event.revision < newest:
                raise FrameError("An event goes back in time.")
            newest = event.revision

    def _is_hidden(self, key: bytes) -> bool:
        return key.startswith(self._hidden)


def key_text(key: bytes) -> str:
    """Keys that others wrote may be anything; they are shown, and belong to nobody."""
    return key.decode(errors="backslashreplace")
