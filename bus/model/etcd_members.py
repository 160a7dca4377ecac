"""A member of an etcd, as etcd tells of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EtcdMember:
    """One of those that an etcd consists of."""

    member_id: int
    name: str  # "" as long as it was never started
    peer_urls: tuple[str, ...]
    client_urls: tuple[str, ...]  # none as long as it was never started
    is_learner: bool  # it is given everything, and has no vote
