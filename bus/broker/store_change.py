"""A change of what the coordination store holds: decided on the copy, written, shown by the copy.

Event                          What follows
-----                          ------------
asked for                      decide what to write; an error of that is told
nothing is to be written       told at once
written, as the copy shows     the next transaction, if one did not hold it all; else told
a key had moved                all is decided anew, a few times
any other error                told: what came of it is not known, unless it was refused

One node's file answers within the call, a store over a network later: it is the same for both.
"""

from collections.abc import Callable, Mapping, Sequence

from bus.broker.mirror import Mirror, Outcome
from bus.errors import BusError, RequestTimedOut
from bus.model.limits import TRANSACTION_WRITES_MAX
from bus.ports import Write

TRIES = 10
Told = Callable[[int | BusError], None]  # the revision of the last transaction, 0 without one


def change(
    mirror: Mirror,
    decide: Callable[[], Sequence[Write]],
    told: Told,
    guards: Callable[[], Mapping[str, int]] = dict,
) -> None:
    """Write what `decide` makes of the copy; it may raise BusError, and so may `guards`."""
    _Change(mirror, decide, guards, told).begin()


class _Change:
    """One of them, until it is told."""

    def __init__(
        self,
        mirror: Mirror,
        decide: Callable[[], Sequence[Write]],
        guards: Callable[[], Mapping[str, int]],
        told: Told,
    ) -> None:
        self._mirror = mirror
        self._decide = decide
        self._guards = guards
        self._told = told
        self._tries = 0
        self._left: list[Sequence[Write]] = []
        self._guard: Mapping[str, int] = {}

    def begin(self) -> None:
        self._tries += 1
        if self._tries > TRIES:
            self._told(RequestTimedOut("The metadata kept changing meanwhile; try again."))
            return
        try:
            self._guard = self._guards()
            writes = self._decide()
        except BusError as error:
            self._told(error)
            return
        starts = range(0, len(writes), TRANSACTION_WRITES_MAX)
        self._left = [writes[at : at + TRANSACTION_WRITES_MAX] for at in starts]
        self._go_on(0)

    def _go_on(self, revision: int) -> None:
        if self._left:
            self._mirror.transact(self._left.pop(0), self._guard, self._on_outcome)
        else:
            self._told(revision)

    def _on_outcome(self, outcome: Outcome) -> None:
        if outcome is None:
            self.begin()
        elif isinstance(outcome, BusError):
            self._told(outcome)
        else:
            self._go_on(outcome)
