"""What can go wrong between two replicas: part of the table of `bus/errors.py`."""

from bus.errors import BusError


class BadFetch(BusError, code=-1020, retriable=True):
    """What a leader has sent cannot follow the log of its follower."""
