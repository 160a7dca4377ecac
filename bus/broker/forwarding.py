"""What only the controller may do, asked of it from any broker of the cluster (R4).

Who controls                What becomes of a request
------------                -------------------------
this broker                 it is carried out here
another one                 it asks that one, as its clients ask it
nobody, or one that is      it is asked again a moment later, until its time is over
  the controller no more
one that is not reached     nobody knows what became of it, and that is what is told

An answer is passed on once this broker's own copy of the store shows what it tells of: who has made
a topic finds it here.
"""

from collections.abc import Callable
from dataclasses import dataclass

from bus.broker.changed import Changed, results
from bus.broker.membership import NOBODY, Membership
from bus.broker.mirror import Mirror
from bus.broker.peers import Peers
from bus.errors import BusError, NotController, RequestTimedOut, error_of
from bus.model.limits import FORWARD_AGAIN_MS
from bus.ports import Clock, Later
from bus.wire.metadata import MetadataRequest, MetadataRequestTopic, MetadataResponse
from bus.wire.schema import Message

MAKE_MS = 10_000  # for a topic that somebody's first use makes
Told = Callable[[Message | BusError | None], None]  # None: this broker controls
Done = Callable[[BusError | None], None]


@dataclass(slots=True, eq=False)
class _Asked:
    """One request, until it is told."""

    request: Message
    end_ms: int
    told: Told
    answer: Message | None = None  # once there is one, until the copy shows it
    revision: int = 0  # of the copy that shows it


class Forwarding:
    """On the event loop's thread."""

    def __init__(
        self, me: int, members: Membership, mirror: Mirror, peers: Peers, clock: Clock, later: Later
    ) -> None:
        self._me = me
        self._members = members
        self._mirror = mirror
        self._peers = peers
        self._clock = clock
        self._later = later
        self._shown: list[_Asked] = []  # those that wait for the copy

    def ask(self, request: Message, timeout_ms: int, told: Told) -> None:
        """`told` is called once: with the answer, or why there is none, or None: do it here."""
        self._ask(_Asked(request, self._clock.now_ms() + timeout_ms, told))

    def make(self, name: str, here: Callable[[Done], None], done: Done) -> None:
        """Have a topic made as somebody's first use of it makes it; `here` does it here."""

        def told(outcome: Message | BusError | None) -> None:
            if outcome is None:
                here(done)
            elif isinstance(outcome, BusError):
                done(outcome)
            else:
                assert isinstance(outcome, MetadataResponse), "it answers that request"
                code = outcome.topics[0].error_code if outcome.topics else NotController.code
                done(error_of(code) if code else None)

        self.ask(MetadataRequest([MetadataRequestTopic(name=name)], True), MAKE_MS, told)

    def on_news(self) -> None:
        """The store's copy has changed."""
        revision = self._mirror.revision
        for asked in [asked for asked in self._shown if asked.revision <= revision]:
            self._shown.remove(asked)
            asked.told(asked.answer)

    def _ask(self, asked: _Asked) -> None:
        if self._members.controlling is not None:
            asked.told(None)
        elif self._members.controller in (NOBODY, self._me):
            self._again(asked)
        else:
            controller = self._members.controller
            self._peers.ask(controller, asked.request, lambda got: self._on_answer(asked, got))

    def _again(self, asked: _Asked) -> None:
        if self._clock.now_ms() >= asked.end_ms:
            asked.told(NotController("No broker of the cluster controls it now; try again."))
        else:
            self._later(FORWARD_AGAIN_MS / 1000, lambda: self._ask(asked))

    def _on_answer(self, asked: _Asked, answer: Message | BusError) -> None:
        if isinstance(answer, BusError):
            asked.told(RequestTimedOut(f"The controller does not answer: {answer}"))
        elif _is_no_controllers(answer):
            self._again(asked)
        else:
            asked.answer, asked.revision = answer, _revision(answer)
            self._shown.append(asked)
            left_ms = max(0, asked.end_ms - self._clock.now_ms())
            self._later(left_ms / 1000, lambda: self._give_up(asked))
            self.on_news()

    def _give_up(self, asked: _Asked) -> None:
        if asked in self._shown:
            self._shown.remove(asked)
            asked.told(RequestTimedOut("It is done, and this broker does not know of it yet."))


def _is_no_controllers(answer: Message) -> bool:
    if isinstance(answer, MetadataResponse):
        return any(topic.error_code == NotController.code for topic in answer.topics)
    codes = results(answer) if isinstance(answer, Changed) else []
    return bool(codes) and all(code == NotController.code for code in codes)


def _revision(answer: Message) -> int:
    return max(0, answer.revision) if isinstance(answer, Changed | MetadataResponse) else 0
