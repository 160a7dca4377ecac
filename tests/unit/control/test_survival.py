"""Which failures acknowledged records survive, by where their replicas stand."""

import pytest

from bus.control.survival import Holding, Place, Records, Verdict, verdicts

KEPT, KEPT_NOW, AT_RISK = Records.KEPT, Records.KEPT_NOW, Records.AT_RISK


def places(*where):
    """One replica each: "machine/rack"."""
    return tuple(Place(number, *each.split("/")) for number, each in enumerate(where))


THREE = places("a/1", "b/2", "c/3")


def holding(replicas=THREE, *, in_sync=None, min_isr=2, flush="group"):
    found = len(replicas) if in_sync is None else in_sync
    return Holding(replicas, found, min_isr, flush == "group")


def test_three_flushed_replicas_on_three_machines_survive_everything():
    assert {v.records for v in verdicts(holding()).values()} == {KEPT}


def test_one_flushed_replica_survives_all_but_its_disk():
    found = verdicts(holding(places("a/1"), min_isr=1))
    assert {name for name, v in found.items() if v.records is not KEPT} == {"disk"}


def test_without_its_broker_one_replica_is_not_even_read():
    assert verdicts(holding(places("a/1"), min_isr=1))["process"] == Verdict(KEPT, False, False)


def test_a_killed_broker_loses_nothing_in_the_page_cache():
    assert verdicts(holding(flush="os"))["process"].records is KEPT


def test_in_the_page_cache_no_replica_survives_a_loss_of_all_power():
    assert verdicts(holding(flush="os"))["power"].records is AT_RISK


def test_in_the_page_cache_two_in_sync_survive_the_loss_of_one_machine():
    assert verdicts(holding(flush="os"))["machine"].records is KEPT


def test_brokers_of_one_machine_lose_power_together():
    replicas = places("a/1", "a/1", "a/1")
    assert verdicts(holding(replicas, flush="os"))["machine"].records is AT_RISK


def test_two_replicas_in_a_rack_may_be_all_that_had_a_record():
    replicas = places("a/1", "b/1", "c/2")
    assert verdicts(holding(replicas, flush="os"))["rack"].records is KEPT_NOW


def test_a_rack_with_two_of_three_replicas_stops_writing():
    replicas = places("a/1", "b/1", "c/2")
    assert verdicts(holding(replicas))["rack"] == Verdict(KEPT, False, True)


@pytest.mark.parametrize(("in_sync", "expected"), [(3, KEPT_NOW), (1, AT_RISK)])
def test_with_a_minimum_of_one_a_lost_disk_depends_on_who_is_in_sync(in_sync, expected):
    assert verdicts(holding(in_sync=in_sync, min_isr=1))["disk"].records is expected


def test_writing_goes_on_while_enough_replicas_are_left():
    assert verdicts(holding())["process"].can_write


def test_with_a_minimum_of_all_replicas_one_failure_stops_writing():
    assert not verdicts(holding(min_isr=3))["process"].can_write
