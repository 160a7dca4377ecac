"""The admin as coroutines: `bus.aio.Admin`."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from bus.client import admin as sync_admin
from bus.client.admin_calls import ConfigEntry, ConfigValue, TopicDescription
from bus.client.admin_cluster import (
    ClusterDescription,
    HostDescription,
    describe_cluster,
    describe_host,
    raise_level,
)
from bus.client.admin_groups import GroupDescription, GroupListing, GroupPosition
from bus.client.admin_replicas import Reassignment, Refused, Unclean
from bus.client.admin_resets import Destination, OffsetChange, PartitionLag
from bus.client.awaiting import AsyncClosing
from bus.client.handle import CLOSE_SECONDS
from bus.client.options import Start
from bus.client.replica_states import ReplicaStates, describe_replicas
from bus.model.ids import TopicPartition


class Admin(AsyncClosing):
    """As `bus.Admin`; all methods are coroutines."""

    def __init__(self, servers: str | Iterable[str], **options: Any) -> None:
        """Options as of `bus.Admin`."""
        self._sync = sync_admin.Admin(servers, **options)
        self._calls = self._sync.calls

    async def create_topic(
        self,
        name: str,
        partitions: int | None = None,
        replication_factor: int | None = None,
        config: Mapping[str, ConfigValue] | None = None,
        *,
        validate_only: bool = False,
    ) -> None:
        """Make a topic; what is None is the broker's default."""
        await self._run(
            self._calls.create_topic, name, partitions, replication_factor, config, validate_only
        )

    async def delete_topic(self, name: str) -> None:
        """Delete a topic and its records."""
        await self._run(self._calls.delete_topic, name)

    async def create_partitions(self, name: str, count: int) -> None:
        """Let a topic have `count` partitions, more than it has now."""
        await self._run(self._calls.create_partitions, name, count)

    async def list_topics(self) -> list[str]:
        """Names, sorted."""
        return [topic.name for topic in await self.describe_topics()]

    async def describe_topics(self, names: Iterable[str] | None = None) -> list[TopicDescription]:
        """Topics with their partitions, sorted by name; None is all of them."""
        listed = None if names is None else list(names)
        described: list[TopicDescription] = await self._run(self._calls.describe_topics, listed)
        return described

    async def describe_topic(self, name: str) -> TopicDescription:
        """One topic with its partitions."""
        return (await self.describe_topics([name]))[0]

    async def describe_config(self, name: str) -> dict[str, ConfigEntry]:
        """A topic's settings by name, with where each comes from."""
        entries: dict[str, ConfigEntry] = await self._run(self._calls.describe_config, name)
        return entries

    async def alter_topic(
        self,
        name: str,
        config: Mapping[str, ConfigValue | None],
        *,
        validate_only: bool = False,
    ) -> None:
        """Change settings of a topic; None takes a setting back to its default."""
        await self._run(self._calls.alter_topic, name, config, validate_only)

    async def delete_records(self, topic: str, partition: int, before: int) -> int:
        """Give up the records below an offset (-1: all that are committed); the new start."""
        start: int = await self._run(self._calls.delete_records, topic, partition, before)
        return start

    async def offsets(self, topic: str, at: Start = "latest") -> dict[int, int]:
        """Per partition the first offset at an end or a time (ms)."""
        found: dict[int, int] = await self._run(self._calls.offsets, topic, at)
        return found

    async def describe_cluster(self) -> ClusterDescription:
        """The brokers, and which of them is the controller."""
        found: ClusterDescription = await self._run(describe_cluster, self._sync.asking)
        return found

    async def raise_level(self, level: int, *, validate_only: bool = False) -> None:
        """All brokers keep to this level from now on."""
        await self._run(raise_level, self._sync.asking, level, validate_only)

    async def describe_broker_config(self, broker: int) -> dict[str, ConfigEntry]:
        """A broker's settings by name."""
        entries: dict[str, ConfigEntry] = await self._run(
            self._calls.describe_broker_config, broker
        )
        return entries

    async def describe_host(self, broker: int) -> HostDescription:
        """How a broker's process and machine are, and its etcd."""
        found: HostDescription = await self._run(describe_host, self._sync.asking, broker)
        return found

    async def reassign_partitions(self, wanted: Mapping[TopicPartition, Sequence[int]]) -> Refused:
        """Have other brokers hold partitions, as `bus.Admin.reassign_partitions`."""
        refused: Refused = await self._run(self._sync.replicas.reassign, wanted)
        return refused

    async def cancel_reassignments(self, partitions: Iterable[TopicPartition]) -> Refused:
        """Leave partitions with those that held them before; what was refused, with its error."""
        refused: Refused = await self._run(self._sync.replicas.cancel, partitions)
        return refused

    async def list_reassignments(
        self, topics: Iterable[str] | None = None
    ) -> dict[TopicPartition, Reassignment]:
        """The partitions whose replicas are being exchanged, sorted; None is of all topics."""
        found: dict[TopicPartition, Reassignment] = await self._run(
            self._sync.replicas.reassignments, topics
        )
        return found

    async def elect_leaders(
        self, partitions: Iterable[TopicPartition] | None = None, *, unclean: Unclean | None = None
    ) -> Refused:
        """Have partitions led by their first replica, as `bus.Admin.elect_leaders`."""
        refused: Refused = await self._run(self._sync.replicas.elect, partitions, unclean)
        return refused

    async def describe_replicas(
        self, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, ReplicaStates]:
        """How far the logs of partitions go, as `bus.Admin.describe_replicas`."""
        found: dict[TopicPartition, ReplicaStates] = await self._run(
            describe_replicas, self._sync.asking, partitions
        )
        return found

    async def drain_broker(self, broker: int, *, draining: bool = True) -> None:
        """Have a broker give up all replicas, as `bus.Admin.drain_broker`."""
        await self._run(self._sync.replicas.drain_broker, broker, draining)

    async def remove_broker(self, broker: int) -> None:
        """Forget a broker that is stopped and holds nothing."""
        await self._run(self._sync.replicas.remove_broker, broker)

    async def list_groups(self, states: Iterable[str] | None = None) -> list[GroupListing]:
        """All groups, sorted by name; or those in one of `states`."""
        found: list[GroupListing] = await self._run(self._sync.groups.list_groups, states)
        return found

    async def describe_groups(self, names: Iterable[str]) -> list[GroupDescription]:
        """Groups with their members; one that does not exist is "Dead"."""
        found: list[GroupDescription] = await self._run(self._sync.groups.describe_groups, names)
        return found

    async def describe_group(self, name: str) -> GroupDescription:
        """One group with its members. Raises GroupIdNotFound."""
        found: GroupDescription = await self._run(self._sync.groups.describe_group, name)
        return found

    async def delete_group(self, name: str) -> None:
        """Delete a group and its positions."""
        await self._run(self._sync.groups.delete_group, name)

    async def group_offsets(self, name: str) -> dict[TopicPartition, GroupPosition]:
        """All positions of a group, sorted by partition."""
        found: dict[TopicPartition, GroupPosition] = await self._run(
            self._sync.groups.group_offsets, name
        )
        return found

    async def group_lag(self, name: str) -> list[PartitionLag]:
        """How far a group is behind, partition by partition."""
        found: list[PartitionLag] = await self._run(self._sync.resets.group_lag, name)
        return found

    async def alter_group_offsets(self, name: str, offsets: Mapping[TopicPartition, int]) -> None:
        """Set positions of a group that has no members."""
        await self._run(self._sync.groups.alter_group_offsets, name, offsets)

    async def reset_group_offsets(
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
        """Set positions anew, as `bus.Admin.reset_group_offsets`."""
        destination = Destination(to, offset, shift)
        changes: dict[TopicPartition, OffsetChange] = await self._run(
            self._sync.resets.reset_group_offsets, name, destination, topics, partitions, dry_run
        )
        return changes

    async def delete_group_offsets(self, name: str, partitions: Iterable[TopicPartition]) -> None:
        """Forget positions of a group."""
        await self._run(self._sync.groups.delete_group_offsets, name, partitions)

    async def close(self, timeout: float | None = CLOSE_SECONDS) -> None:
        """Let go of everything."""
        self._sync.close(timeout)

    async def _run(self, call: Callable[..., Any], *args: object) -> Any:
        return await asyncio.wrap_future(self._sync.submit(call, *args))
