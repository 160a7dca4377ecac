"""A broker takes its leave: it stays until others lead what it led, or its time is over.

Step                                              Until
----                                              -----
ask the controller, whoever that is by then       the store says that this life has left
ask it to wait no longer                          the same, once `timeout_ms` have passed
go                                                at once; or GRACE_MS later, whoever answers

What this broker leads it leads on meanwhile; it stops serving when it is told that it may go.
"""

from collections.abc import Callable

from bus.broker.membership import Membership
from bus.broker.replication import Replication
from bus.broker.streams import Later
from bus.errors import BusError
from bus.model.limits import LEAVE_AGAIN_MS, LEAVE_GRACE_MS
from bus.ports import Clock
from bus.wire.replicas import BrokerLeaveRequest
from bus.wire.schema import Message


class Departure:
    """One broker's, once; on the event loop's thread."""

    def __init__(
        self,
        me: int,
        membership: Membership,
        replication: Replication,
        clock: Clock,
        later: Later,
        timeout_ms: int,
        done: Callable[[], None],
    ) -> None:
        """`done` is called once, later: with all handed over that somebody could take, or late."""
        self._me = me
        self._membership = membership
        self._replication = replication
        self._clock = clock
        self._later = later
        self._end_ms = clock.now_ms() + timeout_ms
        self._done: Callable[[], None] | None = done
        self._later(0, self._ask)

    def on_news(self) -> None:
        """What the store holds has changed."""
        if self._membership.has_left:
            self._later(0, self._go)

    def _ask(self) -> None:
        if self._done is None:
            return
        now = self._clock.now_ms()
        if self._membership.has_left or now >= self._end_ms + LEAVE_GRACE_MS:
            self._go()
            return
        request = BrokerLeaveRequest(self._me, self._membership.epoch, now >= self._end_ms)
        self._replication.ask_controller(request, _heard)
        self._later(LEAVE_AGAIN_MS / 1000, self._ask)

    def _go(self) -> None:
        done, self._done = self._done, None
        if done is not None:
            done()


def _heard(_: Message | BusError) -> None:
    """What comes of it is told by the store; else it is asked again."""
