"""A broker that accepts, answers and forgets: what Kafka's clients can reach at most.

    python -m perf.limits.null_broker PORT

Every topic exists, with one partition that never ends. A Produce is received and answered with the
next offset; its records are not looked at but for their number, which the batch's header tells. A
Fetch is answered with as many copies of one batch as it asks for, their offsets set in place; they
lie in memory. A group has the one member that asks. Each connection has a thread with blocking
calls: one `recv` for a frame, one `sendmsg` for an answer. No checksum, no disk, no waiting.
"""

import socket
import sys
import threading
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

from bus.native.batch import seal, stamp
from bus.native.builder import encode_list
from bus.wire import admin, commits, fetch, groups, metadata, offsets, produce, transactions
from bus.wire.frames import decode_request, response_chunks
from bus.wire.registry import api_by_key, api_of
from bus.wire.schema import Message
from perf.child import Server
from perf.pool import Pool

NODE_ID = 1
ENDLESS = 1 << 50  # records in each topic
FRAME_BYTES_MAX = 110 << 20
BATCH_BYTES = 1_000_000  # of a batch that is read, as the Java producer here makes them
READ_BYTES_MAX = 10 << 20  # of an answer to Fetch
AT_COUNT = 57  # the number of records in a batch's header
MEMBER = "the-one-member"


class NullBroker(Server):
    """One that runs, in a process of its own."""

    def __init__(self, log: Path, port: int) -> None:
        self.endpoint = f"127.0.0.1:{port}"
        command = [sys.executable, "-m", "perf.limits.null_broker", str(port)]
        super().__init__(command, log, port)


def new_batch() -> tuple[bytes, int]:
    """What all readers get, and how many records it has."""
    batch, records = encode_list(Pool(calls=1).call(0), None, 0, 0, BATCH_BYTES)
    seal(batch, -1, -1, -1)
    return bytes(batch), records


