"""This broker's entry in the coordination store, for as long as it lives (R1).

Event                            Effect
-----                            ------
started                          a session is opened, and the entry is written with it
written for the first time       its revision is the broker's epoch from now on
the session was lost             another one, and the entry again, with the epoch that it has
the store cannot be reached      again, a moment later
somebody else has written it     it is overwritten: an earlier life of ours, or a twin that loses
the store refuses                told: another process with this broker's id has taken over
closed                           the session ends, and the entry with it
"""

import dataclasses
import logging
from collections.abc import Callable

from bus.errors import BusError
from bus.model.keys import Keys
from bus.model.store_errors import SessionEnded, StoreRefused
from bus.model.stored_brokers import NO_EPOCH, BrokerRecord
from bus.ports import Coordination, Entry, Later, Session, Timer, Write, revision_of

AGAIN_SECONDS = 0.5
log = logging.getLogger("busd")


class Registration:
    """One life of one broker; on the event loop's thread."""

    def __init__(
        self,
        store: Coordination,
        later: Later,
        keys: Keys,
        broker: int,
        record: BrokerRecord,
        ttl_ms: int,
        on_registered: Callable[[int], None],
        on_refused: Callable[[StoreRefused], None],
    ) -> None:
        """`on_registered` is called with the epoch, each time the entry was written."""
        assert record.epoch == NO_EPOCH, "the store gives it"
        self._store = store
        self._later = later
        self._key = keys.broker(broker)
        self._record = record
        self._ttl_ms = ttl_ms
        self._on_registered = on_registered
        self._on_refused = on_refused
        self.session: Session | None = None  # while there is one
        self._timer: Timer | None = None
        self._is_closed = False
        self._open()

    @property
    def epoch(self) -> int:
        """NO_EPOCH until the entry was written."""
        return self._record.epoch

    def close(self) -> None:
        """Nothing is called any more."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self.session is not None:
            self.session.close()
            self.session = None

    def _open(self) -> None:
        self._timer = None
        if self.session is not None:
            self._read()
        else:
            self._store.open_session(self._ttl_ms, self._on_lost, self._on_session)

    def _on_lost(self) -> None:
        self.session = None
        if not self._is_closed:
            log.warning("this broker was out of reach of the store: it registers again")
            self._again()

    def _on_session(self, session: Session | BusError) -> None:
        if self._is_closed:
            if not isinstance(session, BusError):
                session.close()
        elif isinstance(session, BusError):
            self._fail(session)
        else:
            self.session = session
            self._read()

    def _read(self) -> None:
        session = self.session
        assert session is not None, "it was opened"
        self._store.get(self._key, lambda entry: self._write(session, entry))

    def _write(self, session: Session, entry: Entry | BusError | None) -> None:
        if session is not self.session:
            return  # closed, or lost: another one is on its way
        if isinstance(entry, BusError):
            self._fail(entry)
            return
        write = Write(self._key, self._record.to_bytes(), revision_of(entry), session)
        self._store.transact([write], {}, lambda outcome: self._on_written(session, outcome))

    def _on_written(self, session: Session, outcome: int | BusError | None) -> None:
        if session is not self.session:
            return
        if isinstance(outcome, SessionEnded):
            self._on_lost()
        elif isinstance(outcome, BusError):
            self._fail(outcome)
        elif outcome is None:
            self._again()
        else:
            if self._record.epoch == NO_EPOCH:
                self._record = dataclasses.replace(self._record, epoch=outcome)
            self._on_registered(self._record.epoch)

    def _fail(self, error: BusError) -> None:
        if isinstance(error, StoreRefused):
            self._on_refused(error)
        else:
            self._again()

    def _again(self) -> None:
        if self._timer is None:
            self._timer = self._later(AGAIN_SECONDS, self._open)
