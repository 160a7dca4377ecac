"""What an operator has set of the controller's work, and of how fast replicas move."""

from dataclasses import dataclass

from bus.model.broker_settings import BrokerSettings
from bus.model.limits import MOVED_BYTES_PER_SECOND, MOVES_MAX
from bus.model.topic_settings import FLUSH_GROUP


@dataclass(frozen=True, slots=True)
class Policy:
    """By default all is done by itself."""

    restores_leaders: bool = True  # auto.leader.rebalance.enable
    balances: bool = (
        True  # auto.balance.enable: replicas and leaders move to a broker that has joined
    )
    moves_max: int = (
        MOVES_MAX  # reassignment.partitions.max: partitions whose replicas are exchanged at a time
    )
    bytes_per_second: int = MOVED_BYTES_PER_SECOND  # follower.replication.throttled.rate
    is_flushed: bool = True  # a topic whose settings do not say it: flush=group


BY_ITSELF = Policy()


def policy_of(settings: BrokerSettings) -> Policy:
    """As this broker was told."""
    return Policy(
        settings.auto_leader_rebalance_enable,
        settings.auto_balance_enable,
        settings.reassignment_partitions_max,
        settings.follower_replication_throttled_rate,
        settings.topic.flush == FLUSH_GROUP,
    )
