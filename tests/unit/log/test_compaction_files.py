"""A compacted file takes the old ones' place, or it does not: whatever happens, nothing is lost."""

import threading
from random import Random

import pytest

from bus.log.segment import Replacement
from tests.fixtures.sim_disk import SimDisk
from tests.unit.log.conftest import Life
from tests.unit.log.house import POLICY, House, check_compacted, churn, join, stored


class Crash(BaseException):
    """The process is gone."""


class FragileDisk(SimDisk):
    """Dies before the n-th change."""

    left = 1 << 30

    def _die(self):
        self.left -= 1
        if self.left < 0:
            raise Crash


def fragile(name):
    def call(self, *arguments, **keywords):
        self._die()
        return getattr(SimDisk, name)(self, *arguments, **keywords)

    return call


for name in ("create", "rename", "unlink", "sync_dir", "_commit", "_write_later", "write"):
    setattr(FragileDisk, name, fragile(name))


@pytest.mark.parametrize("power", [False, True], ids=["killed", "power"])
def test_whenever_it_dies_nothing_is_lost(power):
    died, steps = True, 0
    while died:
        died = False
        life = Life(FragileDisk(), **POLICY)
        newest = churn(life, count=120)
        join(life)
        life.store.checkpoint_now()
        life.work()
        house = House(life)
        life.disk.left = steps
        try:
            house.work(steps=2)
        except Crash:
            died = True
        life.disk.left = 1 << 30
        images = (
            [life.disk.crash(Random(100 * steps + n)) for n in range(10)] if power else [life.disk]
        )
        for image in images:
            if not power:
                image.work.clear()
            after = Life(image, life.clock, **POLICY)
            assert after.report.damaged == []
            assert after.log.end_offset == life.log.end_offset
            check_rows(after, newest)
            again = House(after)
            after.log.high_watermark = after.log.end_offset
            again.work()
            check_compacted(after, newest)
            assert not [n for n in after.names() if n.endswith(".cleaned")]
        steps += 1
    assert steps > 10


def check_rows(life, newest):
    rows = stored(life)
    assert {(offset, key, value) for key, (offset, value) in newest.items()} <= set(rows)


@pytest.mark.parametrize("name", ["rename", "unlink"])
def test_a_disk_that_refuses_a_change_leaves_all_readable(make_life, monkeypatch, name):
    house = House(make_life(**POLICY))
    newest = churn(house.life)
    join(house.life)

    def refuse(*_):
        raise OSError(5, "no")

    reads = [house.life.log.read(n, 1, 1000) for n in range(0, 150, 7)]
    with monkeypatch.context() as patched:
        patched.setattr(house.life.disk, name, refuse)
        house.work()
    assert all(read.load() for read in reads)
    check_rows(house.life, newest)
    house.life = house.life.next_life(clean=False)
    assert house.life.report.damaged == []
    check_rows(house.life, newest)


def test_a_reader_whose_file_is_not_replaced_after_all_goes_on_with_it(make_life):
    life = make_life(**POLICY)
    churn(life)
    segment, replacement = life.log.segments[0], Replacement()
    read = life.log.read(0, 1, 1000)
    segment.replacement = replacement
    found = []
    reader = threading.Thread(target=lambda: found.append(bytes(read.load())))
    reader.start()
    segment.replacement = None
    replacement.complete(None)
    reader.join(60)
    assert found == [bytes(life.log.read(0, 1, 1000).load())]


def test_what_was_replaced_and_not_yet_removed_goes_at_a_clean_start(make_life):
    house = House(make_life(**POLICY))
    newest = churn(house.life)
    join(house.life)
    while not house.life.log.replaced:
        house.step()
        if house.pieces:
            house.do_piece()
        house.life.disk.wait(0)
    house.cleaner.close()
    after = house.life.next_life()
    assert after.report.damaged == []
    check_rows(after, newest)
