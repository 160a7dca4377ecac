"""The directory of a member of etcd: whether it holds one, and who the others are.

DIRECTORY/member/    etcd's own
DIRECTORY/urls       where all members answered last, a URL a line: any may be away at a start
DIRECTORY/etcd.log   what etcd prints
"""

from collections.abc import Sequence
from pathlib import Path

URLS_BYTES_MAX = 4096

DIRECTORY_MODE = 0o700  # etcd asks for it


class MemberDirectory:
    """One of them; made if it is not there."""

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        self.path = path
        self.log = path / "etcd.log"
        self._urls = path / "urls"
        path.mkdir(parents=True, exist_ok=True, mode=DIRECTORY_MODE)

    @property
    def holds_member(self) -> bool:
        """Has a member of etcd begun here?"""
        return any((self.path / "member" / "wal").glob("*.wal"))

    def urls(self) -> list[str]:
        """Where the members answered when that was last noted. Raises OSError."""
        try:
            with open(self._urls, "rb") as file:
                text = file.read(URLS_BYTES_MAX).decode(errors="replace")
        except FileNotFoundError:
            return []
        return [line for line in text.splitlines() if line.startswith(("http://", "https://"))]

    def note_urls(self, urls: Sequence[str]) -> None:
        """For the next start; whatever is lost of it is noted again. Raises OSError."""
        aside = self._urls.with_suffix(".new")
        aside.write_text("".join(f"{url}\n" for url in urls))
        aside.rename(self._urls)
