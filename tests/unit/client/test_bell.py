"""A ring is never lost, whoever comes first."""

import threading

from bus.client.bell import Bell


def test_a_condition_that_holds_needs_no_ring():
    assert Bell().wait(lambda: True, 0)


def test_a_wait_ends_in_time():
    assert not Bell().wait(lambda: False, 0.02)


def test_a_ring_wakes_all_who_wait():
    bell, state, woken = Bell(), [], []

    def wait():
        woken.append(bell.wait(lambda: bool(state), 60))

    threads = [threading.Thread(target=wait) for _ in range(4)]
    for thread in threads:
        thread.start()
    state.append(1)
    bell.ring()
    for thread in threads:
        thread.join(60)
    assert woken == [True] * 4


def test_rings_and_waits_that_race_lose_nothing():
    bell, count = Bell(), [0]

    def ring():
        for _ in range(2000):
            count[0] += 1
            bell.ring()

    thread = threading.Thread(target=ring)
    thread.start()
    for wanted in range(0, 2001, 50):
        assert bell.wait(lambda wanted=wanted: count[0] >= wanted, 60)
    thread.join()
