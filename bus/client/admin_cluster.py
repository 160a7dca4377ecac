"""The cluster as an admin sees it: its brokers, who controls, and the level that all keep to."""

from dataclasses import dataclass

from bus.client.admin_asking import Asking
from bus.client.cluster import endpoint_of
from bus.errors import UnsupportedVersion
from bus.model.features import CLUSTER_VERSION, Levels, highest
from bus.wire.brokers import NOT_TOLD, DescribeHostRequest, DescribeHostResponse
from bus.wire.cluster import DescribeClusterBroker, DescribeClusterRequest, DescribeClusterResponse
from bus.wire.features import FeatureUpdateKey, UpdateFeaturesRequest, UpdateFeaturesResponse
from bus.wire.metadata import MetadataRequest, MetadataResponse


@dataclass(frozen=True, slots=True)
class BrokerDescription:
    """One broker."""

    node: int
    url: str  # where it serves
    rack: str | None
    levels: Levels | None = None  # that it knows, if it is told
    is_draining: bool = False  # it gives up all that it holds; not told over kafka://


@dataclass(frozen=True, slots=True)
class ClusterDescription:
    """The brokers by their numbers."""

    cluster_id: str
    controller: int  # -1 while there is none
    brokers: tuple[BrokerDescription, ...]
    level: int | None = None  # that all of them keep to, if it is told

    @property
    def level_max(self) -> int | None:
        """The highest that all of them know, if it is told."""
        told = {broker.node: broker.levels for broker in self.brokers if broker.levels is not None}
        return highest(told) if told and len(told) == len(self.brokers) else None


@dataclass(frozen=True, slots=True)
class HostDescription:
    """A broker's process and machine, and its etcd; None where they do not tell."""

    open_files: int | None
    open_files_max: int | None
    mappings: int | None
    mappings_max: int | None  # vm.max_map_count
    unsafe_directories: tuple[str, ...]  # with their filesystems, where flush=group is no promise
    etcd_versions: tuple[str, ...]  # of the members that it has a connection to
    etcd_state: str  # of the member beside it; "" if there is none
    etcd_on_data_disk: bool | None  # does that member share a disk with records?


async def describe_host(asking: Asking, broker: int) -> HostDescription:
    """As the broker tells it itself. Raises UnsupportedVersion where it cannot be asked."""
    target = await asking.check_node(broker)
    told = await asking.ask(
        DescribeHostRequest(),
        DescribeHostResponse,
        lambda r: [(r.error_code, r.error_message)],
        target,
    )
    shares = _known(told.etcd_on_data_disk)
    return HostDescription(
        _known(told.open_files),
        _known(told.open_files_max),
        _known(told.mappings),
        _known(told.mappings_max),
        tuple(told.unsafe_directories),
        tuple(told.etcd_versions),
        told.etcd_state,
        None if shares is None else shares == 1,
    )


def _known(fact: int) -> int | None:
    return None if fact == NOT_TOLD else fact


async def describe_cluster(asking: Asking) -> ClusterDescription:
    """As the controller sees it, or any broker. Older brokers tell the same by Metadata."""
    try:
        answer = await asking.ask(
            DescribeClusterRequest(),
            DescribeClusterResponse,
            lambda r: [(r.error_code, r.error_message)],
        )
    except UnsupportedVersion:
        return await _by_metadata(asking)
    brokers = sorted(answer.brokers, key=lambda broker: broker.broker_id)
    return ClusterDescription(
        answer.cluster_id,
        answer.controller_id,
        tuple(
            BrokerDescription(
                b.broker_id, endpoint_of(b.host, b.port), b.rack, _levels_of(b), b.is_draining
            )
            for b in brokers
        ),
        answer.level if answer.level != NOT_TOLD else None,
    )


async def raise_level(asking: Asking, level: int, validate_only: bool = False) -> None:
    """All brokers keep to this level from now on. Raises InvalidRequest, naming who cannot."""
    update = FeatureUpdateKey(CLUSTER_VERSION, level)
    await asking.ask(
        UpdateFeaturesRequest(asking.timeout_ms, [update], validate_only),
        UpdateFeaturesResponse,
        lambda r: [(r.error_code, r.error_message)],
    )


def _levels_of(broker: DescribeClusterBroker) -> Levels | None:
    is_told = NOT_TOLD not in (broker.level_low, broker.level_high)
    return Levels(broker.level_low, broker.level_high) if is_told else None


async def _by_metadata(asking: Asking) -> ClusterDescription:
    answer = await asking.ask(MetadataRequest(topics=[]), MetadataResponse, lambda r: [])
    brokers = sorted(answer.brokers, key=lambda broker: broker.node_id)
    return ClusterDescription(
        answer.cluster_id or "",
        answer.controller_id,
        tuple(BrokerDescription(b.node_id, endpoint_of(b.host, b.port), b.rack) for b in brokers),
    )
