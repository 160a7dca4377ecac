"""What `busd doctor` makes of what brokers tell of themselves."""

import pytest

from bus.cli.doctor_brokers import Seen, findings, recoveries, remarks, rows, unseen
from bus.client.admin_cluster import HostDescription
from bus.client.replica_states import RecoveryDescription, ReplicaStates
from bus.model.ids import TopicPartition

WELL = {
    "unsafe_directories": (),
    "open_files": 100,
    "open_files_max": 1000,
    "mappings": 200,
    "mappings_max": 65_530,
}
ETCD = {"etcd_versions": ("3.4.23",), "etcd_state": "serving", "etcd_on_data_disk": False}


def host(**facts):
    return HostDescription(**{**WELL, **ETCD, **facts})


def told(*hosts, **settings):
    seen = [
        Seen(n, each, {name.replace("_", "."): value for name, value in settings.items()})
        for n, each in enumerate(hosts, 1)
    ]
    return list(findings(seen))


def test_three_healthy_brokers_leave_nothing_to_say():
    assert told(host(), host(), host(), insecure="false", log_flush="group") == []


def test_a_broker_that_has_most_of_its_files_open_is_told():
    (only,) = told(host(open_files=801))
    assert only.startswith("Broker 1 has 801 of 1,000 files open")


def test_a_broker_that_has_mapped_most_of_what_it_may_is_told():
    (only,) = told(host(mappings=60_000))
    assert "vm.max_map_count" in only


def test_no_limit_is_not_near():
    assert told(host(open_files_max=None, mappings=None)) == []


def test_records_on_an_unsafe_filesystem_are_told():
    (only,) = told(host(unsafe_directories=("/data (tmpfs)",)))
    assert only.startswith("Broker 1 keeps records in /data (tmpfs)")


def test_a_member_of_etcd_that_is_not_well_is_told():
    (only,) = told(host(etcd_state="without a leader"))
    assert only.startswith("The member of etcd beside broker 1 is without a leader")


def test_an_etcd_on_the_disk_of_records_is_a_remark():
    shared = host(etcd_on_data_disk=True)
    seen = [Seen(1, shared, {}), Seen(2, host(), {}), Seen(3, shared, {})]
    assert list(findings(seen)) == []
    (only,) = remarks(seen)
    assert only.startswith("The member of etcd beside broker 1, 3 shares a disk")


def test_different_versions_of_etcd_are_told():
    (only,) = told(host(etcd_versions=("3.4.23", "3.5.9")), host(), host())
    assert "3.4.23, 3.5.9" in only


def test_one_member_of_etcd_for_three_brokers_is_told():
    none = {"etcd_state": "", "etcd_on_data_disk": None}
    (only,) = told(host(), host(**none), host(**none))
    assert "1 of the brokers has a member" in only


def test_unsafe_settings_are_told_with_what_they_mean():
    (only,) = told(host(), host(), insecure="true")
    assert only.startswith("Broker 1, 2 has insecure = true: whoever")


@pytest.mark.parametrize(
    ("url", "count"),
    [
        ("http://10.0.0.1:2379,http://127.0.0.1:2379", 1),
        ("https://10.0.0.1:2379", 0),
        ("http://localhost:2379", 0),
        ("", 0),
    ],
)
def test_an_etcd_that_anybody_may_write_to_is_told(url, count):
    assert len(told(host(), etcd=url)) == count


def test_a_default_of_one_replica_is_told_of_a_cluster_alone():
    setting = {"default.replication.factor": "1"}
    assert list(findings([Seen(1, host(), setting)])) == []
    (only,) = findings([Seen(1, host(), setting), Seen(2, host(), setting)])
    assert only.startswith("default.replication.factor is 1")


def test_settings_that_should_be_alike_and_are_not_are_told():
    seen = [Seen(n, host(), {"num.partitions": str(n)}) for n in (1, 2)]
    (only,) = findings(seen)
    assert only.startswith("Brokers differ in num.partitions (1, 2)")


def test_what_a_broker_does_not_tell_is_said_and_not_passed_over():
    seen = [Seen(2, None, None, "It is away.")]
    assert rows(seen) == [["2", *["not told"] * 4]]
    assert list(unseen(seen)) == ["broker 2's machine and etcd (It is away)"]
    assert list(findings(seen)) == []


def test_what_was_lost_stays_told():
    recovery = RecoveryDescription(6, 3, "balanced", "", 0, (), (), (1, 2), 90, 90)
    states = {
        TopicPartition("t", 0): ReplicaStates(3, 6, (1, 2, 3), (3,), (), (), (recovery,)),
        TopicPartition("t", 1): ReplicaStates(1, 1, (1, 2, 3), (1,), (), (), ()),
    }
    (only,) = recoveries(states)
    assert only.startswith("t-0: at 1970-01-01 00:00:00 UTC broker 3 was made the leader")
    assert "by the cluster itself" in only


def test_of_an_etcd_elsewhere_it_is_said_that_its_members_are_not_seen():
    (only,) = unseen([Seen(1, host(etcd_state="", etcd_on_data_disk=None), {})])
    assert "elsewhere" in only
