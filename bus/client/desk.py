"""Between a group's member on the I/O thread and its user: what is held, and what is to change.

who          call            what it does
---          ----            ------------
I/O thread   claims          what we join with; an offer that the user has not seen is withdrawn
I/O thread   offer           a new share; the user takes it at its next poll
I/O thread   ask_release     let go of everything before the next generation
I/O thread   lose            everything may be another member's by now; what is held is nothing
I/O thread   fail            the group does not take us
user         take            the next of these; what an offer adds is held from here on
user         drop            let go of partitions

Invariant: a partition that the user may read is in `held`, unless it was lost; so whoever shares
out by what we claim gives nothing away that we still read.
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass

from bus.errors import BusError
from bus.model.ids import TopicPartition

Partitions = frozenset[TopicPartition]


@dataclass(frozen=True, slots=True)
class Offer:
    """A share: nothing else is to be held."""

    generation: int
    share: Partitions


@dataclass(frozen=True, slots=True)
class Release:
    """Let go of everything."""


@dataclass(frozen=True, slots=True)
class Lost:
    """Everything is gone."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The group does not take us."""

    error: BusError


Notice = Offer | Release | Lost | Failed


class Desk:
    """Shared by two threads, so under a lock."""

    def __init__(self) -> None:
        self.era = 0  # rises with each loss: what was handed out before cannot be committed
        self.user_era = 0  # that the user knows of; it holds nothing of an older one
        self._lock = threading.Lock()
        self._held: set[TopicPartition] = set()
        self._lost: Lost | None = None
        self._release: Release | None = None
        self._offer: Offer | None = None
        self._failed: Failed | None = None

    @property
    def has_news(self) -> bool:
        """Whether `take` has something."""
        return bool(self._lost or self._release or self._offer or self._failed)

    def claims(self) -> Partitions:
        """What the user holds."""
        with self._lock:
            self._offer = None
            return frozenset(self._held)

    def offer(self, generation: int, share: Partitions) -> bool:
        """Replace what was offered before. Is the user to let go of something for it?"""
        with self._lock:
            self._offer = Offer(generation, share)
            return not self._held <= share

    def ask_release(self) -> None:
        """Have the user let go."""
        with self._lock:
            self._offer, self._release = None, Release()

    def lose(self) -> None:
        """What is held is nothing any more."""
        with self._lock:
            self.era += 1
            self._held.clear()
            self._offer, self._release, self._lost = None, None, Lost()

    def fail(self, error: BusError) -> None:
        """The user's next poll raises it."""
        with self._lock:
            self._offer, self._release, self._failed = None, None, Failed(error)

    def take(self) -> Notice | None:
        """The next thing that the user has to see; a loss goes before all else."""
        with self._lock:
            notice = self._lost or self._failed or self._release or self._offer
            if notice is self._lost:
                self._lost = None
            elif notice is self._failed:
                self._failed = None
            elif notice is self._release:
                self._release = None
            elif isinstance(notice, Offer):
                self._offer = None
                self._held |= notice.share
            return notice

    def drop(self, partitions: Iterable[TopicPartition]) -> None:
        """The user reads these no more."""
        with self._lock:
            self._held.difference_update(partitions)

    def clear(self) -> None:
        """Nothing is held, and nothing is to change."""
        with self._lock:
            self._held.clear()
            self._lost = self._release = self._offer = self._failed = None
