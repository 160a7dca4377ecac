"""A log at rest is sealed: a crash costs its start no scan, and never anything else."""

import pytest

ACTIVE = f"{0:020d}.log"


@pytest.fixture(autouse=True)
def short_logs_are_sealed_too(monkeypatch):
    monkeypatch.setattr("bus.log.seal.SEAL_BYTES_MIN", 1)


def rest(life):
    """Long enough for whatever is not written to be committed, unmapped and sealed."""
    for _ in range(4):
        life.clock.advance(60_000)
        life.store.housekeeping(life.clock.now)
        life.work()


def snapshots(life):
    return [name for name in life.names() if name.endswith(".snapshot")]


@pytest.fixture
def sealed(life):
    life.stored = life.fill(20, producer=(9, 0, -1)) + life.append(producer=(9, 0, 0))
    rest(life)
    return life


def test_of_a_log_at_rest_a_start_after_a_crash_scans_nothing(sealed):
    after = sealed.next_life(clean=False)
    assert after.report.scanned_bytes == 0
    assert (after.read(), after.log.flushed_offset) == (sealed.stored, 21)
    assert after.log.producers.get(9).last_sequence == 0


def test_what_was_recovered_by_a_scan_is_sealed_too(life):
    stored = life.fill(20)
    after = life.next_life(clean=False)
    rest(after)
    third = after.next_life(clean=False)
    assert (third.report.scanned_bytes, third.read()) == (0, stored)


def test_a_log_that_was_written_since_is_scanned(sealed):
    stored = sealed.stored + sealed.append()
    after = sealed.next_life(clean=False)
    assert after.report.scanned_bytes == len(stored)
    assert after.read() == stored


def test_a_torn_batch_behind_the_seal_is_cut(sealed):
    sealed.store.close(clean=False)
    sealed.damage(ACTIVE, len(sealed.stored), b"torn" * 30)
    after = sealed.next_life(clean=False)
    assert after.read() == sealed.stored
    assert "cut at offset 21" in after.report.cut[0]


def test_what_stands_behind_a_hole_behind_the_seal_is_cut(sealed):
    sealed.store.close(clean=False)
    sealed.damage(ACTIVE, len(sealed.stored) + 200, b"\1")
    after = sealed.next_life(clean=False)
    assert after.read() == sealed.stored
    assert after.report.cut_bytes > 0


def test_without_its_index_a_sealed_log_is_scanned(sealed):
    sealed.disk.unlink(f"{sealed.log.directory}/{0:020d}.index")
    after = sealed.next_life(clean=False)
    assert after.report.scanned_bytes == len(sealed.stored)
    assert after.read() == sealed.stored


def test_a_seal_loses_nothing_in_a_power_failure(sealed):
    for seed in range(30):
        after = sealed.power_failure(seed)
        assert (after.read(), after.report.damaged) == (sealed.stored, [])
        assert after.log.producers.get(9).last_sequence == 0


def test_of_many_seals_the_last_one_is_kept(sealed):
    for _ in range(3):
        sealed.append()
        rest(sealed)
    assert snapshots(sealed) == [f"{24:020d}.snapshot"]


def test_a_truncation_removes_a_seal_that_is_being_written(life):
    life.fill(5)
    life.flush()
    life.log.rest()
    life.log.rest()
    life.log.seal_at_rest()
    life.log.truncate(3)
    life.work()
    assert snapshots(life) == []


def test_a_short_log_is_not_sealed(life, monkeypatch):
    monkeypatch.setattr("bus.log.seal.SEAL_BYTES_MIN", 1000)
    stored = life.fill(5)
    rest(life)
    assert snapshots(life) == []
    assert life.next_life(clean=False).report.scanned_bytes == len(stored)


def test_a_log_that_is_mapped_is_not_sealed(life):
    life.commit()
    life.log.seal_at_rest()
    life.work()
    assert snapshots(life) == []
