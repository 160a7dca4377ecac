"""All entries under a prefix, at one revision, page by page.

The first page says which revision it is; the others are asked for at that. Where a page does not
fit into an answer it is asked for in smaller ones. If the revision is compacted meanwhile it begins
anew.
"""

from collections.abc import Callable

from bus.adapters.etcd.asking import Asker
from bus.adapters.etcd.messages import Answer, Failure, Kind, Range, Ranged, end_of_prefix
from bus.model.limits import ETCD_PAGE_BARE_KEYS, ETCD_PAGE_KEYS, STORE_BYTES_MAX, STORE_KEYS_MAX
from bus.ports import Entry

PAGE_TRY_MS = 2_000
PAGE_WITHIN_MS = 10_000


class Listing:
    """One reading of it all."""

    def __init__(
        self,
        asker: Asker,
        prefix: str,
        without_values: bool,
        done: Callable[[dict[bytes, Entry] | Failure, int], None],
    ) -> None:
        """`done` gets the entries and their revision, or why there are none, unless cancelled."""
        self._asker = asker
        self._prefix = prefix.encode()
        self._end = end_of_prefix(self._prefix)
        self._without_values = without_values
        self._done = done
        self._limit = ETCD_PAGE_BARE_KEYS if without_values else ETCD_PAGE_KEYS
        self._is_cancelled = False
        self._begin()

    def cancel(self) -> None:
        """`done` is not called any more."""
        self._is_cancelled = True

    def _begin(self) -> None:
        self._entries: dict[bytes, Entry] = {}
        self._size = 0
        self._revision = 0
        self._ask(self._prefix)

    def _ask(self, key: bytes) -> None:
        request = Range(key, self._end, self._limit, self._revision, self._without_values)
        self._asker.ask(
            request, PAGE_WITHIN_MS, lambda answer, lost: self._on_page(key, answer), PAGE_TRY_MS
        )

    def _on_page(self, key: bytes, answer: Answer | Failure) -> None:
        if self._is_cancelled:
            return
        if isinstance(answer, Failure):
            self._on_failure(key, answer)
            return
        assert isinstance(answer, Ranged), "as asked"
        self._revision = self._revision or answer.header.revision
        problem = self._problem(key, answer)
        if problem:
            self._done(Failure(Kind.REFUSED, problem), 0)
            return
        self._entries |= answer.entries
        if answer.more:
            self._ask(next(reversed(answer.entries)) + b"\0")
        else:
            self._done(self._entries, self._revision)

    def _on_failure(self, key: bytes, failure: Failure) -> None:
        if failure.kind is Kind.TOO_LARGE and self._limit > 1:
            self._limit //= 2
            self._ask(key)
        elif failure.kind is Kind.COMPACTED and self._revision:
            self._begin()
        else:
            self._done(failure, 0)

    def _problem(self, key: bytes, page: Ranged) -> str:
        """What is wrong with a page; "" if nothing is."""
        keys = list(page.entries)
        self._size += sum(len(key) + len(entry.value) for key, entry in page.entries.items())
        if keys != sorted(keys) or (keys and not key <= keys[0] <= keys[-1] < self._end):
            return "etcd has answered with keys that it was not asked for."
        if page.more and not keys:
            return "etcd says that there is more, and gives nothing."
        if any(entry.revision > self._revision for entry in page.entries.values()):
            return "etcd has answered with entries that are newer than what it was asked for."
        if len(self._entries) + len(keys) > STORE_KEYS_MAX or self._size > STORE_BYTES_MAX:
            return (
                f"There is more in etcd than {STORE_KEYS_MAX} keys or {STORE_BYTES_MAX} bytes "
                "of one cluster; it is not read."
            )
        return ""
