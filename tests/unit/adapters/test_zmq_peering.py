"""One connection is one conversation: encrypted, proven, and over when it is over."""

import pytest
import zmq

from bus.adapters.zmq_curve import KeyPair
from bus.adapters.zmq_peering import ZmqPeering
from bus.errors import BadSetting
from bus.model.limits import PEER_ANSWER_BUFFERS_MAX

ANYWHERE = "tcp://127.0.0.1:*"
QUESTION = bytes(4) + (7).to_bytes(4, "big")


class End:
    """A broker's sockets, and what came of them."""

    def __init__(self, loop, url=ANYWHERE):
        self.keys = KeyPair.make()
        self.known = set()
        self.asked, self.gone = [], []
        self.opened, self.answers, self.downs = [], [], []
        self.sockets = ZmqPeering(
            loop, url, self.keys, self.known.__contains__, self.on_request, self.gone.append
        )

    def on_request(self, peer, frames):
        self.asked.append((peer, [bytes(frame) for frame in frames]))

    def call(self, other, key=None, url=None):
        return self.sockets.dial(
            url or other.sockets.endpoint,
            key or other.keys.public,
            lambda: self.opened.append(True),
            lambda frames: self.answers.append([bytes(frame) for frame in frames]),
            self.downs.append,
        )


@pytest.fixture
def end(driven):
    ends = []

    def make(url=ANYWHERE):
        ends.append(End(driven.loop, url))
        return ends[-1]

    yield make
    for each in ends:
        each.sockets.close()


@pytest.fixture
def pair(driven, end):
    """A connection from the second to the first."""
    there, here = end(), end()
    there.known.add(here.keys.public)
    dial = here.call(there)
    driven.until(lambda: here.opened)
    yield there, here, dial
    dial.close()


def test_a_caller_is_known_by_its_key(driven, pair):
    there, here, dial = pair
    dial.send([QUESTION, b"records"])
    driven.until(lambda: there.asked)
    peer, frames = there.asked[0]
    assert (peer.user, frames) == (here.keys.public, [QUESTION, b"records"])
    peer.reply([QUESTION[4:], b"r" * 100_000])
    driven.until(lambda: here.answers)
    assert here.answers == [[QUESTION[4:], b"r" * 100_000]]


def test_a_broker_is_found_by_its_name(driven, end):
    there, here = end(), end()
    there.known.add(here.keys.public)
    url = there.sockets.endpoint.replace("127.0.0.1", "localhost")
    dial = here.call(there, url=url)
    driven.until(lambda: here.opened or here.downs)
    assert here.opened
    dial.close()


def test_a_name_that_nobody_knows_is_told(driven, end):
    here = end()
    here.call(here, url="tcp://no-such-host.invalid:7000")
    driven.until(lambda: here.downs)
    assert "is not known" in here.downs[0]


def test_a_call_that_is_closed_before_the_name_is_found_says_nothing(driven, end):
    there, here = end(), end()
    here.call(there, url="tcp://localhost:7000").close()
    here.call(here, url="tcp://localhost:1")
    driven.until(lambda: here.downs)
    assert len(here.downs) == 1


def test_who_is_not_known_is_not_let_in(driven, end):
    there, here = end(), end()
    dial = here.call(there)
    driven.until(lambda: here.downs)
    assert not here.opened
    assert "does not know our key" in here.downs[0]
    dial.close()


def test_a_server_with_another_key_than_expected_is_not_spoken_to(driven, end):
    there, here = end(), end()
    there.known.add(here.keys.public)
    here.call(there, KeyPair.make().public)
    driven.until(lambda: here.downs)
    assert not here.opened


def test_a_connection_that_is_cut_is_over_at_both_ends(driven, pair):
    there, here, dial = pair
    dial.send([QUESTION])
    driven.until(lambda: there.asked)
    there.sockets.cut(there.asked[0][0])
    driven.until(lambda: here.downs and there.gone)
    assert len(here.downs) == 1
    assert not dial.is_open


def test_who_sends_too_much_at_once_is_cut_off(driven, pair):
    there, here, dial = pair
    dial.send([QUESTION])
    dial.send([QUESTION])  # the same number again
    driven.until(lambda: here.downs)
    assert there.asked[0][0].closed


def test_an_answer_of_too_many_frames_ends_the_connection(driven, pair):
    there, here, dial = pair
    dial.send([QUESTION])
    driven.until(lambda: there.asked)
    there.asked[0][0].reply([QUESTION[4:], *[b""] * (PEER_ANSWER_BUFFERS_MAX + 1)])
    driven.until(lambda: here.downs)
    assert "too many frames" in here.downs[0]


def test_a_closed_call_says_nothing_more(driven, pair):
    there, here, dial = pair
    dial.send([QUESTION])
    driven.until(lambda: there.asked)
    there.asked[0][0].reply([QUESTION[4:]])
    dial.close()
    driven.until(lambda: there.gone)
    assert here.answers == here.downs == []


def test_nobody_there_is_told_once(driven, end):
    there, here = end(), end()
    there.sockets.close()
    here.call(there)
    driven.until(lambda: here.downs)
    assert not here.opened
    assert len(here.downs) == 1


@pytest.mark.parametrize("url", ["", "nonsense", "tcp://", "tcp://127.0.0.1", "tcp://127.0.0.1:x"])
def test_what_is_no_address_is_refused_with_a_sentence(end, url):
    here = end()
    with pytest.raises(BadSetting, match=r"tcp://HOST:PORT"):
        here.sockets.dial(url, here.keys.public, list, list, list)


def test_what_is_no_key_is_refused_with_a_sentence(end):
    here = end()
    with pytest.raises(BadSetting, match="is not the key"):
        here.sockets.dial("tcp://127.0.0.1:1", "no key", list, list, list)


def test_a_port_in_use_is_told_and_leaves_nothing_behind(driven, end):
    taken = end().sockets.endpoint
    with pytest.raises(OSError, match="is in use"):
        End(driven.loop, taken)


def test_a_guarded_server_may_listen_beyond_this_machine(end):
    assert end("tcp://0.0.0.0:*").sockets.endpoint.startswith("tcp://0.0.0.0:")


def test_a_caller_without_keys_is_not_let_in(driven, end):
    there = end()
    dealer = driven.context.socket(zmq.DEALER)
    events = dealer.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED)
    dealer.connect(there.sockets.endpoint)
    driven.until(lambda: events.poll(0))
    event = zmq.utils.monitor.recv_monitor_message(events)
    assert event["event"] == zmq.EVENT_DISCONNECTED
    dealer.disable_monitor()
    events.close(0)
    dealer.close(0)
    assert there.asked == []
