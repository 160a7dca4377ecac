"""The directory of a member of etcd, and whether it holds one.

DIRECTORY/member/    etcd's own
DIRECTORY/etcd.log   what etcd prints
"""

from pathlib import Path

DIRECTORY_MODE = 0o700  # etcd asks for it


class MemberDirectory:
    """One of them; made if it is not there."""

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        self.path = path
        self.log = path / "etcd.log"
        path.mkdir(parents=True, exist_ok=True, mode=DIRECTORY_MODE)

    @property
    def holds_member(self) -> bool:
        """Has a member of etcd begun here?"""
        return any((self.path / "member" / "wal").glob("*.wal"))
