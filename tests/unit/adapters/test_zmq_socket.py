"""The socket on the loop never sleeps on input, never reorders, and parks what would block."""

import contextlib

import pytest
import zmq

from bus.adapters.zmq_socket import COPY_BYTES_MAX, ZmqSocket
from bus.errors import BufferFull


@pytest.fixture
def pair(driven, tmp_path):
    """Two connected PAIR sockets: ours on the loop, and a plain one that the test plays."""
    sockets = []

    def make(on_message=lambda frames: None, hwm: int = 1000, **options):
        ours, plain = driven.context.socket(zmq.PAIR), driven.context.socket(zmq.PAIR)
        for socket in (ours, plain):
            socket.set_hwm(hwm)
        plain.bind(f"ipc://{tmp_path}/pair")
        ours.connect(f"ipc://{tmp_path}/pair")
        socket = ZmqSocket(driven.loop, ours, on_message, **options)
        sockets.extend([socket, plain])
        return socket, plain

    yield make
    for socket in sockets:
        socket.close(0)


def texts(frames) -> list[bytes]:
    return [frame.bytes for frame in frames]


def test_more_messages_than_a_turn_takes_all_arrive_in_order(driven, pair) -> None:
    seen = []
    _, plain = pair(lambda frames: seen.append(texts(frames)))
    for number in range(500):
        plain.send_multipart([b"%d" % number, b"x"])
    driven.until(lambda: len(seen) == 500)
    assert seen == [[b"%d" % number, b"x"] for number in range(500)]


def test_input_that_a_send_has_noticed_is_received_without_a_further_signal(driven, pair) -> None:
    seen = []
    socket, plain = pair(lambda frames: seen.append(texts(frames)))
    for _ in range(200):
        plain.send(b"question")
        socket.send([b"answer"])
    driven.until(lambda: len(seen) == 200)


def test_a_send_that_would_block_is_parked_and_goes_out_in_order(driven, pair) -> None:
    socket, plain = pair(hwm=2)
    for number in range(5_000):
        socket.send([b"%d" % number, b"y" * 1000])
    assert socket.parked
    seen = []

    def take() -> bool:
        with contextlib.suppress(zmq.Again):
            seen.append(int(plain.recv_multipart(zmq.NOBLOCK)[0]))
        return len(seen) == 5_000

    driven.until(lambda: any(take() for _ in range(100)))
    assert seen == list(range(5_000))


def test_parking_has_an_end(driven, pair) -> None:
    socket, _ = pair(hwm=1)
    large = bytes(30 * 1024 * 1024)
    while socket.parked < 2:
        socket.send([large])
    with pytest.raises(BufferFull):
        socket.send([large])


def is_lent(frame: bytearray) -> bool:
    """A bytearray that somebody looks into cannot change its size."""
    try:
        frame.append(0)
    except BufferError:
        return True
    frame.pop()
    return False


def test_a_large_frame_is_lent_while_it_has_not_left(driven, pair) -> None:
    socket, _ = pair(hwm=1)
    frame = bytearray(1 << 20)
    for _ in range(20):  # more than there is room for between here and a peer that does not read
        socket.send([frame])
    driven.until(lambda: is_lent(frame))


def test_a_small_frame_is_copied(driven, pair) -> None:
    socket, _ = pair(hwm=1)
    frame = bytearray(COPY_BYTES_MAX - 1)
    socket.send([frame])
    assert not is_lent(frame)


def test_a_message_of_too_many_frames_is_dropped_and_the_next_one_arrives(driven, pair) -> None:
    seen = []
    _, plain = pair(lambda frames: seen.append(texts(frames)), frames_max=3)
    plain.send_multipart([b"x"] * 10)
    plain.send_multipart([b"y"] * 3)
    driven.until(lambda: seen)
    assert seen == [[b"y"] * 3]


def test_a_handler_that_fails_does_not_stall_the_input_behind_it(driven, pair) -> None:
    seen = []

    def handle(frames) -> None:
        seen.append(texts(frames))
        if len(seen) == 1:
            raise ValueError("first")

    _, plain = pair(handle)
    plain.send(b"1")
    plain.send(b"2")
    driven.until(lambda: len(seen) == 2)
    assert isinstance(driven.reports.pop()["exception"], ValueError)


def test_a_handler_may_close_the_socket(driven, pair) -> None:
    seen = []

    def handle(frames) -> None:
        seen.append(texts(frames))
        socket.close()

    socket, plain = pair(handle)
    plain.send(b"1")
    plain.send(b"2")
    driven.until(lambda: seen)
    assert seen == [[b"1"]]
