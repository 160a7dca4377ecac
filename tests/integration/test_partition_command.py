"""`busd partition` and `busd broker` on three brokers of this machine."""

import json

import pytest

import bus
from bus.cli.local_cluster import LocalCluster
from bus.cli.main import main
from tests.fixtures.etcd import need_etcd
from tests.integration.conftest import busd

pytestmark = pytest.mark.timeout(300)
AT_REST = ("--set", "auto.balance.enable=false")


@pytest.fixture
def told(capsys):
    """What a command printed that must succeed."""

    def run(*arguments):
        code = main(arguments)
        out, error = capsys.readouterr()
        assert code == 0, error + out
        return out

    return run


def test_a_topic_is_given_three_replicas_and_a_broker_is_drained(tmp_path, told):
    need_etcd()
    with LocalCluster(str(tmp_path / "cluster"), 3, *AT_REST) as cluster:
        servers = ",".join(cluster.urls)
        where = ["--server", servers]
        with bus.Admin(servers, timeout_ms=60_000) as admin:
            config = {"min.insync.replicas": 1}
            admin.create_topic("t", 3, 1, config)
            admin.create_topic("u", 3, 1, config)

            def held(topic):
                return [set(each.replicas) for each in admin.describe_topic(topic).partitions]

            with bus.Producer(servers) as producer:
                producer.send_batch("t", [b"v"] * 1000, partition=0).result(60)
            grow = ["partition", "reassign", "--topic", "t", "--replication-factor", "3", *where]
            assert "--execute does it" in told(*grow)
            assert [len(each) for each in held("t")] == [1, 1, 1]
            told(*grow, "--execute", "--at-a-time", "2")
            assert held("t") == [{1, 2, 3}] * 3
            assert "All is as it should be" in told(*grow)
            assert all(len(each.isr) == 3 for each in admin.describe_topic("t").partitions)

            shrink = ["partition", "reassign", "--topic", "t", "--replication-factor", "2"]
            told(*shrink, *where, "--execute")
            assert [len(each) for each in held("t")] == [2, 2, 2]
            told("broker", "drain", "3", *where)
            assert not any(3 in each for topic in ("t", "u") for each in held(topic))
            refused = busd("broker", "remove", "3", *where)
            assert refused.returncode == 1
            assert "stop it first" in refused.stderr
            told("broker", "drain", "3", "--cancel", *where)

            plan = tmp_path / "plan.json"
            entry = {"topic": "u", "partition": 0, "replicas": [3, 1]}
            plan.write_text(json.dumps({"version": 1, "partitions": [entry]}))
            told("partition", "reassign", "--plan", str(plan), "--execute", *where)
            assert held("u")[0] == {1, 3}
            told("partition", "elect", "--topic", "u:0", *where)
            assert admin.describe_topic("u").partitions[0].leader == 3
