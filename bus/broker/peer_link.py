"""The link to one other broker: two connections that stand or fall together.

Each broker asks on the connection that it has made and is answered on it, so that no question waits
behind the records of an answer to another. Of two brokers the one with the lower id calls first:

    caller                                    called
    ------                                    ------
    connects, Hello(link n)            ->
                                       <-     connects, Hello(link n, life of the caller)
    answers it; the link is up         ->     the link is up, by the answer or by a first question

Event                                   What is done
-----                                   ------------
either connection ends                  the link is down: the other one is ended as well; whoever
                                          waits for an answer gets an error; the caller calls again,
                                          as another link
a Hello of another link comes           the same, and then the new one is taken
a Hello of an older link, of the wrong  it is refused
  cluster, broker, key or life
the link is not up in GREETING_S        as if a connection had ended
bytes that are no message, or none      the same, and the log says why
  that belongs here

What was sent on a link that is down is lost, and nothing of it comes later: both connections are
closed by then, and the next link has others.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Protocol
from uuid import UUID

from bus.adapters.line_limit import LineLimit
from bus.adapters.local_socket import SCHEME, is_reachable
from bus.adapters.zmq_dial import ZmqDial
from bus.adapters.zmq_peer import ZmqPeer
from bus.errors import (
    NONE,
    BadSetting,
    BrokerUnreachable,
    BufferFull,
    BusError,
    ClusterAuthorizationFailed,
    FrameError,
    UnsupportedVersion,
)
from bus.model.backoff import doubled
from bus.model.ids import NO_TOPIC_ID
from bus.model.limits import PEER_ASKS_MAX
from bus.wire.extensions import ONE_WAY
from bus.wire.frames import (
    parse_response_frames,
    request_frames,
    response_correlation_id,
    response_frames,
)
from bus.wire.header import RequestHeader
from bus.wire.peers import HelloRequest, HelloResponse
from bus.wire.registry import Api, api_of
from bus.wire.schema import Message

GREETING_S = 5.0
AGAIN_S = 0.02  # before the next call; doubling while they fail
AGAIN_S_MAX = 1.0
STABLE_S = 1.0  # a link that was up so long did not fail at once
NUMBER_MASK = 0x7FFFFFFF  # of what is asked; they begin anew when all are used
NO_LIFE = NO_TOPIC_ID

Done = Callable[[Message | BusError], None]
HELLO = api_of(HelloRequest)
log = logging.getLogger("busd.peers")


class Office(Protocol):
    """What all links of a broker share."""

    loop: asyncio.AbstractEventLoop
    lines: LineLimit
    is_closed: bool

    def hello(self, called: int, link: int, called_life: UUID) -> HelloRequest:
        """Who we are."""

    def dial(
        self,
        url: str,
        key: str,
        on_open: Callable[[], None],
        on_message: Callable[[list[memoryview]], None],
        on_down: Callable[[str], None],
    ) -> ZmqDial:
        """Connect to a broker, once. Raises BadSetting."""

    def cut(self, peer: ZmqPeer) -> None:
        """End a connection that another broker has made."""

    def answer(self, done: Done, error: BusError) -> None:
        """Tell who waits for an answer, a moment later."""

    def on_link(self, broker: int, is_up: bool) -> None:
        """The link is up, or down with all that was on it."""


class PeerLink:
    """On the event loop's thread."""

    def __init__(self, office: Office, me: int, other: int) -> None:
        self.broker = other
        self.is_up = False
        self.url = self.key = ""  # where it is called, and as whom it is believed
        self.path = ""  # where it is called rather, if it is on this machine
        self.epoch = 0  # the latest life of it that we have heard of
        self._office = office
        self._calls = me < other
        self._out: ZmqDial | None = None  # the connection that we have made
        self._in: ZmqPeer | None = None  # the one that it has made
        self._greeting = 0  # correlation id of its Hello, which is answered when the link is up
        self._number = 0  # of the link, as the caller counts
        self._life = NO_LIFE  # of the other one, as of this link
        self._life_epoch = 0  # its epoch, if it had one when it said hello
        self._up_since = 0.0
        self._asked: dict[int, tuple[Api, Done]] = {}
        self._next = 0
        self._timer: asyncio.TimerHandle | None = None
        self._failures = 0  # calls in a row that came to nothing
        self._told = ""  # why, as the log has it
        self._is_closed = False

    def aim(self, url: str, key: str, epoch: int, path: str = "") -> None:
        """It is there, and has this key; who is linked to it otherwise is no more."""
        is_elsewhere = (url, key, path) != (self.url, self.key, self.path)
        is_other = is_elsewhere or 0 < self._life_epoch < epoch
        is_later = epoch > self.epoch
        self.url, self.key, self.epoch, self.path = url, key, epoch, path
        if is_other or (is_later and self._out is None):  # it has just started: call it at once
            self._failures = 0
            self._end("it is registered otherwise now")

    def close(self) -> None:
        """It is no broker any more, or we are none."""
        self._is_closed = True
        self._end("it is no member any more")

    # --- what we ask ---------------------------------------------------------------------------

    def ask(self, request: Message, done: Done) -> None:
        """`done` is called once, later."""
        if not self.is_up:
            self._office.answer(done, BrokerUnreachable(f"Broker {self.broker} is away."))
        elif len(self._asked) >= PEER_ASKS_MAX:
            self._office.answer(done, BufferFull("Too much is asked of one broker."))
        else:
            self._next = number = (self._next + 1) & NUMBER_MASK
            self._asked[number] = api_of(request), done
            self._send(number, request)

    def tell(self, message: Message) -> None:
        """What has no answer."""
        if self.is_up:
            self._send(ONE_WAY, message)

    def _send(self, number: int, message: Message) -> None:
        assert self._out is not None, "only who is connected sends"
        api = api_of(message)
        header = RequestHeader(api.key, api.max_version, number)
        try:
            self._out.send(request_frames(header, message))
        except BufferFull:
            self._end("it does not take what it is sent")

    def _on_answer(self, frames: list[memoryview]) -> None:
        try:
            asked = self._asked.get(response_correlation_id(frames[0]))
            if asked is None:
                raise FrameError("Nothing was asked with that number.")
            api, done = asked
            number, answer = parse_response_frames(api, api.max_version, [*frames])
        except (FrameError, UnsupportedVersion) as error:
            self._end(f"it sent what is no answer: {error}")
        else:
            del self._asked[number]
            done(answer)

    # --- how it comes up -------------------------------------------------------------------------

    def greet(self, peer: ZmqPeer, number: int, hello: HelloRequest) -> None:
        """The other broker has connected; that it is the one is proven."""
        if 0 < hello.broker_epoch < self.epoch:
            self.refuse(peer, number, "a later life of this broker is registered")
        elif self._calls:
            self._on_called_back(peer, number, hello)
        elif hello.life == self._life and hello.link <= self._number:
            self.refuse(peer, number, "a later call has come")
        else:
            self._end("it calls anew")
            self._life, self._life_epoch = hello.life, hello.broker_epoch
            self._number = hello.link
            self._in, self._greeting = peer, number
            self._dial()

    def refuse(self, peer: ZmqPeer, number: int, reason: str) -> None:
        """Say why not, and leave it a moment to read it."""
        response = HelloResponse(ClusterAuthorizationFailed.code, reason)
        peer.reply(response_frames(HELLO, HELLO.max_version, number, response))
        self._office.loop.call_later(AGAIN_S_MAX, self._office.cut, peer)

    def owns(self, peer: ZmqPeer) -> bool:
        """Is this its connection to us? What it says on another one does not count."""
        return peer is self._in

    def on_question(self) -> None:
        """It asks on the link, so it has accepted it."""
        if not self.is_up and self._out is not None and self._out.is_open:
            self._go_up()

    def on_gone(self, peer: ZmqPeer) -> None:
        """A connection that another broker has made has ended."""
        if peer is self._in:
            self._end("it closed its connection, or does not answer")

    def on_misuse(self, reason: str) -> None:
        """It sends what it must not."""
        self._end(reason)

    def _call(self) -> None:
        self._timer = None
        self._number += 1
        self._dial()

    def _dial(self) -> None:
        """Connect; within a link, or as its beginning."""
        self._timer = self._office.loop.call_later(
            GREETING_S, self._end, "it does not greet us in time"
        )
        url = SCHEME + self.path if self.path and is_reachable(self.path) else self.url
        try:
            self._out = self._office.dial(url, self.key, self._on_open, self._on_answer, self._end)
        except BadSetting as error:
            self._end(str(error))

    def _on_open(self) -> None:
        hello = self._office.hello(self.broker, self._number, self._life_called())
        self._asked[0] = HELLO, partial(self._on_greeted, self._number)
        self._send(0, hello)

    def _life_called(self) -> UUID:
        return NO_LIFE if self._calls else self._life

    def _on_greeted(self, link: int, answer: Message | BusError) -> None:
        if not isinstance(answer, HelloResponse) or link != self._number:
            return
        if answer.error_code != NONE:
            self._end(f"it refuses us: {answer.reason[:200]}")
        elif not self._calls and not self.is_up:
            self._go_up()

    def _on_called_back(self, peer: ZmqPeer, number: int, hello: HelloRequest) -> None:
        me = self._office.hello(self.broker, self._number, NO_LIFE)
        is_ours = (hello.link, hello.called_life) == (self._number, me.life)
        if not is_ours or self._in is not None or self._out is None or not self._out.is_open:
            self.refuse(peer, number, "the call that this answers is over")
            return
        self._in, self._greeting = peer, number
        self._life, self._life_epoch = hello.life, hello.broker_epoch
        self._go_up()

    def _go_up(self) -> None:
        assert self._in is not None, "both connections are there"
        self._in.reply(response_frames(HELLO, HELLO.max_version, self._greeting, HelloResponse()))
        self.is_up, self._told = True, ""
        self._up_since = self._office.loop.time()
        self._disarm()
        log.info("The link to broker %d is up.", self.broker)
        self._office.on_link(self.broker, True)

    # --- how it goes down ------------------------------------------------------------------------

    def _end(self, reason: str) -> None:
        """What was on the link is lost; the caller calls anew."""
        self._disarm()
        was_up, self.is_up = self.is_up, False
        out, self._out = self._out, None
        there, self._in = self._in, None
        asked, self._asked = self._asked, {}
        self._life_epoch = 0
        if out is not None:
            out.close()
        if there is not None:
            self._office.cut(there)
        if (out is not None or there is not None) and not self._office.is_closed:
            self._tell(was_up, reason)
        if was_up and self._office.loop.time() - self._up_since >= STABLE_S:
            self._failures = 0
        if self._calls and not self._is_closed:
            pause = doubled(AGAIN_S, self._failures, AGAIN_S_MAX)
            self._timer = self._office.loop.call_later(pause, self._call)
            self._failures += 1
        if was_up:
            self._office.on_link(self.broker, False)
        error = BrokerUnreachable(f"The link to broker {self.broker} was lost.")
        for _, done in asked.values():
            self._office.answer(done, error)

    def _tell(self, was_up: bool, reason: str) -> None:
        if was_up or reason != self._told:
            self._told = reason
            said = "The link is down to broker" if was_up else "No link to broker"
            line = self._office.lines.told(f"{said} {self.broker}: {reason.removesuffix('.')}.")
            if line:
                log.warning("%s", line)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
