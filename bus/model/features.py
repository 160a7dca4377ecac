"""Levels of what brokers keep and say to each other: which this program knows, and which all use.

Level   What came with it
-----   -----------------
1       all that was kept and said before there were levels
2       who writes a stored record anew keeps the fields in it that it does not know

A cluster stands at one level, in its own key (`stored.py`, under the name `cluster.version`), and
each broker tells with its entry which ones it knows. A broker writes nothing, and says nothing to
other brokers, that is not known at the cluster's level, however new it is; so older ones run beside
it. Once all know a higher level, an operator raises the cluster to it, and there is no way back.

What needs a level of its own: another form of a stored value, of a file in a data directory, or of
a request between brokers. What needs none: a tagged field of a request, as older brokers pass over
it, and from level 2 on a further field of a stored record, as they keep it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

CLUSTER_VERSION = "cluster.version"  # the feature's name
FIRST = 1  # of a cluster, and of a broker, that tells of none


@dataclass(frozen=True, slots=True)
class Levels:
    """All that a program knows: `low` to `high`, both included."""

    low: int
    high: int

    def holds(self, level: int) -> bool:
        """Is it one of them?"""
        return self.low <= level <= self.high

    def __str__(self) -> str:
        return f"level {self.low}" if self.low == self.high else f"levels {self.low} to {self.high}"


OLDEST = Levels(FIRST, FIRST)  # of a broker that tells of none
KNOWN = Levels(FIRST, 2)  # to this program


def start_refusal(level: int, known: Levels) -> str | None:
    """Why a program must not serve a cluster, or a directory, of this level; None: it may."""
    if known.holds(level):
        return None
    if level > known.high:
        remedy = "Start the version that ran here last, or a newer one: there is no way back."
    else:
        remedy = "Start an older version first, and raise the level by `busd cluster upgrade`."
    return f"The metadata stands at level {level}; this version of busd knows {known}. {remedy}"


def raise_refusal(level: int, wanted: int, brokers: Mapping[int, Levels]) -> str | None:
    """Why a cluster cannot go to the level that is wanted, with these brokers; None: it can."""
    if wanted < level:
        return f"The cluster stands at level {level}, and there is no way back to level {wanted}."
    unable = sorted(broker for broker, known in brokers.items() if not known.holds(wanted))
    if not unable:
        return None
    first = unable[0]
    others = f" (and {len(unable) - 1} more)" if len(unable) > 1 else ""
    return (
        f"Broker {first}{others} knows {brokers[first]}, not level {wanted}. Start it with a "
        "version that does, and try again."
    )


def highest(brokers: Mapping[int, Levels]) -> int:
    """The level that all brokers know; of none the first."""
    return min((known.high for known in brokers.values()), default=FIRST)
