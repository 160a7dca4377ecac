"""A child may not use its parent's handles, and an exit does not hang."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from bus.client.consumer import Consumer
from bus.client.producer import Producer
from bus.errors import ForkedClient
from tests.fixtures.forked import outcome_in_child
from tests.fixtures.kfake import ENDPOINT, FakeBroker

ROOT = Path(__file__).parents[3]


@pytest.mark.filterwarnings("ignore:This process.*multi-threaded:DeprecationWarning")
def test_a_forked_child_is_told_at_once():
    broker = FakeBroker(t=1)
    with (
        Producer(ENDPOINT, connect=broker.connect) as producer,
        Consumer(ENDPOINT, connect=broker.connect) as consumer,
    ):
        producer.send("t", b"a").result(60)
        producer.send("t", b"b")
        consumer.assign([("t", 0)])
        name = ForkedClient.__name__
        assert outcome_in_child(lambda: producer.send("t", b"c")) == name
        assert outcome_in_child(lambda: producer.send("t", b"c", key=b"k")) == name
        assert outcome_in_child(lambda: producer.flush()) == name
        assert outcome_in_child(lambda: consumer.poll_batch()) == name
        assert outcome_in_child(lambda: producer.close()) == "nothing"
        assert producer.send("t", b"c").result(60) == 2


def run(script):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_an_exit_sends_what_an_open_producer_still_holds():
    result = run("""
        import atexit
        from bus.client.producer import Producer
        from tests.fixtures.kfake import ENDPOINT, FakeBroker
        broker = FakeBroker(t=1)
        atexit.register(lambda: print(broker.topics["t"][0].end))
        producer = Producer(ENDPOINT, connect=broker.connect, linger_ms=60_000)
        for _ in range(10):
            producer.send("t", b"a")
    """)
    assert (result.stdout, result.stderr, result.returncode) == ("10\n", "", 0)


def test_an_exit_does_not_wait_long_for_a_broker_that_is_gone():
    result = run("""
        from bus.client.producer import Producer
        from tests.fixtures.kfake import ENDPOINT, FakeBroker
        broker = FakeBroker(t=1)
        producer = Producer(ENDPOINT, connect=broker.connect)
        producer.send("t", b"a").result(60)
        broker.held = []
        producer.send("t", b"b")
    """)
    assert (result.stderr, result.returncode) == ("", 0)


def test_ctrl_c_leaves_a_blocking_call():
    result = run("""
        import signal, threading, os
        from bus.client.consumer import Consumer
        from tests.fixtures.kfake import ENDPOINT, FakeBroker
        signal.signal(signal.SIGINT, signal.default_int_handler)
        consumer = Consumer(ENDPOINT, connect=FakeBroker(t=1).connect)
        consumer.assign([("t", 0)])
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            consumer.poll_batch(timeout=None)
        except KeyboardInterrupt:
            print("left")
        consumer.close()
    """)
    assert (result.stdout, result.stderr, result.returncode) == ("left\n", "", 0)
