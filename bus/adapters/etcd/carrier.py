"""How requests reach one member of an etcd: the contract, and its form over HTTP.

A try is one request to one member, with a deadline. Which member is asked, and whether another try
follows, is decided above (`asking.py`), so that the simulator has the same decisions over a
network of its own.

With a user, a token is fetched once and shown to all members; one that has become old is fetched
anew, and the try goes on.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from typing import Protocol, TypeAlias

from bus.adapters.etcd import codec
from bus.adapters.etcd.connection import OK, Reply
from bus.adapters.etcd.member import Member, Unusable, headers
from bus.adapters.etcd.messages import Answer, Failure, Kind, Request, Watched, Watching
from bus.adapters.etcd.settings import EtcdSettings
from bus.errors import FrameError
from bus.model.limits import ETCD_ANSWER_BYTES_MAX

LOGIN_MS = 2_000  # etcd makes the hash of a password slow on purpose
CONNECT_MS = 1_000  # of a watch, until it is acknowledged

Answered: TypeAlias = Callable[[Answer | Failure], None]
OnMessage: TypeAlias = Callable[[Watched], None]
OnEnd: TypeAlias = Callable[[Failure], None]


class Carrier(Protocol):
    """Members are named by number. Nothing is called before a call here returns."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of the members, for people."""

    def ask(self, member: int, request: Request, timeout_ms: int, answered: Answered) -> None:
        """One try; `answered` is called once, soon after the time is over at the latest."""

    def watch(
        self, member: int, request: Watching, on_message: OnMessage, on_end: OnEnd
    ) -> Callable[[], None]:
        """Messages until `on_end`, or until what is returned is called."""

    def close(self) -> None:
        """Nothing is called any more."""


class HttpCarrier:
    """The Carrier over etcd's JSON gateway; tells the versions of members, too."""

    def __init__(self, loop: asyncio.AbstractEventLoop, settings: EtcdSettings) -> None:
        """Raises BadSetting if a certificate cannot be used."""
        self._loop = loop
        self._settings = settings
        tls = settings.tls()
        self._members = [Member(endpoint, tls) for endpoint in settings.endpoints]
        self._tasks: set[asyncio.Task[None]] = set()
        self._token = ""
        self._login = asyncio.Lock()

    @property
    def names(self) -> tuple[str, ...]:
        """Of the members, for people."""
        return tuple(member.url for member in self._members)

    def versions(self) -> list[str]:
        """Of those members that a connection was made to, sorted, each once."""
        return sorted({member.version for member in self._members if member.version})

    def ask(self, member: int, request: Request, timeout_ms: int, answered: Answered) -> None:
        """One try; `answered` is called once, soon after the time is over at the latest."""

        async def run() -> None:
            answered(await self._ask(self._members[member], request, timeout_ms))

        self._start(run())

    def watch(
        self, member: int, request: Watching, on_message: OnMessage, on_end: OnEnd
    ) -> Callable[[], None]:
        """Messages until `on_end`, or until what is returned is called."""

        async def run() -> None:
            on_end(await self._watch(self._members[member], request, on_message))

        task = self._start(run())

        def end() -> None:
            task.cancel()

        return end

    def close(self) -> None:
        """Nothing is called any more."""
        for task in self._tasks:
            task.cancel()
        for member in self._members:
            member.close()

    def _start(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._on_done)
        return task

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._loop.call_exception_handler({"message": "etcd's answer", "exception": error})

    async def _ask(self, member: Member, request: Request, timeout_ms: int) -> Answer | Failure:
        path, body = codec.PATHS[type(request)], codec.encode(request)
        try:
            reply = await self._call(member, path, body, timeout_ms)
            if reply.status == OK:
                return codec.decode(request, reply.body)
            return member.failure(reply)
        except Unusable as error:
            return Failure(Kind.UNUSABLE, str(error))
        except (OSError, TimeoutError, FrameError) as error:
            return member.lost(error, timeout_ms)

    async def _call(self, member: Member, path: str, body: bytes, timeout_ms: int) -> Reply:
        """With a valid token, if there is a user; a try that found it old is made once more."""
        token = await self._valid_token(member)
        async with asyncio.timeout(timeout_ms / 1000):
            reply = await member.call(path, body, token)
        if not (token and _is_login_needed(reply)):
            return reply
        self._forget(token)
        token = await self._valid_token(member)
        async with asyncio.timeout(timeout_ms / 1000):
            return await member.call(path, body, token)

    async def _valid_token(self, member: Member) -> str:
        """Empty without a user. One login at a time; the others wait for what it brings."""
        settings = self._settings
        if not settings.user:
            return ""
        async with asyncio.timeout(LOGIN_MS / 1000), self._login:
            if not self._token:
                body = codec.encode_login(settings.user, settings.password)
                reply = await member.call(codec.AUTHENTICATE, body, "")
                if reply.status != OK:
                    failure = member.failure(reply)
                    if failure.kind is Kind.LOST:
                        raise ConnectionError(failure.sentence.rstrip("."))
                    who = f"{member.url} does not let the user {settings.user!r} in"
                    raise Unusable(f"{who}. {failure.sentence}")
                self._token = codec.decode_token(reply.body)
            return self._token

    def _forget(self, token: str) -> None:
        if self._token == token:
            self._token = ""

    async def _watch(self, member: Member, request: Watching, on_message: OnMessage) -> Failure:
        try:
            token = await self._valid_token(member)
            async with asyncio.timeout(CONNECT_MS / 1000) as deadline:
                connection = await member.connect()
                try:
                    # Hasleader: etcd itself ends the watch of a member that has lost the others.
                    fields = {**headers(token), "Grpc-Metadata-Hasleader": "true"}
                    path, body = codec.PATHS[Watching], codec.encode(request)
                    lines = connection.lines(path, body, fields, ETCD_ANSWER_BYTES_MAX)
                    async with aclosing(lines):
                        async for reply in lines:
                            deadline.reschedule(None)
                            if failure := self._failure(member, reply, token, on_message):
                                return failure
                finally:
                    connection.close()
            raise ConnectionResetError("the watch was ended")
        except Unusable as error:
            return Failure(Kind.UNUSABLE, str(error))
        except (OSError, TimeoutError, FrameError) as error:
            return member.lost(error, CONNECT_MS)

    def _failure(
        self, member: Member, reply: Reply, token: str, on_message: OnMessage
    ) -> Failure | None:
        """Hand on one line of a watch, if it is no failure."""
        if reply.status != OK:
            if token and _is_login_needed(reply):
                self._forget(token)
                return Failure(Kind.LOST, "The login has become old.")
            return member.failure(reply)
        message = codec.decode_watched(reply.body)
        if isinstance(message, Failure):
            return message
        on_message(message)
        return None


def _is_login_needed(reply: Reply) -> bool:
    try:
        return reply.status != OK and codec.is_login_needed(reply.body)
    except FrameError:
        return False
