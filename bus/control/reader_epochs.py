"""What a reader's idea of the leader's epoch is worth to a replica of another (R19, KIP-320)."""

from bus.errors import NONE, FencedLeaderEpoch, UnknownLeaderEpoch
from bus.model.batch import NO_LEADER_EPOCH


def epoch_error(asked: int, own: int) -> int:
    """The error for who asks in the epoch `asked`, where this replica is in `own`; 0 if none."""
    if asked in (NO_LEADER_EPOCH, own):
        return NONE
    return FencedLeaderEpoch.code if asked < own else UnknownLeaderEpoch.code
