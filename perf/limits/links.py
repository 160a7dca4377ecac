"""One broker's way to another: replicas' fetches, one at a time, between two processes.

Each answer has BATCHES batches of 64 KiB, of a partition each, as a leader gives them to a follower
that is behind; they are not written anywhere. The same over the link between brokers, encrypted as
between machines and by the Unix sockets of one, and over the plain sockets that clients have.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from uuid import UUID

from bus.adapters.local_socket import new_socket_path
from bus.adapters.random import SystemRandom
from bus.adapters.zmq_curve import KeyPair
from bus.adapters.zmq_peer import ZmqPeer
from bus.adapters.zmq_peers import ZmqLink
from bus.adapters.zmq_server import ZmqServer
from bus.broker.peer_links import PeerLinks
from bus.model.stored_brokers import BrokerRecord
from bus.wire.fetch import FetchableTopicResponse, FetchRequest, FetchResponse, PartitionData
from bus.wire.frames import (
    parse_request_frames,
    parse_response_frames,
    request_frames,
    response_frames,
)
from bus.wire.header import RequestHeader
from bus.wire.registry import api_of
from bus.wire.schema import Message
from perf.bench import Bench, Failed, throughput
from perf.limits.processes import Worker, worker
from perf.result import Result
from perf.usage import Stopwatch

BATCH_BYTES = 64 * 1024
BATCHES = 32  # in an answer
ANSWERS = 1_000
ANYWHERE = "tcp://127.0.0.1:*"
LEADER, FOLLOWER = 1, 2
BOOT = "boot"  # of the kernel of both
KEYS = {broker: KeyPair.make() for broker in (LEADER, FOLLOWER)}
FETCH = api_of(FetchRequest)
VERSION = FETCH.max_version

Ask = Callable[[], "asyncio.Future[Message]"]


def run(bench: Bench) -> list[Result]:
    """limit-link, limit-link-local and limit-link-plain."""
    with bench.fresh_directory() as data:
        return _run(bench, {LEADER: str(data / "1"), FOLLOWER: str(data / "2")})


def _run(bench: Bench, data: dict[int, str]) -> list[Result]:
    count = max(50, int(ANSWERS * bench.scale))
    secrets = {broker: keys.secret for broker, keys in KEYS.items()}
    paths = {broker: _path(directory) for broker, directory in data.items()}
    results = []
    for name, leader, follow in (
        ("limit-link", partial(_leader, path=""), partial(_follow, path="")),
        (
            "limit-link-local",
            partial(_leader, path=paths[LEADER]),
            partial(_follow, path=paths[FOLLOWER]),
        ),
        ("limit-link-plain", _plain_leader, _follow_plain),
    ):
        with worker(leader, secrets) as there:

            def once(stopwatch: Stopwatch, _: int, follow=follow, there=there) -> int:
                return asyncio.run(follow(there, stopwatch, count))

            pids = {"leader": there.pid}
            facts = {"batches_an_answer": BATCHES}
            results.append(throughput(name, bench, once, pids, value_bytes=BATCH_BYTES, **facts))
    return results


def _answer() -> FetchResponse:
    parts = [PartitionData(index, records=bytes(BATCH_BYTES)) for index in range(BATCHES)]
    return FetchResponse(responses=[FetchableTopicResponse("", UUID(int=1), parts)])


async def _time(ask: Ask, stopwatch: Stopwatch, count: int) -> int:
    await ask()
    with stopwatch:
        for _ in range(count):
            answer = await ask()
    assert isinstance(answer, FetchResponse), "it is what was asked for"
    parts = answer.responses[0].partitions
    if [len(part.records or b"") for part in parts] != [BATCH_BYTES] * BATCHES:
        raise Failed("an answer was not what the leader has sent")
    return count * BATCHES


# --- the link between brokers --------------------------------------------------------------------


def _path(data: str) -> str:
    Path(data).mkdir()
    return new_socket_path(data, SystemRandom().uuid_bytes())


def _record(place: tuple[str, str], keys: KeyPair) -> BrokerRecord:
    url, path = place
    return BrokerRecord({}, "", BOOT, 0, url, keys.public, path)


def _leader(pipe: Connection, secrets: dict[int, str], path: str) -> None:
    """Any number of followers, one after the other: each tells where it listens."""
    keys = {broker: KeyPair.of_secret(secret) for broker, secret in secrets.items()}
    answer = _answer()

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        links = PeerLinks(
            loop,
            "perf",
            LEADER,
            keys[LEADER],
            ANYWHERE,
            SystemRandom(),
            lambda _, __, reply: reply(answer),
            lambda _, __: None,
            boot_id=BOOT,
            local_path=path,
        )
        pipe.send((links.endpoint, links.local_path))
        while True:
            place = await loop.run_in_executor(None, pipe.recv)
            links.on_members_changed({FOLLOWER: _record(place, keys[FOLLOWER])})

    asyncio.run(serve())


async def _follow(there: Worker, stopwatch: Stopwatch, count: int, path: str) -> int:
    loop = asyncio.get_running_loop()
    is_up = asyncio.Event()
    links = PeerLinks(
        loop,
        "perf",
        FOLLOWER,
        KEYS[FOLLOWER],
        ANYWHERE,
        SystemRandom(),
        lambda _, __, ___: None,
        lambda _, __: is_up.set(),
        boot_id=BOOT,
        local_path=path,
    )
    there.pipe.send((links.endpoint, links.local_path))
    links.on_members_changed({LEADER: _record(there.hello, KEYS[LEADER])})
    await is_up.wait()

    def ask() -> "asyncio.Future[Message]":
        answered: asyncio.Future[Message] = loop.create_future()
        links.ask(LEADER, FetchRequest(), answered.set_result)
        return answered

    try:
        return await _time(ask, stopwatch, count)
    finally:
        links.close()


# --- plain: the sockets that clients have ---------------------------------------------------------


def _plain_leader(pipe: Connection, _: dict[int, str]) -> None:
    answer = _answer()

    def on_request(peer: ZmqPeer, frames: list[memoryview]) -> None:
        header, _ = parse_request_frames([*frames])
        peer.reply(response_frames(FETCH, VERSION, header.correlation_id, answer))

    async def serve() -> None:
        server = ZmqServer(asyncio.get_running_loop(), ANYWHERE, on_request)
        pipe.send(server.endpoint)
        await asyncio.Event().wait()

    asyncio.run(serve())


async def _follow_plain(there: Worker, stopwatch: Stopwatch, count: int) -> int:
    loop = asyncio.get_running_loop()
    waiting: list[asyncio.Future[Message]] = []

    def on_message(frames: list[memoryview]) -> None:
        waiting.pop().set_result(parse_response_frames(FETCH, VERSION, [*frames])[1])

    link = ZmqLink(loop, there.hello, on_message, lambda reason: None)

    def ask() -> "asyncio.Future[Message]":
        waiting.append(loop.create_future())
        link.send(request_frames(RequestHeader(FETCH.key, VERSION, 1), FetchRequest()))
        return waiting[0]

    try:
        return await _time(ask, stopwatch, count)
    finally:
        link.close()
