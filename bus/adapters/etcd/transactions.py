"""Transactions one after another, each of which happens once or not at all, and is known to.

The answer to a transaction may be lost, and the request may be carried out long after we gave it
up. So each transaction also writes its *mark*, which nobody else has, to a key of this client's
own, and only if that key is still at the revision that we know of. Any number of copies of the
request may arrive: one at most finds all revisions as they were.

What a transaction that failed finds at the client's key      What it means
--------------------------------------------------------      -------------
the revision that was expected                                 a key had moved; nothing is written
its own mark                                                   an earlier try was carried out
an older mark of this client                                   one that was given up arrived late
a mark of another process with the client's name               it has taken over; we are to stop
nothing, or anything else                                      somebody meddles; nothing is known

The first line is final for the try that answered. If another try was lost, and a key was expected
to be absent (which it may be again), that try might still be carried out later. Then a *fence* is
written to the client's key first, and what it finds there tells in the same way.

The key's revision is unknown at the start: it is claimed by a fence, too.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from bus.adapters.etcd.asking import Asker
from bus.adapters.etcd.messages import Answer, Delete, Failure, Kind, Put, Range, Transacted, Txn
from bus.adapters.store_limits import objection
from bus.errors import BusError
from bus.model.limits import TRANSACTIONS_PENDING_MAX
from bus.model.store_errors import SessionEnded, StoreRefused, StoreUnreachable
from bus.ports import Clock, Entry, Write, revision_of

WITHIN_MS = 5_000  # of being asked for, a transaction has an outcome
CLAIMS_MAX = 5  # until the client's key is ours: others may claim it at the same time

Outcome: TypeAlias = int | BusError | None


@dataclass(slots=True)
class _Pending:
    """A transaction without an outcome."""

    compares: tuple[tuple[bytes, int], ...]
    changes: tuple[Put | Delete, ...]
    deadline_ms: int
    done: Callable[[Outcome], None]
    mark: bytes = b""

    @property
    def may_come_back(self) -> bool:
        """Could all revisions be as expected once more, after they were not?"""
        return any(revision == 0 for _, revision in self.compares)


class Transactions:
    """Those of one client: a process that may write, and its name among all that do."""

    def __init__(self, asker: Asker, clock: Clock, mark_key: str, incarnation: str) -> None:
        """`mark_key` is the client's own; `incarnation` tells it from others of its name."""
        self._asker = asker
        self._clock = clock
        self._key = mark_key.encode()
        self._incarnation = incarnation.encode() + b"-"
        self._marks = 0
        self._revision: int | None = None  # of the client's key; None: to be claimed
        self._pending: deque[_Pending] = deque()
        self._is_busy = False  # with the first of them
        self._superseded: StoreRefused | None = None

    def transact(
        self,
        writes: Sequence[Write],
        guards: Mapping[str, int],
        leases: Mapping[str, int],
        done: Callable[[Outcome], None],
    ) -> None:
        """As of the port; `leases` are those of the keys that have one."""
        refusal = objection(writes, guards)
        if refusal is not None:
            done(refusal)
            return
        if len(self._pending) >= TRANSACTIONS_PENDING_MAX:
            done(StoreUnreachable("Too many transactions wait for etcd to answer."))
            return
        compares = tuple((write.key.encode(), write.expected) for write in writes)
        compares += tuple((key.encode(), revision) for key, revision in guards.items())
        changes = tuple(_change(write, leases.get(write.key, 0)) for write in writes)
        deadline_ms = self._clock.now_ms() + WITHIN_MS
        self._pending.append(_Pending(compares, changes, deadline_ms, done))
        self._go_on()

    def _go_on(self) -> None:
        if self._is_busy or not self._pending:
            return
        self._is_busy = True
        first = self._pending[0]
        if self._superseded is not None:
            self._end(first, self._superseded)
        elif self._left_ms(first) <= 0:
            self._end(first, StoreUnreachable("etcd did not answer in time."))
        elif self._revision is None:
            self._claim(first, 0, CLAIMS_MAX)
        else:
            self._send(first, self._revision)

    def _end(self, first: _Pending, outcome: Outcome) -> None:
        assert self._pending[0] is first, "one after another"
        self._pending.popleft()
        self._is_busy = False
        first.done(outcome)
        self._go_on()

    def _again(self) -> None:
        """The first one as if nothing had been tried: no earlier try of it can succeed."""
        self._is_busy = False
        self._go_on()

    def _left_ms(self, first: _Pending) -> int:
        return first.deadline_ms - self._clock.now_ms()

    def _new_mark(self) -> bytes:
        self._marks += 1
        return self._incarnation + b"%d" % self._marks

    # --- the transaction itself ---------------------------------------------------------------

    def _send(self, first: _Pending, revision: int) -> None:
        first.mark = self._new_mark()
        request = self._request(first.compares, first.changes, first.mark, revision)
        self._asker.ask(
            request, self._left_ms(first), lambda answer, lost: self._on_sent(first, answer, lost)
        )

    def _on_sent(self, first: _Pending, answer: Answer | Failure, lost: int) -> None:
        if isinstance(answer, Failure):
            if answer.kind is Kind.LOST:
                self._end(first, StoreUnreachable(answer.sentence))
            elif lost:
                self._fence(first, _refused(answer))
            else:
                self._end(first, _refused(answer))
            return
        assert isinstance(answer, Transacted), "as asked"
        if answer.succeeded:
            self._revision = answer.header.revision
            self._end(first, answer.header.revision)
            return
        found = self._found(answer)
        if found is not None and found.revision == self._revision:
            if lost and first.may_come_back:
                self._fence(first, None)
            else:
                self._end(first, None)
        elif not self._is_applied(first, found, lost):
            self._again()

    def _is_applied(self, first: _Pending, found: Entry | None, lost: int) -> bool:
        """Learn from the client's key, which is not as expected; has `first` an outcome by that?"""
        if found is not None and found.value == first.mark:
            self._revision = found.revision
            self._end(first, found.revision)
        elif found is not None and found.value.startswith(self._incarnation):
            self._revision = found.revision
            return False
        elif found is not None and self._revision is not None:
            self._superseded = StoreRefused(
                "Another process with this broker's id writes to the same cluster; it has taken "
                "over. Stop one of the two, or give it an id of its own."
            )
            self._end(first, StoreUnreachable(str(self._superseded)) if lost else self._superseded)
        else:
            self._revision = None
            if not lost:
                return False
            self._end(first, StoreUnreachable("Somebody has removed what the outcome was told by."))
        return True

    # --- fences -------------------------------------------------------------------------------

    def _fence(self, first: _Pending, outcome: Outcome) -> None:
        """Make sure that no try of `first` is carried out any more; then it is `outcome`."""
        assert self._revision is not None, "it was sent"
        fence = self._new_mark()

        def on_answer(answer: Answer | Failure, lost: int) -> None:
            if isinstance(answer, Failure):
                self._end(first, StoreUnreachable(answer.sentence))
                return
            assert isinstance(answer, Transacted), "as asked"
            if not self._stands(fence, answer) and self._is_applied(first, self._found(answer), 1):
                return
            self._end(first, outcome)

        request = self._request((), (), fence, self._revision)
        self._asker.ask(request, max(1, self._left_ms(first)), on_answer)

    def _claim(self, first: _Pending, revision: int, claims: int) -> None:
        """Learn the revision of the client's key by writing to it."""
        fence = self._new_mark()

        def on_answer(answer: Answer | Failure, lost: int) -> None:
            if isinstance(answer, Failure):
                is_lost = answer.kind is Kind.LOST
                outcome = StoreUnreachable(answer.sentence) if is_lost else _refused(answer)
                self._end(first, outcome)
                return
            assert isinstance(answer, Transacted), "as asked"
            if self._stands(fence, answer):
                self._again()
            elif claims > 1 and self._left_ms(first) > 0:
                self._claim(first, revision_of(self._found(answer)), claims - 1)
            else:
                self._end(first, StoreUnreachable("Others of this client's name write all along."))

        request = self._request((), (), fence, revision)
        self._asker.ask(request, self._left_ms(first), on_answer)

    def _found(self, answer: Transacted) -> Entry | None:
        """What the client's key held instead of what was expected."""
        return answer.ranges[0].get(self._key)

    def _stands(self, mark: bytes, answer: Transacted) -> bool:
        """Does the client's key hold this mark, by this try or one whose answer was lost?"""
        if answer.succeeded:
            self._revision = answer.header.revision
            return True
        found = self._found(answer)
        if found is None or found.value != mark:
            return False
        self._revision = found.revision
        return True

    def _request(
        self,
        compares: tuple[tuple[bytes, int], ...],
        changes: tuple[Put | Delete, ...],
        mark: bytes,
        revision: int,
    ) -> Txn:
        return Txn(
            (*compares, (self._key, revision)),
            (*changes, Put(self._key, mark)),
            (Range(self._key),),
        )


def _change(write: Write, lease: int) -> Put | Delete:
    key = write.key.encode()
    return Delete(key) if write.value is None else Put(key, write.value, lease)


def _refused(failure: Failure) -> StoreRefused:
    if failure.kind is Kind.NOT_FOUND:
        return SessionEnded()
    return StoreRefused(failure.sentence)
