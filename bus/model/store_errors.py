"""What can go wrong with the coordination store: part of the table of `bus/errors.py`."""

from bus.errors import BusError


class StoreUnreachable(BusError, code=-1015, retriable=True, definite=False):
    """The coordination store did not answer in time; what it was asked may have been done."""


class StoreRefused(BusError, code=-1016):
    """The coordination store, or the way to it, is not as it must be."""


class SessionEnded(StoreRefused, code=-1017):
    """The session of a key has ended, and nothing is written; open another one."""
