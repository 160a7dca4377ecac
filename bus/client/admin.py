"""The synchronous admin: topics and their settings, groups and their positions, the cluster."""

import asyncio
import concurrent.futures
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

from bus.adapters.clock import SystemClock
from bus.client.admin_asking import Asking
from bus.client.admin_calls import AdminCalls, ConfigEntry, ConfigValue, TopicDescription
from bus.client.admin_cluster import (
    ClusterDescription,
    HostDescription,
    describe_cluster,
    describe_host,
    raise_level,
)
from bus.client.admin_groups import GroupCalls, GroupDescription, GroupListing, GroupPosition
from bus.client.admin_replicas import Reassignment, Refused, ReplicaCalls, Unclean
from bus.client.admin_resets import Destination, GroupResets, OffsetChange, PartitionLag
from bus.client.handle import Handle
from bus.client.link import Connector
from bus.client.options import DAY_MS, Start, check_client_id, check_range, check_start, servers_of
from bus.client.remote import connector
from bus.client.replica_states import ReplicaStates, describe_replicas
from bus.model.ids import TopicPartition

P = ParamSpec("P")
T = TypeVar("T")

GRACE_SECONDS = 5.0  # beyond the request's own time-out


class Admin(Handle):
    """Makes, changes and describes topics and groups.

    Threads may share it; a forked child may not.
    """

    KIND = "admin"

    def __init__(
        self,
        servers: str | Iterable[str],
        *,
        timeout_ms: int = 30_000,
        client_id: str = "busd",
        connect: Connector | None = None,
    ) -> None:
        """Open; nothing is asked of the servers before the first call.

        timeout_ms   how long one call may take, retries included
        """
        check_range("timeout_ms", timeout_ms, 1, DAY_MS)
        endpoints = servers_of(servers)
        chosen = connect or connector(check_client_id(client_id))
        super().__init__()
        self._timeout_ms = timeout_ms
        asking = Asking(self._io.loop, endpoints, chosen, timeout_ms, SystemClock())
        self._cluster = asking.cluster
        self.asking = asking
        self.calls = AdminCalls(asking)
        self.groups = GroupCalls(asking)
        self.resets = GroupResets(self.calls, self.groups)
        self.replicas = ReplicaCalls(asking)
        self._when_forgotten(self._cluster.close)

    def create_topic(
        self,
        name: str,
        partitions: int | None = None,
        replication_factor: int | None = None,
        config: Mapping[str, ConfigValue] | None = None,
        *,
        validate_only: bool = False,
    ) -> None:
        """Make a topic; what is None is the broker's default. Raises TopicAlreadyExists."""
        self._run(
            self.calls.create_topic, name, partitions, replication_factor, config, validate_only
        )

    def delete_topic(self, name: str) -> None:
        """Delete a topic and its records."""
        self._run(self.calls.delete_topic, name)

    def create_partitions(self, name: str, count: int) -> None:
        """Let a topic have `count` partitions, more than it has now."""
        self._run(self.calls.create_partitions, name, count)

    def list_topics(self) -> list[str]:
        """Names, sorted."""
        return [topic.name for topic in self.describe_topics()]

    def describe_topics(self, names: Iterable[str] | None = None) -> list[TopicDescription]:
        """Topics with their partitions, sorted by name; None is all of them."""
        return self._run(self.calls.describe_topics, None if names is None else list(names))

    def describe_topic(self, name: str) -> TopicDescription:
        """One topic with its partitions. Raises UnknownTopicOrPartition."""
        return self.describe_topics([name])[0]

    def describe_config(self, name: str) -> dict[str, ConfigEntry]:
        """A topic's settings by name, with where each comes from."""
        return self._run(self.calls.describe_config, name)

    def alter_topic(
        self,
        name: str,
        config: Mapping[str, ConfigValue | None],
        *,
        validate_only: bool = False,
    ) -> None:
        """Change settings of a topic; None takes a setting back to its default."""
        self._run(self.calls.alter_topic, name, config, validate_only)

    def delete_records(self, topic: str, partition: int, before: int) -> int:
        """Give up the records below an offset (-1: all that are committed); the new start."""
        return self._run(self.calls.delete_records, topic, partition, before)

    def offsets(self, topic: str, at: Start = "latest") -> dict[int, int]:
        """Per partition the first offset at an end or a time (ms); -1: no record is that young."""
        check_start("at", at)
        return self._run(self.calls.offsets, topic, at)

    def describe_cluster(self) -> ClusterDescription:
        """The brokers, and which of them is the controller."""
        return self._run(describe_cluster, self.asking)

    def raise_level(self, level: int, *, validate_only: bool = False) -> None:
        """All brokers keep to this level from now on. Raises InvalidRequest, naming who cannot."""
        self._run(raise_level, self.asking, level, validate_only)

    def describe_broker_config(self, broker: int) -> dict[str, ConfigEntry]:
        """A broker's settings by name. Raises BrokerIdNotRegistered if it is not there."""
        return self._run(self.calls.describe_broker_config, broker)

    def describe_host(self, broker: int) -> HostDescription:
        """How a broker's process and machine are, and its etcd.

        Raises UnsupportedVersion over kafka://, where this cannot be asked.
        """
        return self._run(describe_host, self.asking, broker)

    def reassign_partitions(self, wanted: Mapping[TopicPartition, Sequence[int]]) -> Refused:
        """Have other brokers hold partitions: who shall, the preferred leader first.

        Returns once all that can has begun; `list_reassignments` tells how it goes on. What was
        refused comes back with its error; ThrottlingQuotaExceeded is for now: ask again.
        """
        return self._run(self.replicas.reassign, wanted)

    def cancel_reassignments(self, partitions: Iterable[TopicPartition]) -> Refused:
        """Leave partitions with those that held them before; what was refused, with its error."""
        return self._run(self.replicas.cancel, partitions)

    def list_reassignments(
        self, topics: Iterable[str] | None = None
    ) -> dict[TopicPartition, Reassignment]:
        """The partitions whose replicas are being exchanged, sorted; None is of all topics."""
        return self._run(self.replicas.reassignments, topics)

    def elect_leaders(
        self, partitions: Iterable[TopicPartition] | None = None, *, unclean: Unclean | None = None
    ) -> Refused:
        """Have partitions led by their first replica, if it is in sync; None is all of them.

        unclean   where nobody leads, by one that may lack records: they are lost, and it is noted

        What was refused comes back with its error; what needed no election is not.
        """
        return self._run(self.replicas.elect, partitions, unclean)

    def describe_replicas(
        self, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, ReplicaStates]:
        """Partitions' records, how far the logs of their replicas go, and what was lost of them.

        A broker that does not answer is left out. Raises UnsupportedVersion over kafka://.
        """
        return self._run(describe_replicas, self.asking, partitions)

    def drain_broker(self, broker: int, *, draining: bool = True) -> None:
        """Have a broker give up all replicas, and get no new ones; or let it be given some again.

        It goes on by itself; the broker is drained when `describe_topics` shows nothing on it.
        """
        self._run(self.replicas.drain_broker, broker, draining)

    def remove_broker(self, broker: int) -> None:
        """Forget a broker. Raises InvalidRequest while it runs, or holds partitions."""
        self._run(self.replicas.remove_broker, broker)

    def list_groups(self, states: Iterable[str] | None = None) -> list[GroupListing]:
        """All groups, sorted by name; or those in one of `states` ("Stable", "Empty", ...)."""
        return self._run(self.groups.list_groups, states)

    def describe_groups(self, names: Iterable[str]) -> list[GroupDescription]:
        """Groups with their members; one that does not exist is "Dead"."""
        return self._run(self.groups.describe_groups, names)

    def describe_group(self, name: str) -> GroupDescription:
        """One group with its members. Raises GroupIdNotFound."""
        return self._run(self.groups.describe_group, name)

    def delete_group(self, name: str) -> None:
        """Delete a group and its positions. Raises NonEmptyGroup or GroupIdNotFound."""
        self._run(self.groups.delete_group, name)

    def group_offsets(self, name: str) -> dict[TopicPartition, GroupPosition]:
        """All positions of a group, sorted by partition; empty if there is no such group."""
        return self._run(self.groups.group_offsets, name)

    def group_lag(self, name: str) -> list[PartitionLag]:
        """How far a group is behind, partition by partition. Raises GroupIdNotFound."""
        return self._run(self.resets.group_lag, name)

    def alter_group_offsets(self, name: str, offsets: Mapping[TopicPartition, int]) -> None:
        """Set positions of a group that has no members. Raises NonEmptyGroup."""
        self._run(self.groups.alter_group_offsets, name, offsets)

    def reset_group_offsets(
        self,
        name: str,
        to: Start | None = None,
        *,
        offset: int | None = None,
        shift: int | None = None,
        topics: Iterable[str] | None = None,
        partitions: Iterable[TopicPartition] | None = None,
        dry_run: bool = False,
    ) -> dict[TopicPartition, OffsetChange]:
        """Set positions anew, within what the partitions hold. Raises NonEmptyGroup.

        to       "earliest", "latest", or the first record at or after a time (ms)
        offset   this offset
        shift    so many records on, or back if negative

        Without topics and partitions, those in which the group has a position.
        """
        destination = Destination(to, offset, shift)
        return self._run(
            self.resets.reset_group_offsets, name, destination, topics, partitions, dry_run
        )

    def delete_group_offsets(self, name: str, partitions: Iterable[TopicPartition]) -> None:
        """Forget positions of a group. Raises GroupSubscribedToTopic if members read the topic."""
        self._run(self.groups.delete_group_offsets, name, partitions)

    def submit(
        self, call: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> "concurrent.futures.Future[T]":
        """Have the I/O thread make a call of `calls`. Raises Closed or ForkedClient."""
        self.check()
        return asyncio.run_coroutine_threadsafe(call(*args, **kwargs), self._io.loop)

    def _release(self, timeout: float | None) -> None:
        self._io.call(self._cluster.close, timeout=timeout)

    def _run(
        self, call: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Have the I/O thread do it, and wait."""
        future = self.submit(call, *args, **kwargs)
        try:
            return future.result(self._timeout_ms / 1000 + GRACE_SECONDS)
        except concurrent.futures.TimeoutError:
            raise self._cluster.unreachable() from None
        finally:
            future.cancel()
