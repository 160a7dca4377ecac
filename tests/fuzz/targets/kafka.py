"""A client of Kafka's out of its mind: several requests, each made or damaged from the input.

As over TCP, without the sockets: bytes in, the handlers, bytes out. Each answer can be read by
the client at the version that it asked in, and time passes between the requests.
"""

from collections.abc import Iterable
from functools import partial
from random import Random

from bus.broker.context import Context
from bus.broker.dispatch import dispatch
from bus.broker.reception import Reception
from bus.wire.fetch import FetchRequest
from bus.wire.frames import decode_request, decode_response, encode_response
from bus.wire.groups import JoinGroupRequest, SyncGroupRequest
from bus.wire.header import RequestHeader
from bus.wire.produce import ProduceRequest
from bus.wire.registry import Api
from bus.wire.schema import Message
from tests.fixtures.crafted import FIRST_SOUND, frames
from tests.fixtures.node import Bench
from tests.fixtures.sound_requests import SOUND, Memory
from tests.fuzz.targets.exact import exact
from tests.fuzz.targets.served import Served

MAY_WAIT = (FetchRequest, JoinGroupRequest, SyncGroupRequest)
SEEDS = 60
served = Served("kafka")


class Client:
    """One conversation, as a listener has it."""

    name = "fuzz"

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.memory = Memory()
        self.reception = Reception(bench.node, lambda: None, is_kafka=True)
        self.closed = False

    def close(self, _reason: str = "") -> None:
        self.closed = True

    def send(self, frame: bytes) -> None:
        """One request, and its answer if it comes."""
        data = exact(frame)
        read = self.reception.read(self, data, partial(decode_request, data), self.refused)
        if read is None:
            return
        api, header, request = read
        answers: list[Message | None] = []
        context = Context(
            header.api_version,
            self.name,
            "kafka",
            header.client_id,
            lambda: self.closed,
            "127.0.0.1",
            is_kafka=True,
            hang_up=self.close,
        )
        dispatch(self.bench.node, context, request, answers.append)
        patience = 0.005 if isinstance(request, MAY_WAIT) else 5
        while not answers and self.bench.wait(patience):
            pass
        self.bench.pass_ms(frame[-1] * 50)
        assert len(answers) <= 1, f"{request} was answered twice"
        assert answers or isinstance(request, MAY_WAIT), f"{request} was never answered"
        for answer in answers:
            self.hear(api, header, request, answer)

    def hear(self, api: Api, header: RequestHeader, request: Message, answer: Message) -> None:
        if answer is None:
            assert isinstance(request, ProduceRequest), f"{request} has no answer"
            return
        data = encode_response(api, header.api_version, header.correlation_id, answer)
        number, read = decode_response(api, header.api_version, data)
        assert number == header.correlation_id
        self.memory.learn(read)

    def refused(self, header: RequestHeader, answer: Message) -> None:
        assert header.api_key == 18, "only ApiVersions is answered at a version not served"


def conversation(data: bytes) -> None:
    """All requests of one client; then it is gone."""
    client = Client(served.next())
    for frame in frames(data, client.memory):
        if not client.closed:
            client.send(frame)
    client.close()
    client.bench.pass_ms(60_000)


def seeds() -> Iterable[bytes]:
    """Each sound request alone, then lives of clients, then some that only chance would make."""
    for number in range(len(SOUND)):
        yield sound(number)
    for life in (
        (4, 6, 7, 9, 11, 8),
        (4, 4, 6, 9, 4, 6),
        (0, 2, 3, 3),
        (19, 1, 1, 2),
        (10, 12, 18),
    ):
        yield b"".join(map(sound, life))
    chance = Random(7)
    for _ in range(SEEDS):
        yield chance.randbytes(chance.randrange(400))


def sound(number: int) -> bytes:
    """A sound request at its newest version, neither altered nor damaged."""
    first = next(b for b in range(FIRST_SOUND, 256) if b % len(SOUND) == number)
    return bytes([first, 0, 0, 1])
