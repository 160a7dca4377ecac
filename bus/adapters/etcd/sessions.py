"""Sessions: leases of etcd that are kept alive for as long as this process is.

Event                        Effect
-----                        ------
opened                       a lease is granted, with an id that we drew: so it can be repeated
a third of its time is over  it is kept alive; again and again until etcd answers
etcd does not know it        the session is lost, and whoever opened it is told
closed                       the lease is revoked; if that does not arrive it ends by itself

Time proves nothing here: only etcd's word ends a session. Who must not go on without one finds
out by the transactions that fail.
"""

from collections.abc import Callable
from dataclasses import dataclass

from bus.adapters.etcd.asking import Asker
from bus.adapters.etcd.messages import (
    Answer,
    Failure,
    Grant,
    Granted,
    KeepAlive,
    KeptAlive,
    Kind,
    Revoke,
)
from bus.errors import BusError
from bus.model.store_errors import StoreRefused, StoreUnreachable
from bus.ports import Later, Random, Session, Timer

GRANT_WITHIN_MS = 5_000
REVOKE_WITHIN_MS = 1_000
BEATS_PER_TTL = 3


@dataclass(slots=True, eq=False)
class EtcdSession:
    """One lease, and who is told of its end."""

    sessions: "Sessions"
    lease: int
    ttl_ms: int
    on_lost: Callable[[], None]
    timer: Timer | None = None

    def close(self) -> None:
        """End it now, and its keys with it, as far as the store can be reached."""
        self.sessions.end(self)


class Sessions:
    """Those of one client."""

    def __init__(self, asker: Asker, random: Random, later: Later) -> None:
        self._asker = asker
        self._random = random
        self._later = later
        self._open: set[EtcdSession] = set()

    def open(
        self,
        ttl_ms: int,
        on_lost: Callable[[], None],
        done: Callable[[Session | BusError], None],
    ) -> None:
        """As of the port."""
        lease = int.from_bytes(self._random.uuid_bytes()[:8], "big") >> 1 or 1

        def on_answer(answer: Answer | Failure, lost: int) -> None:
            if isinstance(answer, Granted):
                self._begin(lease, answer.ttl_s, on_lost, done)
            elif isinstance(answer, Failure) and answer.kind is Kind.ALREADY and lost:
                self._adopt(lease, on_lost, done)
            else:
                done(_error(answer))

        request = Grant(lease, max(1, -(-ttl_ms // 1000)))
        self._asker.ask(request, GRANT_WITHIN_MS, on_answer)

    def lease_of(self, session: Session) -> int:
        """The lease behind a session, also of one that has ended."""
        assert isinstance(session, EtcdSession), "it was opened here"
        assert session.sessions is self, "it was opened here"
        return session.lease

    def end(self, session: EtcdSession, done: Callable[[], None] = lambda: None) -> None:
        """Revoke it; `done` when that is over, whatever came of it."""
        if session not in self._open:
            done()
            return
        self._forget(session)
        self._asker.ask(Revoke(session.lease), REVOKE_WITHIN_MS, lambda answer, lost: done())

    def close(self, done: Callable[[], None]) -> None:
        """End all; `done` when that is over."""
        left = len(self._open)
        if not left:
            done()
            return

        def one_less() -> None:
            nonlocal left
            left -= 1
            if not left:
                done()

        for session in list(self._open):
            self.end(session, one_less)

    def _adopt(
        self, lease: int, on_lost: Callable[[], None], done: Callable[[Session | BusError], None]
    ) -> None:
        """The grant's answer was lost, but it was granted."""

        def on_answer(answer: Answer | Failure, lost: int) -> None:
            if isinstance(answer, KeptAlive) and answer.ttl_s:
                self._begin(lease, answer.ttl_s, on_lost, done)
            else:
                done(_error(answer))

        self._asker.ask(KeepAlive(lease), GRANT_WITHIN_MS, on_answer)

    def _begin(
        self,
        lease: int,
        ttl_s: int,
        on_lost: Callable[[], None],
        done: Callable[[Session | BusError], None],
    ) -> None:
        session = EtcdSession(self, lease, ttl_s * 1000, on_lost)
        self._open.add(session)
        self._beat_later(session)
        done(session)

    def _beat_later(self, session: EtcdSession) -> None:
        seconds = session.ttl_ms / 1000 / BEATS_PER_TTL
        session.timer = self._later(seconds, lambda: self._beat(session))

    def _beat(self, session: EtcdSession) -> None:
        session.timer = None
        self._asker.ask(
            KeepAlive(session.lease),
            session.ttl_ms,
            lambda answer, lost: self._on_beat(session, answer),
        )

    def _on_beat(self, session: EtcdSession, answer: Answer | Failure) -> None:
        if session not in self._open:
            return
        is_unknown = isinstance(answer, Failure) and answer.kind is Kind.NOT_FOUND
        if is_unknown or (isinstance(answer, KeptAlive) and not answer.ttl_s):
            self._forget(session)
            session.on_lost()
        elif isinstance(answer, Failure) and answer.kind is Kind.LOST:
            self._beat(session)  # its time was spent on asking
        else:
            self._beat_later(session)

    def _forget(self, session: EtcdSession) -> None:
        self._open.discard(session)
        if session.timer is not None:
            session.timer.cancel()


def _error(answer: Answer | Failure) -> BusError:
    if isinstance(answer, Failure) and answer.kind is not Kind.LOST:
        return StoreRefused(answer.sentence)
    sentence = answer.sentence if isinstance(answer, Failure) else "The lease ended at once."
    return StoreUnreachable(sentence)
