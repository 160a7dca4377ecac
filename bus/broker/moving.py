"""From one node's file into a cluster's store, at one restart (S1a).

All keys are copied under the cluster's name, the one with the cluster's id last: where it stands,
all of it does. A copy that broke off is begun again, over what it left. A cluster that is another
one's is left as it is.
"""

from collections.abc import Callable, Iterator, Mapping

from bus.errors import BusError
from bus.model.keys import Keys
from bus.model.limits import TRANSACTION_BYTES_MAX, TRANSACTION_WRITES_MAX
from bus.model.store_errors import StoreRefused, StoreUnreachable
from bus.model.stored import ClusterRecord
from bus.ports import Coordination, Entry, Snapshot, Write, revision_of

PIECE_BYTES_MAX = TRANSACTION_BYTES_MAX // 2  # of keys and values in one transaction


class Moving:
    """One copy; on the event loop's thread."""

    def __init__(
        self,
        entries: Mapping[str, Entry],
        source: Keys,
        store: Coordination,
        target: Keys,
        done: Callable[[BusError | None], None],
    ) -> None:
        """`entries` are all that the node has under `source`; nobody else writes to `target` yet.

        `done` gets None once all is there, or why it is not: StoreRefused if the cluster is not
        this node's, StoreUnreachable if it may be tried again.
        """
        self._values = {
            target.root + key.removeprefix(source.root): entry.value
            for key, entry in entries.items()
            if key.startswith(source.root)
        }
        assert target.meta in self._values, "the node has begun once"
        self._store = store
        self._target = target
        self._done = done
        store.list(target.root, self._on_listed)

    def _on_listed(self, found: Snapshot | BusError) -> None:
        if isinstance(found, BusError):
            self._done(found)
            return
        meta = found.entries.get(self._target.meta)
        if meta is not None:
            self._done(self._objection(meta))
            return
        self._pieces = self._divided(found.entries)
        self._next()

    def _objection(self, meta: Entry) -> BusError | None:
        """What is wrong with copying into a cluster that has begun."""
        key = self._target.meta
        try:
            theirs = ClusterRecord.from_bytes(key, meta.value).cluster_id
            ours = ClusterRecord.from_bytes(key, self._values[key]).cluster_id
        except BusError as error:
            return error
        if theirs == ours:
            return None  # it was copied before
        return StoreRefused(
            "The cluster of this name has begun elsewhere, and this data directory holds topics of "
            "its own. Choose another name for the cluster, or begin with an empty directory."
        )

    def _divided(self, found: Mapping[str, Entry]) -> Iterator[list[Write]]:
        """What differs, in transactions that the store takes; the cluster's own key last."""
        piece: list[Write] = []
        size = 0
        for key, value in self._values.items():
            known = found.get(key)
            if key == self._target.meta or (known is not None and known.value == value):
                continue
            more = len(key) + len(value)
            if piece and (len(piece) == TRANSACTION_WRITES_MAX or size + more > PIECE_BYTES_MAX):
                yield piece
                piece, size = [], 0
            piece.append(Write(key, value, revision_of(known)))
            size += more
        if piece:
            yield piece
        yield [Write(self._target.meta, self._values[self._target.meta])]

    def _next(self) -> None:
        piece = next(self._pieces, None)
        if piece is None:
            self._done(None)
            return
        is_last = piece[0].key == self._target.meta
        guards = {} if is_last else {self._target.meta: 0}
        self._store.transact(piece, guards, self._on_written)

    def _on_written(self, outcome: int | BusError | None) -> None:
        if isinstance(outcome, BusError):
            self._done(outcome)
        elif outcome is None:
            self._done(StoreUnreachable("Somebody else writes to the cluster at the same time."))
        else:
            self._next()
