"""Records told of by a place arrive as if with the answer; what fails is asked for again."""

import asyncio
import os
from contextlib import contextmanager

import pytest

from bus.adapters.disk.facts import boot_id
from bus.adapters.disk.foreign_file import identity_of
from bus.client.file_link import BYTES_ONLY_SECONDS, FileLink
from bus.errors import NetworkError
from bus.wire.fetch import (
    FetchableTopicResponse,
    FetchPartition,
    FetchRequest,
    FetchResponse,
    FetchTopic,
    FileRange,
    PartitionData,
)
from bus.wire.metadata import MetadataRequest, MetadataResponse
from tests.fixtures.batches import batch

FIRST, SECOND, THIRD = (batch([b"v" * 50] * 10, base_offset=offset) for offset in (0, 10, 20))


class Peer:
    """The link below: keeps requests, answers when told."""

    def __init__(self):
        self.calls, self.closed = [], False

    def call(self, request, done):
        self.calls.append((request, done))

    def close(self):
        self.closed = True


class Stage:
    """A link on the running loop; its peer; a file of three batches."""

    def __init__(self, path):
        self.path = path
        path.write_bytes(FIRST + SECOND + THIRD)
        self.peer = Peer()
        self.loop = asyncio.get_running_loop()
        self.link = FileLink(self.loop, self.peer)
        self.answers = []

    def place(self, **changes):
        size = self.path.stat().st_size
        facts = {"path": str(self.path), "position": 0, "size": size, "below": 30}
        facts["identity"] = identity_of(os.stat(self.path))
        return FileRange(**(facts | changes))

    async def fetch(self, offset, answer):
        """What the caller of a Fetch of one partition gets for this answer of the peer's."""
        told = self.loop.create_future()
        self.link.call(request_of(offset), told.set_result)
        self.peer.calls[-1][1](answer)
        return await asyncio.wait_for(told, 5)

    async def read(self, offset=0, **changes):
        """The records of an answer that tells of a place."""
        answer = await self.fetch(offset, answer_of(self.place(**changes)))
        return bytes(answer.responses[0].partitions[0].records or b"")

    def host_of(self):
        """What the last request said."""
        return self.peer.calls[-1][0].host


def request_of(offset):
    asked = FetchPartition(partition=0, fetch_offset=offset)
    return FetchRequest(topics=[FetchTopic(topic="t", partitions=[asked])])


def answer_of(place, records=b"", more=False):
    part = PartitionData(partition_index=0, records=records, file_range=place)
    return FetchResponse(responses=[FetchableTopicResponse("t", partitions=[part])], more=more)


@pytest.fixture
def play(tmp_path):
    """Run a story on a stage."""

    def run(story):
        async def whole():
            stage = Stage(tmp_path / "0.log")
            with closing(stage.link):
                return await story(stage)

        return asyncio.run(whole())

    return run


@contextmanager
def closing(link):
    try:
        yield
    finally:
        link.close()


def test_the_records_of_a_place_come_with_the_answer(play):
    assert play(lambda stage: stage.read()) == FIRST + SECOND + THIRD


def test_batches_below_the_offset_are_left_out(play):
    assert play(lambda stage: stage.read(15)) == SECOND + THIRD


def test_batches_that_are_not_committed_are_left_out(play):
    assert play(lambda stage: stage.read(below=20)) == FIRST + SECOND


def test_a_batch_that_is_cut_off_is_left_out(play):
    assert play(lambda stage: stage.read(size=len(FIRST + SECOND) + 40)) == FIRST + SECOND


def test_an_answer_with_records_is_passed_on_as_it_is(play):
    async def story(stage):
        return await stage.fetch(0, answer_of(None, FIRST))

    assert play(story).responses[0].partitions[0].records == FIRST


@pytest.mark.parametrize("error", [NetworkError("lost"), MetadataResponse()])
def test_so_is_whatever_else_comes(play, error):
    assert play(lambda stage: stage.fetch(0, error)) is error


def test_further_answers_of_a_stream_wait_for_those_before_them(play):
    async def story(stage):
        found, end = [], stage.loop.create_future()

        def keep(answer):
            found.append(bytes(answer.responses[0].partitions[0].records))
            if not answer.more:
                end.set_result(None)

        stage.link.call(request_of(0), keep)
        told = stage.peer.calls[-1][1]
        told(answer_of(stage.place(size=len(FIRST), below=10), more=True))
        told(answer_of(None, SECOND, more=True))
        told(answer_of(stage.place(position=len(FIRST + SECOND), size=len(THIRD))))
        await asyncio.wait_for(end, 5)
        return found

    assert play(story) == [FIRST, SECOND, THIRD]


def test_a_fetch_tells_the_host(play):
    async def story(stage):
        await stage.read()
        return stage.host_of()

    assert play(story) == boot_id()


@pytest.mark.parametrize(
    "changes",
    [{"identity": "1:1"}, {"path": "/nowhere"}, {"size": 10}, {"below": 5}, {"position": 7}],
    ids=["another file", "no file", "no whole batch", "nothing committed", "no batch"],
)
def test_what_cannot_be_read_is_asked_for_in_bytes(play, changes):
    async def story(stage):
        answer = await stage.fetch(0, answer_of(stage.place(**changes)))
        part = answer.responses[0].partitions[0]
        await stage.fetch(0, answer_of(None))
        return bytes(part.records), part.error_code, stage.host_of()

    assert play(story) == (b"", NetworkError.code, "")


def test_files_are_tried_again_after_a_while(play):
    async def story(stage):
        await stage.read(identity="1:1")
        later = stage.loop.time() + BYTES_ONLY_SECONDS
        stage.loop.time = lambda: later
        stage.link.call(FetchRequest(), lambda answer: None)
        return stage.host_of()

    assert play(story) == boot_id()


def test_other_requests_pass_unchanged(play):
    async def story(stage):
        request = MetadataRequest()
        stage.link.call(request, stage.answers.append)
        return stage.peer.calls[-1][0] is request

    assert play(story)


def test_after_close_nothing_is_told(play):
    async def story(stage):
        stage.link.call(request_of(0), stage.answers.append)
        stage.peer.calls[-1][1](answer_of(stage.place()))
        stage.link.close()
        stage.link._pool.close()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return stage.answers, stage.peer.closed

    assert play(story) == ([], True)
