"""`busd partition`, `busd broker` and `busd doctor` on three brokers of this machine."""

import json

import pytest

import bus
from bus.cli.local_cluster import LocalCluster
from bus.cli.main import main
from tests.fixtures.etcd import need_etcd
from tests.fixtures.waiting import wait_until

pytestmark = pytest.mark.timeout(300)
AT_REST = ("--set", "auto.balance.enable=false")


class Cluster:
    """Three brokers, commands to them, and what they say of who holds what."""

    def __init__(self, servers, capsys):
        self.where = ("--server", servers)
        self.admin = bus.Admin(servers, timeout_ms=60_000)
        self._capsys = capsys

    def told(self, *arguments, code=0):
        assert main([*arguments, *self.where]) == code, self._capsys.readouterr()
        out, error = self._capsys.readouterr()
        return out + error

    def runs(self, *arguments):
        """A broker that was fenced for a moment is not in sync, and cannot be elected yet."""
        return main([*arguments, *self.where]) == 0

    def held(self, topic):
        topics = {each.name: each.partitions for each in self.admin.describe_topics()}
        return [set(each.replicas) for each in topics.get(topic, ())]

    def comes_to_hold(self, topic, *wanted):
        """Any broker may be asked, and hears of it a moment later."""
        return wait_until(lambda: self.held(topic) == list(wanted))

    def leader(self, topic, index):
        return self.admin.describe_topic(topic).partitions[index].leader


@pytest.fixture
def cluster(tmp_path, capsys):
    need_etcd()
    with LocalCluster(str(tmp_path / "cluster"), 3, *AT_REST) as brokers:
        cluster = Cluster(",".join(brokers.urls), capsys)
        with cluster.admin:
            yield cluster


def test_a_topic_is_given_three_replicas_and_a_broker_is_drained(cluster, tmp_path):
    for topic in ("t", "u"):
        cluster.admin.create_topic(topic, 3, 1, {"min.insync.replicas": 1})
    with bus.Producer(cluster.where[1]) as producer:
        producer.send_batch("t", [b"v"] * 1000, partition=0).result(60)

    grow = ("partition", "reassign", "--topic", "t", "--replication-factor", "3")
    assert "Nothing was changed" in cluster.told(*grow)
    cluster.told(*grow, "--execute", "--at-a-time", "2")
    assert cluster.comes_to_hold("t", *[{1, 2, 3}] * 3)
    assert wait_until(lambda: "nothing moves" in cluster.told(*grow))

    cluster.told("partition", "reassign", "--topic", "t", "--broker", "1,2,3",
                 "--replication-factor", "2", "--execute")  # fmt: skip
    cluster.told("broker", "drain", "3")
    assert cluster.comes_to_hold("t", *[{1, 2}] * 3)
    assert "stop it first" in cluster.told("broker", "remove", "3", code=1)
    cluster.admin.create_topic("v", 3, 2)
    assert cluster.comes_to_hold("v", *[{1, 2}] * 3)
    assert wait_until(lambda: "drained" in cluster.told("broker", "list"))
    cluster.told("broker", "drain", "3", "--cancel")

    plan = tmp_path / "plan.json"
    entry = {"topic": "u", "partition": 0, "replicas": [3, 1]}
    plan.write_text(json.dumps({"version": 1, "partitions": [entry]}))
    cluster.told("partition", "reassign", "--plan", str(plan), "--execute")
    assert wait_until(lambda: cluster.runs("partition", "elect", "--topic", "u:0"))
    assert wait_until(lambda: cluster.leader("u", 0) == 3)
    _check_doctor(cluster)


def _check_doctor(cluster):
    def hosts():
        return [cluster.admin.describe_host(number) for number in (1, 2, 3)]

    assert wait_until(lambda: all(host.etcd_state == "serving" for host in hosts()))
    assert all(host.etcd_versions and host.etcd_on_data_disk for host in hosts())
    assert "beside broker 1, 2, 3 shares a disk" in cluster.told("doctor", code=1)
    cluster.admin.create_topic("safe")
    assert wait_until(lambda: cluster.runs("doctor", "--topic", "safe"))
