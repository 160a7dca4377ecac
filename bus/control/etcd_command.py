"""The command line of a member of etcd.

Its own housekeeping does what there is to be done: history is forgotten after ten minutes (a watch
that was away for longer reads all anew), the log of what has been agreed upon is cut by a snapshot
every 10,000 entries. Freed pages of its file are used again, so it is never defragmented.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bus.control.etcd_joining import Enter, Next, Step
from bus.model.limits import ETCD_HISTORY_MINUTES, ETCD_QUOTA_BYTES, ETCD_SNAPSHOT_ENTRIES

# How soon a leader is missed: etcd's own pace, and the same for all members, wherever their disks
# are. One that expects heartbeats sooner than the leader sends them calls elections for ever.
HEARTBEAT_MS = 100
ELECTION_MS = 1000


@dataclass(frozen=True, slots=True)
class MemberSettings:
    """What a member is told that never changes."""

    cluster: str
    name: str
    directory: str
    client_url: str
    peer_url: str


def command(program: str, settings: MemberSettings, step: Next) -> list[str]:
    """As for the shell, without it."""
    options = {
        "name": settings.name,
        "data-dir": settings.directory,
        "listen-client-urls": settings.client_url,
        "advertise-client-urls": settings.client_url,
        "listen-peer-urls": settings.peer_url,
        "initial-advertise-peer-urls": settings.peer_url,
        "initial-cluster-token": f"busd-{settings.cluster}",
        "heartbeat-interval": HEARTBEAT_MS,
        "election-timeout": ELECTION_MS,
        "pre-vote": "true",  # a member that comes back ends no leader's term
        "auto-compaction-mode": "periodic",
        "auto-compaction-retention": f"{ETCD_HISTORY_MINUTES}m",
        "snapshot-count": ETCD_SNAPSHOT_ENTRIES,
        "quota-backend-bytes": ETCD_QUOTA_BYTES,
        "logger": "zap",
        "log-level": "warn",
        **_beginning(settings, step),
    }
    return [program, *(f"--{name}={value}" for name, value in options.items())]


def _beginning(settings: MemberSettings, step: Next) -> dict[str, object]:
    """Who etcd consists of, for who has no directory that tells it."""
    if step is Step.RESUME:
        return {}
    others: Sequence[str] = step.peer_urls if isinstance(step, Enter) else ()
    members = [f"{settings.name}={settings.peer_url}"]
    members += [f"other{number}={url}" for number, url in enumerate(others)]
    state = "existing" if isinstance(step, Enter) else "new"
    return {"initial-cluster": ",".join(members), "initial-cluster-state": state}
