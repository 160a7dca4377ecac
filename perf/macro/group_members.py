"""Members of a consumer group over TCP, as many as are wanted in one event loop.

They speak the protocol themselves, so that what is measured is the broker and not a client library:
a member answers at once, and its heartbeats come as seldom as those of Kafka's clients.
"""

import asyncio
from typing import Any

from bus.wire.commits import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
)
from bus.wire.consumer_protocol import Subscription, encode_subscription
from bus.wire.frames import decode_response, encode_request
from bus.wire.groups import (
    HeartbeatRequest,
    JoinGroupRequest,
    JoinGroupRequestProtocol,
    LeaveGroupRequest,
    MemberIdentity,
    SyncGroupRequest,
    SyncGroupRequestAssignment,
)
from bus.wire.header import RequestHeader
from bus.wire.registry import Api, api_of
from bus.wire.schema import Message

HEARTBEAT_SECONDS = 3.0  # the default of Kafka's clients
SESSION_MS, REBALANCE_MS = 45_000, 300_000
MEMBER_ID_REQUIRED, REBALANCE_IN_PROGRESS = 79, 27


class Connection:
    """One request at a time."""

    def __init__(self) -> None:
        self._number = 0

    async def open(self, port: int) -> "Connection":
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
        return self

    async def ask(self, request: Message) -> Any:
        """The answer, at the newest version."""
        api = api_of(request)
        version = api.advertised(kafka=True)[1]
        self._number += 1
        header = RequestHeader(api.key, version, self._number, "perf")
        return decode_response(api, version, await self.exchange(encode_request(header, request)))[
            1
        ]

    async def exchange(self, frame: bytes) -> bytes:
        """A frame for a frame."""
        self._writer.write(len(frame).to_bytes(4, "big") + frame)
        size = int.from_bytes(await self._reader.readexactly(4), "big")
        return await self._reader.readexactly(size)

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


class Member:
    """Joins, takes what it is given, and joins again when it is told to."""

    def __init__(self, group: str, port: int) -> None:
        self.group, self._port = group, port
        self.member_id, self.generation, self.size = "", -1, 0
        self.settled = asyncio.Event()  # it knows its work in this generation
        self._connection = Connection()

    async def open(self) -> "Member":
        await self._connection.open(self._port)
        return self

    async def run(self) -> None:
        """Stay a member until cancelled."""
        while True:
            self.settled.clear()
            if not await self._join():
                continue
            self.settled.set()
            while await self._lives():
                await asyncio.sleep(HEARTBEAT_SECONDS)

    async def _join(self) -> bool:
        metadata = encode_subscription(Subscription(topics=["t"]))
        request = JoinGroupRequest(
            group_id=self.group,
            session_timeout_ms=SESSION_MS,
            rebalance_timeout_ms=REBALANCE_MS,
            member_id=self.member_id,
            protocol_type="consumer",
            protocols=[JoinGroupRequestProtocol("range", metadata)],
        )
        joined = await self._connection.ask(request)
        if joined.error_code == MEMBER_ID_REQUIRED:
            self.member_id = request.member_id = joined.member_id
            joined = await self._connection.ask(request)
        if joined.error_code:
            return False
        self.generation = joined.generation_id
        names = [member.member_id for member in joined.members]
        self.size = len(names)
        work = [SyncGroupRequestAssignment(name, b"work") for name in names]
        request = SyncGroupRequest(
            group_id=self.group,
            generation_id=self.generation,
            member_id=self.member_id,
            assignments=work,
        )
        return not (await self._connection.ask(request)).error_code

    async def _lives(self) -> bool:
        request = HeartbeatRequest(self.group, self.generation, self.member_id)
        return not (await self._connection.ask(request)).error_code

    async def leave(self) -> None:
        identity = MemberIdentity(self.member_id)
        await self._connection.ask(LeaveGroupRequest(self.group, members=[identity]))
        await self._connection.close()

    async def commit_until(
        self, end: float, partitions: range, topic: str, interval: float = 0.0
    ) -> list[float]:
        """Commit these partitions one request after the other; the seconds of each.

        With an `interval` each is due at its moment, and its seconds count from there.
        """
        positions = [OffsetCommitRequestPartition(p, 1_000_000, -1, "") for p in partitions]
        request = OffsetCommitRequest(
            group_id=self.group,
            generation_id_or_member_epoch=self.generation,
            member_id=self.member_id,
            topics=[OffsetCommitRequestTopic(topic, positions)],
        )
        api: Api = api_of(request)
        version = api.advertised(kafka=True)[1]
        frame = encode_request(RequestHeader(api.key, version, 1, "perf"), request)
        clock, times = asyncio.get_running_loop().time, []
        first = decode_response(api, version, await self._connection.exchange(frame))[1]
        codes = {one.error_code for topic in first.topics for one in topic.partitions}
        assert codes == {0}, f"commits fail with {codes}"
        due = clock()
        while (due := due + interval if interval else clock()) < end:
            if interval:
                await asyncio.sleep(max(0.0, due - clock()))
            await self._connection.exchange(frame)
            times.append(clock() - due)
        return times
