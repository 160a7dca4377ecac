"""What a follower is answered, and how much of it at once."""

from types import SimpleNamespace
from uuid import UUID

from bus.broker.feeding import Feeds
from bus.errors import FetchSessionIdNotFound, UnknownTopicOrPartition
from bus.model.limits import PEER_ANSWER_BUFFERS_MAX
from bus.wire.fetch import FetchPartition, FetchRequest, FetchTopic, ReplicaState
from tests.fixtures.node import InlinePool
from tests.fixtures.timeline import Timeline

TOPIC = UUID(int=7)


def asked(session_id, epoch, *partitions):
    parts = [FetchPartition(partition) for partition in partitions]
    return FetchRequest(
        replica_state=ReplicaState(2, 1),
        max_wait_ms=100,
        session_id=session_id,
        session_epoch=epoch,
        topics=[FetchTopic(topic_id=TOPIC, partitions=parts)] if parts else [],
    )


def test_an_answer_names_only_so_many_partitions_and_the_next_one_the_others():
    hosts_nothing = SimpleNamespace(partitions={})
    feeds = Feeds(hosts_nothing, Timeline(), InlinePool(), dict, lambda: 9)
    answers = []
    count = 2 * PEER_ANSWER_BUFFERS_MAX + 1
    feeds.fetch(2, asked(0, 0, *range(count)), answers.append)
    feeds.fetch(2, asked(9, 1), answers.append)
    feeds.fetch(2, asked(9, 2), answers.append)
    parts = [[p for topic in answer.responses for p in topic.partitions] for answer in answers]
    assert [len(each) for each in parts] == [PEER_ANSWER_BUFFERS_MAX, PEER_ANSWER_BUFFERS_MAX, 1]
    assert {p.partition_index for each in parts for p in each} == set(range(count))
    assert {p.error_code for each in parts for p in each} == {UnknownTopicOrPartition.code}
    assert all(p.records is None for each in parts for p in each)


def test_a_question_that_waits_is_answered_when_a_late_one_begins_another_session():
    feeds = Feeds(SimpleNamespace(partitions={}), Timeline(), InlinePool(), dict, lambda: 9)
    waiting, late = [], []
    feeds.fetch(2, asked(0, 0), waiting.append)
    assert not waiting
    feeds.fetch(2, asked(0, 0, 1), late.append)
    assert [answer.error_code for answer in waiting] == [FetchSessionIdNotFound.code]
    assert [answer.error_code for answer in late] == [0]
