"""When a member of etcd is started again, and what is said of it."""

from bus.control.etcd_keeping import SILENT_MS, STEADY_MS, Answered, Health, Keeper

FINE = Answered(has_leader=True, is_alarmed=False)


def test_it_is_started_at_once_the_first_time() -> None:
    keeper = Keeper()
    assert keeper.is_start_due(0)
    keeper.on_started(0)
    assert not keeper.is_start_due(10**9)


def test_who_ends_again_and_again_is_started_ever_later() -> None:
    keeper, now, waits = Keeper(), 0, []
    for _ in range(8):
        keeper.on_started(now)
        now += 100
        waits.append(keeper.on_ended(now))
        assert not keeper.is_start_due(now + waits[-1] - 1)
        now += waits[-1]
        assert keeper.is_start_due(now)
    assert waits == [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]


def test_who_ran_for_a_minute_begins_with_the_shortest_wait() -> None:
    keeper = Keeper()
    for _ in range(5):
        keeper.on_started(0)
        keeper.on_ended(0)
    keeper.on_started(0)
    assert keeper.on_ended(STEADY_MS) == 1000


def test_one_that_could_not_be_started_counts_as_one_that_ended() -> None:
    keeper = Keeper()
    assert [keeper.on_ended(0), keeper.on_ended(0)] == [1000, 2000]


def test_health_tells_what_is_known() -> None:
    keeper = Keeper()
    assert keeper.health(0) is Health.DOWN
    keeper.on_started(0)
    assert keeper.health(10**6) is Health.STARTING, "it may have much to read"
    keeper.on_answer(FINE, 5)
    assert keeper.health(5) is Health.SERVING
    assert keeper.health(6 + SILENT_MS) is Health.SILENT
    keeper.on_answer(Answered(has_leader=False, is_alarmed=False), 20_000)
    assert keeper.health(20_000) is Health.NO_LEADER
    keeper.on_answer(Answered(has_leader=True, is_alarmed=True), 20_000)
    assert keeper.health(20_000) is Health.ALARMED
    keeper.on_ended(20_000)
    assert keeper.health(20_000) is Health.DOWN
