"""What an operator has set of the controller's work: the same for all brokers that may control."""

from dataclasses import dataclass

from bus.model.limits import MOVES_MAX


@dataclass(frozen=True, slots=True)
class Policy:
    """By default all is done by itself."""

    restores_leaders: bool = True  # auto.leader.rebalance.enable
    balances: bool = True  # replicas and leaders move to a broker that has joined
    moves_max: int = MOVES_MAX  # partitions whose replicas are exchanged at a time


BY_ITSELF = Policy()
