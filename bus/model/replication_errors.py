"""What can go wrong between replicas and their controller: part of the table of `bus/errors.py`."""

from bus.errors import BusError


class StaleBrokerEpoch(BusError, code=77, retriable=True):
    """The request comes from another life of the broker than the one that is known."""


class PreferredLeaderNotAvailable(BusError, code=80, retriable=True):
    """The first replica cannot lead: it is not in sync, or its broker is not there."""


class EligibleLeadersNotAvailable(BusError, code=83, retriable=True):
    """No replica of the partition is there that could lead it."""


class ElectionNotNeeded(BusError, code=84):
    """The partition is led already as the election would have it."""


class NoReassignmentInProgress(BusError, code=85):
    """No replicas of the partition are being exchanged."""


class InvalidUpdateVersion(BusError, code=95):
    """The partition's record has changed since; read it anew."""


class BrokerIdNotRegistered(BusError, code=102):
    """There is no broker with this id."""


class IneligibleReplica(BusError, code=107, retriable=True):
    """A replica may not join the in-sync set: it is not active, or has restarted since."""


class BadFetch(BusError, code=-1020, retriable=True):
    """What a leader has sent cannot follow the log of its follower."""
