"""Calls reach the loop in order, with one wake-up for many, and none is lost."""

import asyncio
import threading

import pytest

from bus.adapters.mailbox import Mailbox


@pytest.fixture
def loop():
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture
def mailbox(loop):
    mailbox = Mailbox(loop)
    yield mailbox
    mailbox.close()


def test_calls_run_in_the_order_of_posting(loop, mailbox) -> None:
    seen = []
    for number in range(100):
        mailbox.post(seen.append, number)
    mailbox.post(loop.stop)
    loop.run_forever()
    assert seen == list(range(100))


def test_a_call_posted_by_a_call_runs_later_and_not_in_the_same_take(loop, mailbox) -> None:
    seen = []

    def first() -> None:
        mailbox.post(second)
        seen.append("first")

    def second() -> None:
        seen.append("second")
        loop.stop()

    mailbox.post(first)
    loop.run_forever()
    assert seen == ["first", "second"]


def test_nothing_is_lost_when_four_threads_post_while_the_loop_takes(loop, mailbox) -> None:
    counts = {name: 0 for name in range(4)}
    left = [4]

    def count(name: int) -> None:
        counts[name] += 1

    def done() -> None:
        left[0] -= 1
        if not left[0]:
            loop.stop()

    def run(name: int) -> None:
        for _ in range(5_000):
            mailbox.post(count, name)
        mailbox.post(done)

    threads = [threading.Thread(target=run, args=(name,)) for name in counts]
    for thread in threads:
        thread.start()
    loop.run_forever()
    for thread in threads:
        thread.join()
    assert counts == {name: 5_000 for name in range(4)}


def test_a_failing_call_is_reported_and_does_not_stop_those_behind_it(loop, mailbox) -> None:
    reports = []
    loop.set_exception_handler(lambda _, context: reports.append(context["exception"]))
    mailbox.post(int, "no number")
    mailbox.post(loop.stop)
    loop.run_forever()
    assert isinstance(reports[0], ValueError)


def test_closing_runs_what_was_posted_and_drops_what_comes_later(loop) -> None:
    seen = []
    mailbox = Mailbox(loop)
    mailbox.post(seen.append, 1)
    mailbox.close()
    mailbox.post(seen.append, 2)
    assert seen == [1]
