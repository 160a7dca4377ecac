"""One try over HTTP: with what a sound member answers, and with what a stranger may."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest

from bus.adapters.etcd.carrier import HttpCarrier
from bus.adapters.etcd.messages import (
    Answer,
    Failure,
    Kind,
    Range,
    Ranged,
    Watched,
    Watching,
)
from bus.adapters.etcd.settings import EtcdSettings, etcd_endpoints
from bus.model.limits import ETCD_ANSWER_BYTES_MAX, ETCD_CONNECTIONS_MAX
from tests.fixtures.etcd_stores import be_patient
from tests.fixtures.scripted_http import ScriptedHttp, chunked, reply

HEADER = {"cluster_id": "1", "revision": "7"}
EMPTY = json.dumps({"header": HEADER}).encode()
MESSAGE = json.dumps({"result": {"header": HEADER}}).encode() + b"\n"


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    be_patient(monkeypatch, "carrier.CONNECT_MS")


def talk(
    answer: Callable[[str], bytes | None],
    work: Callable[[HttpCarrier, ScriptedHttp], Awaitable[object]],
    **settings: str,
) -> object:
    async def run() -> object:
        async with ScriptedHttp(answer) as server:
            endpoints = etcd_endpoints(server.url)
            carrier = HttpCarrier(asyncio.get_running_loop(), EtcdSettings(endpoints, **settings))
            try:
                return await work(carrier, server)
            finally:
                carrier.close()
                await asyncio.sleep(0)

    return asyncio.run(run())


async def ask(carrier: HttpCarrier, timeout_ms: int = 60_000) -> Answer | Failure:
    answer: asyncio.Future[Answer | Failure] = asyncio.get_running_loop().create_future()
    carrier.ask(0, Range(b"a"), timeout_ms, answer.set_result)
    return await answer


def outcome_of(data: bytes | None, timeout_ms: int = 60_000) -> Failure:
    """Of one try that is answered so."""
    found = talk(
        lambda path: None if path == "/version" else data,
        lambda carrier, server: ask(carrier, timeout_ms=timeout_ms),
    )
    assert isinstance(found, Failure)
    return found


def test_a_connection_is_kept_for_the_next_request() -> None:
    async def work(carrier: HttpCarrier, server: ScriptedHttp) -> None:
        for _ in range(5):
            assert isinstance(await ask(carrier), Ranged)
        assert server.connections == 1
        assert server.paths == ["/version", *["/v3/kv/range"] * 5]

    talk(lambda path: None if path == "/version" else reply(EMPTY), work)


def test_a_connection_that_ended_meanwhile_is_not_used() -> None:
    async def work(carrier: HttpCarrier, server: ScriptedHttp) -> None:
        assert isinstance(await ask(carrier), Ranged)
        server.cut()
        await asyncio.sleep(0.05)
        assert isinstance(await ask(carrier), Ranged)
        assert server.connections == 2

    talk(lambda path: None if path == "/version" else reply(EMPTY), work)


def test_a_member_that_wants_no_second_request_gets_a_new_connection() -> None:
    async def work(carrier: HttpCarrier, server: ScriptedHttp) -> None:
        for _ in range(2):
            assert isinstance(await ask(carrier), Ranged)
        assert server.connections == 2

    last = reply(EMPTY, "200 OK", "Connection: close")
    talk(lambda path: None if path == "/version" else last, work)


def test_many_requests_share_a_few_connections() -> None:
    async def work(carrier: HttpCarrier, server: ScriptedHttp) -> None:
        answers = await asyncio.gather(*(ask(carrier) for _ in range(50)))
        assert all(isinstance(answer, Ranged) for answer in answers)
        assert server.connections <= ETCD_CONNECTIONS_MAX

    talk(lambda path: None if path == "/version" else reply(EMPTY), work)


@pytest.mark.parametrize(
    ("version", "sentence"),
    [
        (b'{"etcdserver":"3.5.3"}', "runs etcd 3.5.3, which may lose or corrupt data"),
        (b'{"etcdserver":"3.3.1"}', "runs etcd 3.3.1, which is not supported"),
    ],
)
def test_a_version_that_is_not_used_is_refused_before_anything_is_asked(
    version: bytes, sentence: str
) -> None:
    async def work(carrier: HttpCarrier, server: ScriptedHttp) -> None:
        failure = await ask(carrier)
        assert isinstance(failure, Failure)
        assert failure.kind is Kind.UNUSABLE
        assert sentence in failure.sentence
        assert server.paths == ["/version"]

    talk(lambda path: reply(version), work)


@pytest.mark.parametrize("version", [b"<html>", b"{}", b"[" * 10_000, b"x" * 100_000])
def test_who_tells_no_version_is_no_etcd(version: bytes) -> None:
    found = talk(lambda path: reply(version), lambda carrier, server: ask(carrier))
    assert isinstance(found, Failure)
    assert found.kind is Kind.LOST
    assert "no etcd" in found.sentence


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x15\x03\x01\x00\x02\x02\x0a",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 30 + b"\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 99999 OK\r\n\r\n",
        reply(b"not json"),
        reply(b"{}"),
        reply(b'{"header":{"revision":7}}'),
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    ],
)
def test_nonsense_is_a_sentence(data: bytes) -> None:
    failure = outcome_of(data, timeout_ms=300)
    assert failure.kind is Kind.LOST
    assert failure.sentence.endswith(".")
    assert len(failure.sentence) < 400
    assert failure.sentence.isprintable()


@pytest.mark.parametrize(
    "data", [None, b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf", b"HTTP/1.1 2"]
)
def test_what_breaks_off_or_never_ends_is_lost_in_time(data: bytes | None) -> None:
    assert outcome_of(data, timeout_ms=100).kind is Kind.LOST


def test_an_answer_larger_than_any_of_etcd_s_is_not_collected() -> None:
    failure = outcome_of(chunked(*[bytes(1 << 20)] * ((ETCD_ANSWER_BYTES_MAX >> 20) + 1)))
    assert f"more than {ETCD_ANSWER_BYTES_MAX} bytes" in failure.sentence


@pytest.mark.parametrize(
    ("status", "kind"),
    [("404 Not Found", Kind.UNUSABLE), ("400 Bad", Kind.UNUSABLE), ("502 Bad", Kind.LOST)],
)
def test_errors_that_are_not_etcd_s_are_told_by_their_status(status: str, kind: Kind) -> None:
    failure = outcome_of(reply(b"<html>\nnope\x1b[2J</html>", status))
    assert failure.kind is kind
    assert failure.sentence.isprintable()
    assert status[:3] in failure.sentence


def test_a_gateway_that_is_off_is_guessed() -> None:
    assert "enable-grpc-gateway" in outcome_of(reply(b"404 page", "404 Not Found")).sentence


def test_nobody_there_is_a_sentence() -> None:
    async def run() -> Failure:
        server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        endpoints = etcd_endpoints(f"http://127.0.0.1:{port}")
        carrier = HttpCarrier(asyncio.get_running_loop(), EtcdSettings(endpoints))
        found = await ask(carrier)
        carrier.close()
        assert isinstance(found, Failure)
        return found

    failure = asyncio.run(run())
    assert failure.kind is Kind.LOST
    assert "cannot be used" in failure.sentence


def test_a_token_is_fetched_once_shown_and_fetched_anew_when_it_is_old() -> None:
    tokens = iter(["one", "two"])
    old = reply(b'{"code":16,"message":"etcdserver: invalid auth token"}', "401 Unauthorized")
    answers = iter([reply(EMPTY), reply(EMPTY), old, reply(EMPTY)])

    def answer(path: str) -> bytes | None:
        if path == "/v3/auth/authenticate":
            return reply(json.dumps({"token": next(tokens)}).encode())
        return None if path == "/version" else next(answers)

    async def work(carrier: HttpCarrier, server: ScriptedHttp) -> None:
        assert isinstance(await ask(carrier), Ranged)
        assert isinstance(await ask(carrier), Ranged)
        assert isinstance(await ask(carrier), Ranged)
        assert server.paths.count("/v3/auth/authenticate") == 2
        shown = [head for head in server.heads if b"/v3/kv/range" in head]
        assert [b"Authorization: two" in head for head in shown] == [False] * 3 + [True]

    talk(answer, work, user="u", password="p")


def watch(data: bytes | None) -> list[Watched | Failure]:
    """What a watch brings until it ends."""

    async def work(carrier: HttpCarrier, server: ScriptedHttp) -> list[Watched | Failure]:
        found: list[Watched | Failure] = []
        ended = asyncio.Event()
        carrier.watch(
            0, Watching(b"a", b"b", 1), found.append, lambda f: (found.append(f), ended.set())
        )
        await ended.wait()
        return found

    found = talk(lambda path: None if path == "/version" else data, work)
    assert isinstance(found, list)
    return found


def test_lines_of_a_watch_come_whole_however_they_were_cut() -> None:
    stream = MESSAGE * 3
    for size in (1, 7, 50, len(stream)):
        chunks = [stream[at : at + size] for at in range(0, len(stream), size)]
        found = watch(chunked(*chunks, b""))
        assert [type(message) for message in found] == [Watched] * 3 + [Failure]


@pytest.mark.parametrize(
    "data",
    [
        None,
        chunked(b"nonsense\n"),
        chunked(b'{"result":{}}\n'),
        reply(b"gone", "503 Gone"),
        chunked(b'{"error":{"grpc_code":14,"message":"etcdserver: no leader"}}\n'),
    ],
)
def test_a_watch_that_fails_says_why(data: bytes | None) -> None:
    (failure,) = watch(data)
    assert isinstance(failure, Failure)
    assert failure.kind is Kind.LOST


def test_a_line_without_end_is_not_collected() -> None:
    found = watch(chunked(*[b"x" * (1 << 20)] * ((ETCD_ANSWER_BYTES_MAX >> 20) + 1)))
    assert isinstance(found[0], Failure)
    assert "A line" in found[0].sentence


def test_a_watch_that_is_not_acknowledged_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bus.adapters.etcd.carrier.CONNECT_MS", 100)
    (failure,) = watch(b"")
    assert isinstance(failure, Failure)
    assert "did not answer" in failure.sentence


def test_a_watch_that_was_ended_by_us_says_nothing() -> None:
    async def work(carrier: HttpCarrier, server: ScriptedHttp) -> None:
        found: list[object] = []
        end = carrier.watch(0, Watching(b"a", b"b", 1), found.append, found.append)
        while not found:
            await asyncio.sleep(0.01)
        end()
        await asyncio.sleep(0.05)
        assert len(found) == 1

    talk(lambda path: None if path == "/version" else chunked(MESSAGE), work)
