"""DescribeHost: a node tells of its machine, and of the etcd that it was told of."""

from bus.wire.brokers import NOT_TOLD, DescribeHostRequest
from tests.fixtures.node import Bench


def test_a_node_that_is_alone_knows_no_etcd(bench: Bench) -> None:
    answer = bench.ask(DescribeHostRequest())
    assert answer.error_code == 0
    assert answer.open_files > 0
    assert (answer.etcd_versions, answer.etcd_state) == ([], "")
    assert answer.etcd_on_data_disk == NOT_TOLD


def test_a_member_of_etcd_on_its_data_directory_shares_its_disk(bench: Bench) -> None:
    sight = bench.node.etcd
    sight.directory = bench.node.stores.all[0].path
    sight.versions, sight.state = lambda: ["3.4.23"], lambda: "serving"
    answer = bench.ask(DescribeHostRequest())
    assert (answer.etcd_versions, answer.etcd_state) == (["3.4.23"], "serving")
    assert answer.etcd_on_data_disk == 1
