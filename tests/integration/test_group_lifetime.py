"""Members of groups and their processes: forks, Ctrl-C, exits, and many that come and go."""

import gc
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

import bus
from bus.errors import ForkedClient
from bus.testing.broker import TemporaryBroker
from tests.fixtures.forked import outcome_in_child

ROOT = Path(__file__).parents[2]
SECONDS = 30


@pytest.fixture
def broker():
    with TemporaryBroker() as broker:
        broker.create_topic("t", 2)
        broker.producer().send_batch("t", [b"one", b"two"], partition=0).result(5)
        yield broker


def joined(url, **options):
    """A member that holds both partitions, and has read both records."""
    consumer = bus.Consumer(url, group="g", **options)
    consumer.subscribe("t")
    read = 0
    while read < 2:
        read += len(consumer.poll_batch(timeout=SECONDS))
    return consumer


def members_of(broker):
    return len(broker.admin().describe_group("g").members)


def run(script, url):
    """A program of its own; what it printed, what it complained of, how it ended."""
    told = subprocess.run(
        [sys.executable, "-c", START + textwrap.dedent(script), url],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    return told.stdout.split(), told.stderr, told.returncode


START = """
import os, signal, sys, threading
from tests.integration.test_group_lifetime import joined
signal.signal(signal.SIGINT, signal.default_int_handler)

def ctrl_c(*_):
    os.kill(os.getpid(), signal.SIGINT)

url = sys.argv[1]
"""


@pytest.mark.filterwarnings("ignore:This process.*multi-threaded:DeprecationWarning")
def test_a_forked_child_is_no_member_and_its_parent_stays_one(broker):
    with joined(broker.kafka_url) as consumer:
        generation = broker.admin().describe_group("g")
        for use in (
            lambda: consumer.poll_batch(timeout=0),
            lambda: next(iter(consumer)),
            consumer.commit,
            lambda: consumer.committed(),
            lambda: consumer.subscribe("t"),
            consumer.lag,
        ):
            assert outcome_in_child(use) == ForkedClient.__name__
        assert outcome_in_child(consumer.close) == "nothing"
        broker.producer().send("t", b"three", partition=1).result(5)
        assert consumer.poll_batch(timeout=SECONDS).values == [b"three"]
        consumer.commit()
        assert broker.admin().describe_group("g") == generation


@pytest.mark.filterwarnings("ignore:This process.*multi-threaded:DeprecationWarning")
def test_a_forked_child_may_join_by_a_consumer_of_its_own(broker):
    url = broker.kafka_url
    with joined(url):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            with bus.Consumer(url, group="other") as own:
                own.subscribe("t")
                os.write(writing, b"".join(own.poll_batch(timeout=SECONDS).values))
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            assert pipe.read() == b"onetwo"
        assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("blocking", ["consumer.poll_batch(timeout=None)", "next(iter(consumer))"])
def test_ctrl_c_ends_the_wait_of_a_member_that_then_goes_on(broker, blocking):
    script = f"""
    with joined(url) as consumer:
        threading.Timer(0.2, ctrl_c).start()
        try:
            {blocking}
        except KeyboardInterrupt:
            print("left", len(consumer.assignment()))
        consumer.commit()
        print(sum(consumer.committed().values()))
    """
    assert run(script, broker.kafka_url) == (["left", "2", "2"], "", 0)
    assert members_of(broker) == 0


def test_ctrl_c_in_the_middle_of_closing_still_leaves_the_group(broker):
    script = """
    consumer = joined(url, on_revoked=ctrl_c)
    try:
        consumer.close()
    except KeyboardInterrupt:
        print("left")
    """
    assert run(script, broker.kafka_url) == (["left"], "", 0)
    assert members_of(broker) == 0


def test_ctrl_c_that_ends_the_program_ends_the_membership(broker):
    script = """
    with joined(url) as consumer:
        threading.Timer(0.2, ctrl_c).start()
        for record in consumer:
            pass
    """
    output, complaint, code = run(script, broker.kafka_url)
    assert (output, code) == ([], -2)
    assert complaint.strip().endswith("KeyboardInterrupt")
    assert complaint.count("Traceback") == 1
    assert members_of(broker) == 0


def test_a_member_that_is_left_open_leaves_at_the_exit(broker):
    assert run("consumer = joined(url)", broker.kafka_url) == ([], "", 0)
    assert members_of(broker) == 0


def test_what_is_in_hand_when_a_program_dies_is_not_committed(broker):
    script = """
    consumer = joined(url)
    raise LookupError
    """
    _, complaint, code = run(script, broker.kafka_url)
    assert code == 1
    assert complaint.strip().endswith("LookupError")
    assert complaint.count("Traceback") == 1
    assert members_of(broker) == 0
    assert {kept.offset for kept in broker.admin().group_offsets("g").values()} <= {0}


def test_members_that_come_and_go_leave_no_thread_and_no_descriptor_behind(broker):
    def open_and_close(rounds):
        for _ in range(rounds):
            joined(broker.kafka_url).close()
            broker.admin().reset_group_offsets("g", to="earliest", topics=["t"])
        gc.collect()
        return threading.active_count(), len(os.listdir("/proc/self/fd"))

    threads, descriptors = open_and_close(3)
    rounds = 15
    threads_after, descriptors_after = open_and_close(rounds)
    # Not none: the broker, which is here too, may be about to close its end of the last connection.
    assert threads_after - threads < rounds // 2
    assert descriptors_after - descriptors < rounds // 2