class Batches:
    """Copies of one batch, one behind the other, whose offsets are set before they are sent."""

    def __init__(self, batch: bytes, records: int) -> None:
        self.size, self.records = len(batch), records
        self._memory = bytearray(batch * (READ_BYTES_MAX // self.size))

    def read(self, offset: int, bytes_max: int) -> memoryview:
        """Whole batches from the one with this offset on; valid until the next call."""
        count = max(1, min(bytes_max, len(self._memory)) // self.size)
        first = offset - offset % self.records
        for index in range(count):
            stamp(self._memory, index * self.size, first + index * self.records, 0)
        return memoryview(self._memory)[: count * self.size]


class Conversation:
    """One connection, from its first request to its end."""

    def __init__(
        self, connected: socket.socket, port: int, ends: dict[str, int], batch: tuple[bytes, int]
    ) -> None:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = connected
        self._port = port
        self._ends = ends  # by topic, how many records were accepted
        self._frame = bytearray(64 << 10)
        self._batch = batch
        self._batches: Batches | None = None
        self._metadata = b""  # of the member, which is its own leader
        self._assignment = b""
        self._answers: dict[type[Message], Callable[[Any], Message]] = {
            metadata.ApiVersionsRequest: self._api_versions,
            metadata.MetadataRequest: self._cluster,
            admin.CreateTopicsRequest: self._create,
            transactions.InitProducerIdRequest: self._producer,
            produce.ProduceRequest: self._produce,
            offsets.ListOffsetsRequest: self._offsets,
            fetch.FetchRequest: self._fetch,
            groups.FindCoordinatorRequest: self._coordinator,
            groups.JoinGroupRequest: self._join,
            groups.SyncGroupRequest: self._sync,
            groups.HeartbeatRequest: lambda _: groups.HeartbeatResponse(),
            groups.LeaveGroupRequest: lambda _: groups.LeaveGroupResponse(),
            commits.OffsetFetchRequest: self._committed,
            commits.OffsetCommitRequest: self._commit,
        }

    def run(self) -> None:
        """Answer one request after the other."""
        with self._socket:
            while (frame := self._next_frame()) is not None:
                header, request = decode_request(frame)
                response = self._answers[type(request)](request)
                if isinstance(request, produce.ProduceRequest) and request.acks == 0:
                    continue
                api = api_by_key(header.api_key)
                chunks = response_chunks(api, header.api_version, header.correlation_id, response)
                self._send(chunks)

    def _next_frame(self) -> memoryview | None:
        head = self._socket.recv(4, socket.MSG_WAITALL)
        if len(head) < 4:
            return None
        size = int.from_bytes(head, "big")
        assert size <= FRAME_BYTES_MAX, "no client of ours sends so much"
        if size > len(self._frame):
            self._frame = bytearray(size)
        frame = memoryview(self._frame)[:size]
        return frame if self._socket.recv_into(frame, size, socket.MSG_WAITALL) == size else None

    def _send(self, chunks: list[Any]) -> None:
        size = sum(map(len, chunks))
        pieces = [memoryview(size.to_bytes(4, "big")), *map(memoryview, chunks)]
        while pieces:
            sent = self._socket.sendmsg(pieces)
            while pieces and sent >= len(pieces[0]):
                sent -= len(pieces.pop(0))
            if pieces:
                pieces[0] = pieces[0][sent:]

    def _api_versions(self, _: Any) -> Message:
        served = [
            metadata.ApiVersion(api.key, *api.advertised(kafka=True))
            for api in map(api_of, self._answers)
        ]
        return metadata.ApiVersionsResponse(api_keys=served)

    def _cluster(self, request: metadata.MetadataRequest) -> Message:
        topics = [
            metadata.MetadataResponseTopic(
                name=topic.name,
                topic_id=uuid5(NAMESPACE_DNS, topic.name or ""),
                partitions=[
                    metadata.MetadataResponsePartition(
                        leader_id=NODE_ID, leader_epoch=0, replica_nodes=[NODE_ID], isr_nodes=[1]
                    )
                ],
            )
            for topic in request.topics or ()
        ]
        brokers = [metadata.MetadataResponseBroker(NODE_ID, "127.0.0.1", self._port)]
        return metadata.MetadataResponse(
            brokers=brokers, cluster_id="null", controller_id=NODE_ID, topics=topics
        )

    def _create(self, request: admin.CreateTopicsRequest) -> Message:
        made = [
            admin.CreatableTopicResult(topic.name, uuid5(NAMESPACE_DNS, topic.name))
            for topic in request.topics
        ]
        return admin.CreateTopicsResponse(topics=made)

    def _producer(self, _: Any) -> Message:
        return transactions.InitProducerIdResponse(producer_id=1)

    def _produce(self, request: produce.ProduceRequest) -> Message:
        response = produce.ProduceResponse()
        for topic in request.topic_data:
            answer = produce.TopicProduceResponse(name=topic.name)
            response.responses.append(answer)
            for data in topic.partition_data:
                assert data.records is not None, "clients of ours send records"
                head = memoryview(data.records)[AT_COUNT : AT_COUNT + 4]
                base = self._ends[topic.name]
                self._ends[topic.name] = base + int.from_bytes(head, "big")
                answer.partition_responses.append(
                    produce.PartitionProduceResponse(index=data.index, base_offset=base)
                )
        return response

    def _offsets(self, request: offsets.ListOffsetsRequest) -> Message:
        topics = [
            offsets.ListOffsetsTopicResponse(
                topic.name,
                [
                    offsets.ListOffsetsPartitionResponse(
                        partition.partition_index,
                        offset=0 if partition.timestamp == offsets.EARLIEST else ENDLESS,
                        leader_epoch=0,
                    )
                    for partition in topic.partitions
                ],
            )
            for topic in request.topics
        ]
        return offsets.ListOffsetsResponse(topics=topics)

    def _fetch(self, request: fetch.FetchRequest) -> Message:
        if self._batches is None:
            self._batches = Batches(*self._batch)
        answer = fetch.FetchResponse()
        for topic in request.topics:
            for part in topic.partitions[:1]:
                records = self._batches.read(part.fetch_offset, part.partition_max_bytes)
                data = fetch.PartitionData(
                    partition_index=part.partition,
                    high_watermark=ENDLESS,
                    last_stable_offset=ENDLESS,
                    log_start_offset=0,
                    records=records,
                )
                answer.responses.append(
                    fetch.FetchableTopicResponse(topic.topic, topic.topic_id, [data])
                )
        return answer

    def _coordinator(self, request: groups.FindCoordinatorRequest) -> Message:
        place = (NODE_ID, "127.0.0.1", self._port)
        found = [groups.Coordinator(key, *place) for key in request.coordinator_keys]
        return groups.FindCoordinatorResponse(
            node_id=NODE_ID, host="127.0.0.1", port=self._port, coordinators=found
        )

    def _join(self, request: groups.JoinGroupRequest) -> Message:
        protocol = request.protocols[0]
        return groups.JoinGroupResponse(
            generation_id=1,
            protocol_type=request.protocol_type,
            protocol_name=protocol.name,
            leader=MEMBER,
            member_id=MEMBER,
            members=[groups.JoinGroupResponseMember(MEMBER, None, protocol.metadata)],
        )

    def _sync(self, request: groups.SyncGroupRequest) -> Message:
        return groups.SyncGroupResponse(
            protocol_type=request.protocol_type,
            protocol_name=request.protocol_name,
            assignment=request.assignments[0].assignment,
        )

    def _committed(self, request: commits.OffsetFetchRequest) -> Message:
        found = [
            commits.OffsetFetchResponseTopic(
                topic.name,
                [commits.OffsetFetchResponsePartition(index) for index in topic.partition_indexes],
            )
            for topic in request.topics or ()
        ]
        by_group = [
            commits.OffsetFetchResponseGroup(
                group.group_id,
                [
                    commits.OffsetFetchResponseTopics(
                        topic.name,
                        [commits.OffsetFetchResponsePartitions(i) for i in topic.partition_indexes],
                    )
                    for topic in group.topics or ()
                ],
            )
            for group in request.groups
        ]
        return commits.OffsetFetchResponse(topics=found, groups=by_group)

    def _commit(self, request: commits.OffsetCommitRequest) -> Message:
        done = [
            commits.OffsetCommitResponseTopic(
                topic.name,
                [
                    commits.OffsetCommitResponsePartition(p.partition_index)
                    for p in topic.partitions
                ],
            )
            for topic in request.topics
        ]
        return commits.OffsetCommitResponse(topics=done)


def main(port: int) -> None:
    """Serve until killed."""
    ends: dict[str, int] = defaultdict(int)
    batch = new_batch()
    with socket.create_server(("127.0.0.1", port), backlog=64) as listening:
        while True:
            connected, _ = listening.accept()
            conversation = Conversation(connected, port, ends, batch)
            threading.Thread(target=conversation.run, daemon=True).start()


if __name__ == "__main__":
    main(int(sys.argv[1]))
