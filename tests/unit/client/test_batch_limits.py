"""A topic's batch limit is asked of brokers that do not tell it; else it is the default."""

from bus.client.batch_limits import BatchLimits
from bus.client.routing import ClusterView, TopicView
from bus.errors import NetworkError
from bus.model.limits import BATCH_BYTES_MAX_UNTOLD
from bus.wire.admin import (
    DescribeConfigsResourceResult,
    DescribeConfigsResponse,
    DescribeConfigsResult,
)
from bus.wire.metadata import MetadataResponse, MetadataResponseTopic


def told(name, size):
    topic = MetadataResponseTopic(name=name)
    topic.batch_bytes_max = size
    return topic


def answer(**values):
    return DescribeConfigsResponse(
        results=[
            DescribeConfigsResult(
                resource_name=name,
                configs=[DescribeConfigsResourceResult("max.message.bytes", value)],
            )
            for name, value in values.items()
        ]
    )


def limits_of(limits, *names):
    view = limits.applied(ClusterView({}, tuple(TopicView(name) for name in names)))
    return [topic.batch_bytes_max for topic in view.topics]


def test_only_topics_that_the_broker_does_not_tell_of_are_asked_for_and_once():
    limits = BatchLimits()
    unknown = MetadataResponseTopic(error_code=3, name="gone")
    metadata = MetadataResponse(topics=[told("a", 5), told("b", -1), unknown])
    assert limits.missing(metadata) == ["b"]
    limits.learn(["b"], answer(b="1000"))
    assert limits.missing(metadata) == []
    limits.forget("b")
    assert limits.missing(metadata) == ["b"]


def test_what_was_answered_is_applied_and_the_rest_is_the_default():
    limits = BatchLimits()
    limits.learn(["a", "b", "c"], answer(a="1000", b="many"))
    default = BATCH_BYTES_MAX_UNTOLD
    assert limits_of(limits, "a", "b", "c", "d") == [1000, default, default, default]


def test_no_answer_is_the_default():
    limits = BatchLimits()
    limits.learn(["a"], NetworkError())
    assert limits_of(limits, "a") == [BATCH_BYTES_MAX_UNTOLD]
