"""The admin as coroutines: `bus.aio.Admin`."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bus.client import admin as sync_admin
from bus.client.admin_calls import ConfigEntry, ConfigValue, TopicDescription
from bus.client.awaiting import AsyncClosing
from bus.client.handle import CLOSE_SECONDS
from bus.client.options import Start


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

    async def close(self, timeout: float | None = CLOSE_SECONDS) -> None:
        """Let go of everything."""
        self._sync.close(timeout)

    async def _run(self, call: Callable[..., Any], *args: object) -> Any:
        return await asyncio.wrap_future(self._sync.submit(call, *args))
