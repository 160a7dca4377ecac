"""One thing asked for thousands of times in a request: the answer is no great multiple of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.errors import InvalidRequest, LeaderNotAvailable
from bus.model.limits import TOPICS_CREATED_PER_LOOKUP_MAX
from bus.wire import admin, commits, group_admin, groups, metadata, offsets, security
from bus.wire.fetch import FetchPartition, FetchRequest, FetchTopic
from bus.wire.frames import encode_request, encode_response
from bus.wire.header import RequestHeader
from bus.wire.registry import api_of
from tests.fixtures.members import GROUP, commit_of
from tests.fixtures.node import Bench, batch_of
from tests.fixtures.requests import produce, told

TIMES = 2000
RATIO_MAX = 20
PARTITIONS = 30


REQUESTS = [
    metadata.MetadataRequest([metadata.MetadataRequestTopic(name="t")] * TIMES),
    admin.DescribeConfigsRequest([admin.DescribeConfigsResource(2, "t", None)] * TIMES, True, True),
    admin.DescribeConfigsRequest([admin.DescribeConfigsResource(4, "1", None)] * TIMES, True, True),
    admin.IncrementalAlterConfigsRequest([admin.AlterConfigsResource(2, "t", [])] * TIMES),
    admin.AlterConfigsRequest([admin.ReplacedConfigs(2, "t", [])] * TIMES),
    admin.CreateTopicsRequest([admin.CreatableTopic("new", 1, 1)] * TIMES),
    admin.DeleteTopicsRequest([admin.DeleteTopicState("none")] * TIMES),
    admin.CreatePartitionsRequest([admin.CreatePartitionsTopic("t", 3, None)] * TIMES),
    group_admin.DescribeGroupsRequest([GROUP] * TIMES),
    group_admin.DeleteGroupsRequest(["none"] * TIMES),
    commits.OffsetFetchRequest("", None, [commits.OffsetFetchRequestGroup(GROUP)] * TIMES),
    groups.FindCoordinatorRequest("", 0, [GROUP] * TIMES),
    groups.LeaveGroupRequest(GROUP, "", [groups.MemberIdentity("m")] * TIMES),
    offsets.ListOffsetsRequest(
        topics=[offsets.ListOffsetsTopic("t", [offsets.ListOffsetsPartition(0, -1, -1)] * TIMES)]
    ),
    offsets.DeleteRecordsRequest(
        [offsets.DeleteRecordsTopic("t", [offsets.DeleteRecordsPartition(0, 0)] * TIMES)]
    ),
    FetchRequest(
        min_bytes=1,
        topics=[FetchTopic("t", partitions=[FetchPartition(partition_max_bytes=1 << 20)] * TIMES)],
    ),
    security.CreateAclsRequest([security.AclCreation()] * TIMES),
]


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[Bench]:
    """A topic of many partitions, and a group with a position in each."""
    bench = Bench(tmp_path / "data", offsets_topic_num_partitions=1)
    bench.create_topic("t", PARTITIONS)
    told(bench, produce(batch_of(b"v" * 1000)))
    bench.ask(commit_of(*(("t", partition, 1) for partition in range(PARTITIONS))))
    yield bench
    bench.close()


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda each: type(each).__name__)
def test_the_answer_is_no_great_multiple(busy: Bench, request_) -> None:
    api = api_of(request_)
    version = api.advertised(kafka=True)[1]
    size = len(encode_request(RequestHeader(api.key, version, 1, "c"), request_))
    answer = busy.ask(request_, version)
    assert len(encode_response(api, version, 1, answer)) < RATIO_MAX * size


def test_what_is_altered_twice_in_one_request_is_refused(busy: Bench) -> None:
    twice = [admin.AlterConfigsResource(2, "t", [])] * 2
    answer = busy.ask(admin.IncrementalAlterConfigsRequest(twice))
    assert [one.error_code for one in answer.responses] == [InvalidRequest.code] * 2


def test_one_look_up_creates_some_topics_and_the_others_have_to_wait(busy: Bench) -> None:
    names = [f"new-{n}" for n in range(TOPICS_CREATED_PER_LOOKUP_MAX + 2)]
    look_up = metadata.MetadataRequest([metadata.MetadataRequestTopic(name=n) for n in names])
    errors = [topic.error_code for topic in busy.ask(look_up).topics]
    assert errors == [0] * TOPICS_CREATED_PER_LOOKUP_MAX + [LeaderNotAvailable.code] * 2
    assert [topic.error_code for topic in busy.ask(look_up).topics] == [0] * len(names)


def test_a_partition_that_is_fetched_twice_is_read_once(busy: Bench) -> None:
    twice = [FetchPartition(partition_max_bytes=1 << 20)] * 2
    request = FetchRequest(min_bytes=1, topics=[FetchTopic("t", partitions=twice)])
    (topic,) = busy.ask(request, 12).responses
    assert [part.partition_index for part in topic.partitions] == [0]
