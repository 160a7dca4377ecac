"""A whole node: started on a directory with a foreign file in it, and asked by a foreign peer."""

import shutil
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from itertools import count
from pathlib import Path

from bus.broker.context import Context
from bus.broker.dispatch import HANDLERS, dispatch
from bus.errors import BusError, FrameError, UnsupportedVersion
from bus.wire.admin import CreatePartitionsRequest, CreateTopicsRequest
from bus.wire.fetch import FetchRequest
from bus.wire.frames import (
    parse_header,
    parse_request_frames,
    parse_response_frames,
    request_frames,
    response_frames,
)
from bus.wire.groups import JoinGroupRequest, SyncGroupRequest
from bus.wire.header import RequestHeader
from bus.wire.registry import api_of
from bus.wire.schema import Message
from tests.crash.damage import Image, conserved, prepare
from tests.fixtures.messages import sample
from tests.fixtures.node import Bench, batch_of
from tests.fixtures.requests import fetch, got, produce, told
from tests.fuzz.targets.served import Served, folder
from tests.fuzz.targets.wire import ASKED, header_of, joined, split

BATCHES = 4
PARTITIONS_MAX = 4  # that a peer may ask for here: more are sound, and slow
MAY_WAIT = (FetchRequest, JoinGroupRequest, SyncGroupRequest)  # for others
numbers = count()
served = Served("served")


@cache
def images() -> tuple[Image, Image]:
    """As a crash leaves a directory, and as a clean stop does; several segments each."""
    return (
        prepare(folder() / "crashed", BATCHES, 2, segment_bytes="1024"),
        prepare(folder() / "clean", BATCHES, 0, clean=True, segment_bytes="1024"),
    )


def recovery(data: bytes) -> None:
    """Bytes 0 and 1 choose a file, 2 and 3 where in it the rest stands; 0xffff: it is the file."""
    if len(data) < 4:
        return
    image = images()[data[0] % 2]
    paths = sorted(image.files)
    path = paths[data[1] % len(paths)]
    at = int.from_bytes(data[2:4], "big")
    content = data[4:]
    if at != 0xFFFF:
        whole = image.content(path)
        at = min(at, len(whole))
        content = whole[:at] + content + whole[at + len(content) :]
    damaged = image.with_file(path, content)
    directory = folder() / str(next(numbers))
    damaged.put(directory)
    try:
        use(image, damaged, directory)
    finally:
        shutil.rmtree(directory)


def use(image: Image, damaged: Image, directory: Path) -> None:
    """Start on it, read it all, and write."""
    refusal: BusError | None = None
    try:
        bench = Bench(directory)
    except BusError as error:
        refusal = error
    if refusal is not None:
        assert str(refusal).endswith("."), refusal
        return
    try:
        assert list(conserved(image, damaged, directory)) == []
        partition = bench.node.runtime.find("t", 0)
        if partition is None:
            return
        offset = partition.log.start_offset
        while offset < min(partition.log.end_offset, 100):
            answer = got(bench, fetch(offset))
            offset += 1
            assert answer.error_code or answer.records, f"nothing is served at {offset - 1}"
        told(bench, produce(batch_of(b"new")))
    finally:
        bench.close()


# --- a peer ----------------------------------------------------------------------------------


def listener(data: bytes) -> None:
    """One message of a peer, through the handlers; each answer can be read by the peer."""
    frames = split(data)
    try:
        header, request = parse_request_frames([*frames])
    except (FrameError, UnsupportedVersion):
        with suppress(FrameError):
            parse_header(frames[0] if frames else b"")
        return
    if type(request) not in HANDLERS or too_slow(request):  # no listener serves all there is
        return
    bench = served.next()
    answers: list[Message | None] = []
    context = Context(header.api_version, "peer", "zmq", header.client_id)
    dispatch(bench.node, context, request, answers.append)
    while not answers and bench.disk.wait(0.2):
        pass
    bench.pass_ms(100_000)  # what waits for records waits no longer
    for answer in answers:
        if answer is not None:
            check_answer(header, request, answer)
    assert answers or isinstance(request, MAY_WAIT), f"{request} was never answered"


def check_answer(header: RequestHeader, request: Message, answer: Message) -> None:
    api, version = api_of(request), header.api_version
    parts = response_frames(api, version, header.correlation_id, answer)
    number, _ = parse_response_frames(api, version, parts)
    assert number == header.correlation_id


def too_slow(request: Message) -> bool:
    topics = request.topics if isinstance(request, CreateTopicsRequest) else []
    grown = request.topics if isinstance(request, CreatePartitionsRequest) else []
    return any(topic.num_partitions > PARTITIONS_MAX for topic in topics or []) or any(
        topic.count > PARTITIONS_MAX for topic in grown or []
    )


# --- good ones -------------------------------------------------------------------------------


def recovery_seeds() -> Iterable[bytes]:
    for which, image in enumerate(images()):
        for number, path in enumerate(sorted(image.files)):
            head = bytes([which, number])
            yield head + b"\xff\xff" + image.files[path][:2000]
            yield head + b"\xff\xff"
            yield head + b"\0\x10" + b"\x55"


def listener_seeds() -> Iterable[bytes]:
    for form in ASKED:
        yield joined(request_frames(header_of(form), sample(form)))
    for request in (produce(batch_of(b"c")), fetch(0), fetch(9, wait_ms=10)):
        api = api_of(request)
        header = RequestHeader(api.key, api.max_version, 7, "fuzz")
        yield joined(bytes(frame) for frame in request_frames(header, request))
