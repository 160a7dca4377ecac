"""DescribeHost: how the machine is on which this broker runs, for `busd doctor`."""

from concurrent.futures import Future
from functools import partial

from bus.broker.context import Context, Reply
from bus.broker.host import HostFacts, look
from bus.broker.node import Node
from bus.wire.brokers import NOT_TOLD, DescribeHostRequest, DescribeHostResponse


def describe_host(node: Node, context: Context, request: DescribeHostRequest, reply: Reply) -> None:
    """Serve one DescribeHost."""
    etcd = node.etcd
    response = DescribeHostResponse(
        unsafe_directories=[f"{path} ({kind})" for path, kind in node.unsafe_directories().items()],
        etcd_versions=list(etcd.versions()),
        etcd_state=etcd.state(),
    )

    def seen(future: "Future[HostFacts]") -> None:
        facts = future.result()
        response.open_files = _told(facts.open_files)
        response.open_files_max = _told(facts.open_files_max)
        response.mappings = _told(facts.mappings)
        response.mappings_max = _told(facts.mappings_max)
        response.etcd_on_data_disk = _told(facts.etcd_on_data_disk)
        reply(response)

    data = [store.path for store in node.stores.all]
    node.pool.submit(partial(look, etcd.directory, data), seen)


def _told(fact: int | None) -> int:
    return NOT_TOLD if fact is None else int(fact)
