"""Which member of an etcd is asked, how often, and what the answers say of etcd as a whole.

What came of a try        What follows
------------------        ------------
an answer                 it is handed on; this member is asked first from now on
no answer                 the next member, at once; a pause after each round of all of them, and
                          more time for each try from the third round on: they may be slow
a member that is refused  the next; the end of it if all are
another failure           it is handed on: no member would answer otherwise
nothing until the end     the last failure

All requests can be repeated: what repeating means for one that changes something is looked after
by who asks it, who is told how many tries before the answer were lost.

Invariant: all answers come from one etcd, and its revision never goes back.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from bus.adapters.etcd.carrier import Carrier
from bus.adapters.etcd.messages import (
    Answer,
    Failure,
    Header,
    Kind,
    Range,
    Ranged,
    Request,
    Transacted,
    Txn,
)
from bus.model.backoff import doubled
from bus.ports import Clock, Later, Timer

TRY_MS = 400  # of one request to one member, in the first two rounds
TRY_DOUBLINGS_MAX = 3
PAUSE_MS = 50  # after the first round without an answer, doubling
PAUSE_MS_MAX = 400

Answered: TypeAlias = Callable[[Answer | Failure, int], None]  # and how many tries were lost before


@dataclass(slots=True)
class _Asked:
    """One request under way."""

    request: Request
    deadline_ms: int
    try_ms: int
    answered: Answered
    member: int
    floor: int  # of revisions: it was as high when this was asked for
    tries: int = 0
    lost: int = 0
    unusable: int = 0  # in a row


class Asker:
    """Requests to whoever of the members answers."""

    def __init__(self, carrier: Carrier, clock: Clock, later: Later) -> None:
        self.carrier = carrier
        self._clock = clock
        self._later = later
        self._member = 0
        self._cluster: tuple[int, str] | None = None  # its id, and who told it
        self._revision = 0  # the highest seen
        self._pauses: set[Timer] = set()
        self._is_closed = False

    @property
    def member(self) -> int:
        """Who is asked first."""
        return self._member

    def pass_over(self, member: int) -> None:
        """Ask another one first, if it is still this one."""
        if member == self._member:
            self._member = (member + 1) % len(self.carrier.names)

    def ask(
        self, request: Request, within_ms: int, answered: Answered, try_ms: int | None = None
    ) -> None:
        """`answered` is called once, within so many milliseconds or a little later."""
        try_ms = TRY_MS if try_ms is None else try_ms
        deadline_ms = self._clock.now_ms() + within_ms
        asked = _Asked(request, deadline_ms, try_ms, answered, self._member, self._revision)
        self._try(asked)

    def stranger(self, member: int, header: Header) -> Failure | None:
        """What is wrong if an answer is not from the etcd that the others are from."""
        name = self.carrier.names[member]
        if self._cluster is None:
            self._cluster = header.cluster, name
        if header.cluster == self._cluster[0]:
            return None
        return Failure(
            Kind.UNUSABLE,
            f"{name} and {self._cluster[1]} are members of different etcds; "
            "only those of one may be named.",
        )

    def close(self) -> None:
        """Nothing is called any more."""
        self._is_closed = True
        for timer in self._pauses:
            timer.cancel()
        self._pauses.clear()

    def _try(self, asked: _Asked) -> None:
        if self._is_closed:
            return
        left_ms = asked.deadline_ms - self._clock.now_ms()
        rounds = asked.tries // len(self.carrier.names)
        doublings = min(max(0, rounds - 1), TRY_DOUBLINGS_MAX)
        timeout_ms = max(1, min(asked.try_ms << doublings, left_ms))
        asked.tries += 1
        self.carrier.ask(
            asked.member, asked.request, timeout_ms, lambda answer: self._on_answer(asked, answer)
        )

    def _on_answer(self, asked: _Asked, answer: Answer | Failure) -> None:
        if self._is_closed:
            return
        if not isinstance(answer, Failure):
            answer = self._checked(asked, answer)
        if not isinstance(answer, Failure):
            self._member = asked.member
            asked.answered(answer, asked.lost)
            return
        kind = answer.kind
        if kind is Kind.TOO_LARGE and not isinstance(asked.request, Range):
            kind = Kind.LOST  # etcd is full, or has too much to do: it may have room in a moment
        if kind is Kind.LOST:
            asked.lost += 1
            asked.unusable = 0
            self._try_next(asked, answer)
        elif kind is Kind.UNUSABLE:
            asked.unusable += 1
            self._try_next(asked, answer)
        else:
            asked.answered(answer, asked.lost)

    def _try_next(self, asked: _Asked, failure: Failure) -> None:
        count = len(self.carrier.names)
        if asked.unusable >= count:
            asked.answered(replace(failure, kind=Kind.REFUSED), asked.lost)
            return
        self.pass_over(asked.member)
        asked.member = (asked.member + 1) % count
        rounds, rest = divmod(asked.tries, count)
        pause_ms = 0 if rest else doubled(PAUSE_MS, rounds - 1, PAUSE_MS_MAX)
        if self._clock.now_ms() + pause_ms >= asked.deadline_ms:
            asked.answered(replace(failure, kind=Kind.LOST), asked.lost)
        elif pause_ms == 0:
            self._try(asked)
        else:
            self._pause(asked, pause_ms)

    def _pause(self, asked: _Asked, pause_ms: int) -> None:
        def go_on() -> None:
            self._pauses.discard(timer)
            self._try(asked)

        timer = self._later(pause_ms / 1000, go_on)
        self._pauses.add(timer)

    def _checked(self, asked: _Asked, answer: Answer) -> Answer | Failure:
        """The answer, or what is wrong with an etcd that gives it."""
        stranger = self.stranger(asked.member, answer.header)
        if stranger is not None:
            return stranger
        if _is_linearizable(asked.request, answer):
            if answer.header.revision < asked.floor:
                return _gone_back(
                    self.carrier.names[asked.member], asked.floor, answer.header.revision
                )
            self._revision = max(self._revision, answer.header.revision)
        return answer


def _is_linearizable(request: Request, answer: Answer) -> bool:
    if isinstance(request, Range):
        return isinstance(answer, Ranged) and not request.is_local
    return isinstance(request, Txn) and isinstance(answer, Transacted)


def _gone_back(name: str, floor: int, revision: int) -> Failure:
    return Failure(
        Kind.REFUSED,
        f"The etcd at {name} has gone back from revision {floor} to {revision}: it was restored "
        "from a copy, or began anew. Restart the brokers once it holds what it should.",
    )
