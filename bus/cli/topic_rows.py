"""Topics in a table, each with what it lacks."""

from bus.cli.cluster_view import NOBODY, Row, View
from bus.cli.plan import below_default
from bus.client.admin_calls import TopicDescription

TOPICS_HEAD = ["topic", "partitions", "replicas", ""]


def topic_rows(view: View) -> list[Row]:
    """One each; where partitions differ, the one with fewest replicas counts."""
    return [_row(view, topic) for topic in view.topics]


def _row(view: View, topic: TopicDescription) -> Row:
    replicas = min((len(each.replicas) for each in topic.partitions), default=0)
    return [topic.name, len(topic.partitions), replicas, _lack(view, topic)]


def _lack(view: View, topic: TopicDescription) -> str:
    told = []
    leaderless = sum(each.leader == NOBODY for each in topic.partitions)
    if leaderless:
        told.append(f"{leaderless:,} without a leader")
    behind = sum(len(each.isr) < len(each.replicas) for each in topic.partitions) - leaderless
    if behind > 0:
        told.append(f"{behind:,} not all in sync")
    wished = below_default(topic, len(view.cluster.brokers))
    if wished:
        told.append(f"below {wished} replicas")
    return ", ".join(told)
