"""A broker's entry in the coordination store: each line of the table."""

from bus.adapters.etcd.messages import Revoke
from bus.broker.registration import Registration
from bus.model.keys import Keys
from bus.model.store_errors import StoreRefused
from bus.model.stored_brokers import BrokerRecord
from tests.fixtures.asked_store import Caller, SoloBench
from tests.fixtures.etcd_stores import SimBench

KEYS = Keys("c")
KEY = KEYS.broker(7)
RECORD = BrokerRecord({"zmq": "tcp://h:1"}, "r1", "boot")


class Life:
    """One process's."""

    def __init__(self, bench: SimBench, name: str = "7") -> None:
        self.epochs: list[int] = []
        self.refusals: list[StoreRefused] = []
        self.store = bench.store(name)
        self.carrier = bench.carriers[-1]
        self.registration = Registration(
            self.store,
            bench.timeline.later,
            KEYS,
            7,
            RECORD,
            2000,
            self.epochs.append,
            self.refusals.append,
        )


def seen(bench: SimBench) -> tuple[BrokerRecord, int] | None:
    entry = Caller(bench, bench.store("eye")).get(KEY)
    return (BrokerRecord.from_bytes(KEY, entry.value), entry.revision) if entry else None


def test_the_revision_of_the_first_entry_is_the_epoch() -> None:
    bench = SimBench()
    life = Life(bench)
    bench.until(lambda: bool(life.epochs))
    assert seen(bench) == (RECORD, life.epochs[0])
    assert life.registration.epoch == life.epochs[0] == RECORD.epoch_at(life.epochs[0])


def test_a_lost_session_changes_the_entry_and_not_the_epoch() -> None:
    bench = SimBench()
    life = Life(bench)
    bench.until(lambda: bool(life.epochs))
    life.carrier.cut_off(0, 1, 2)
    bench.rest(10)
    assert seen(bench) is None
    life.carrier.heal()
    bench.until(lambda: len(life.epochs) == 2)
    assert life.epochs[0] == life.epochs[1]
    record, revision = seen(bench)
    assert revision > record.epoch == record.epoch_at(revision) == life.epochs[0]


def test_another_life_has_another_epoch() -> None:
    bench = SimBench()
    old = Life(bench)
    bench.until(lambda: bool(old.epochs))
    old.carrier.cut_off(0, 1, 2)
    new = Life(bench)
    bench.until(lambda: bool(new.epochs))
    assert new.epochs[0] > old.epochs[0]
    bench.rest(10)
    assert seen(bench) == (RECORD, new.epochs[0]), "the end of the old session leaves it alone"


def test_of_two_with_one_id_the_older_is_told_once_it_writes() -> None:
    bench = SimBench()
    old = Life(bench)
    bench.until(lambda: bool(old.epochs))
    new = Life(bench)
    bench.until(lambda: bool(new.epochs))
    old.carrier.cut_off(0, 1, 2)
    bench.rest(10)
    old.carrier.heal()
    bench.until(lambda: bool(old.refusals))
    assert "has taken over" in str(old.refusals[0])
    bench.rest(30)
    assert len(old.refusals) == 1
    assert seen(bench) == (RECORD, new.epochs[0])


def test_a_store_out_of_reach_is_asked_until_it_answers() -> None:
    bench = SimBench()
    life = Life(bench)
    life.carrier.cut_off(0, 1, 2)
    bench.rest(60)
    assert life.epochs == []
    life.carrier.heal()
    bench.until(lambda: bool(life.epochs))


def test_a_session_that_ends_before_the_entry_is_written_is_followed_by_another() -> None:
    bench = SimBench()
    life = Life(bench)
    bench.until(lambda: bool(bench.etcd.leases()))
    (lease,) = bench.etcd.leases()
    bench.etcd.answer(Revoke(lease))
    bench.until(lambda: bool(life.epochs))
    bench.rest(10)
    assert seen(bench) is not None


def test_closing_it_takes_the_entry_away() -> None:
    bench = SimBench()
    life = Life(bench)
    bench.until(lambda: bool(life.epochs))
    life.registration.close()
    bench.rest(1)
    assert seen(bench) is None
    assert len(life.epochs) == 1


def test_closing_it_before_it_began_leaves_nothing() -> None:
    bench = SimBench()
    life = Life(bench)
    life.registration.close()
    bench.rest(10)
    assert life.epochs == []
    assert bench.etcd.leases() == set()


def test_one_node_s_file_takes_it_too() -> None:
    epochs: list[int] = []
    made = Registration(
        SoloBench().store(),
        lambda s, call: call,
        KEYS,
        7,
        RECORD,
        2000,
        epochs.append,
        epochs.append,
    )
    assert epochs == [made.epoch] == [1]
