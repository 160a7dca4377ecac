"""When a process that has ended is started again."""

from bus.cli.supervision import STEADY_SECONDS, Keeper


class Host:
    """Time goes by; whoever is started ends at once, unless it is said to run."""

    def __init__(self):
        self.started = []
        self.keeper = Keeper(lambda number: self.started.append((number, self.now)), 1.0, 5.0)
        self.now = 0.0

    def pass_time(self, seconds, runs=False):
        end = self.now + seconds
        while self.now < end:
            self.keeper.look({0: runs}, self.now)
            self.now += 0.5


def test_who_ends_again_and_again_is_started_ever_later():
    host = Host()
    host.pass_time(20)
    assert [at for _, at in host.started] == [1.0, 3.5, 8.0, 13.5, 19.0]


def test_who_has_run_for_long_is_started_soon():
    host = Host()
    host.pass_time(10)
    host.pass_time(STEADY_SECONDS + 1, runs=True)
    host.started.clear()
    ended = host.now
    host.pass_time(2)
    assert host.started == [(0, ended + 1.0)]


def test_who_runs_is_left_alone():
    host = Host()
    host.pass_time(100, runs=True)
    assert host.started == []
