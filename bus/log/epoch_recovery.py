"""Bring the epochs of a log back from what is left of them (R8, S6).

Told by                       What it is worth
-------                       ----------------
a batch that was scanned      the truth about its offsets, whatever else says something of them
a journal's entry             later than all entries before it and than the checkpoint: what it says
                              begins at an offset replaces what was thought to begin there or above
the checkpoint                the state when the journal's generation began

The highest epoch that any of them names was seen. It stays in the cache, too, at the log's end,
even if of its records nothing is left: it is never used again.

What only scanned batches told has to be in a checkpoint before those batches count as durable: then
the next start does not scan them.
"""

from collections.abc import Sequence

from bus.log.epochs import EpochCache, EpochStart
from bus.log.scan import Header, infos

_BASE_OFFSET, _LEADER_EPOCH, _LAST_DELTA = 0, 2, 4  # in a Header


class EpochReplay:
    """Gathers what is told of one log's epochs; batches come in the order of the log."""

    def __init__(
        self, known: Sequence[EpochStart], journal: Sequence[EpochStart], seen: int = -1
    ) -> None:
        """`known` and `seen` are the checkpoint's."""
        self.max_epoch_seen = max([seen, *(entry.epoch for entry in (*known, *journal))])
        self.has_news = False  # `cache` gave what checkpoint and journal do not say
        self._known = EpochCache(list(known))
        for entry in journal:
            if entry.start_offset >= 0:
                self._known.put(*entry)
        self._found: list[EpochStart] = []
        self._scanned: list[tuple[int, int]] = []  # offsets of batches that were seen

    def on_headers(self, headers: list[Header]) -> None:
        """Batches that were scanned, back to back."""
        if not headers:
            return
        first, last = headers[0], headers[-1]
        end_offset = last[_BASE_OFFSET] + last[_LAST_DELTA] + 1
        if self._scanned and self._scanned[-1][1] == first[_BASE_OFFSET]:
            self._scanned[-1] = self._scanned[-1][0], end_offset
        else:
            self._scanned.append((first[_BASE_OFFSET], end_offset))
        self._on_epoch(first[_LEADER_EPOCH], first[_BASE_OFFSET])
        if last[_LEADER_EPOCH] > first[_LEADER_EPOCH]:
            for info in infos(headers):
                self._on_epoch(info.leader_epoch, info.base_offset)

    def _on_epoch(self, epoch: int, base_offset: int) -> None:
        if not self._found or epoch > self._found[-1].epoch:
            self._found.append(EpochStart(epoch, base_offset))
            self.max_epoch_seen = max(self.max_epoch_seen, epoch)

    def cache(self, start_offset: int, end_offset: int) -> EpochCache:
        """The epochs of a log that has these offsets."""
        entries = [entry for entry in self._known.entries if not self._is_scanned(entry)]
        entries = sorted(entries + self._found, key=lambda entry: (entry.start_offset, entry.epoch))
        epochs = EpochCache(entries)
        latest = epochs.latest
        epochs.truncate(end_offset)
        epochs.assign(latest, end_offset)
        if epochs.entries and epochs.entries[0].start_offset < start_offset:
            epochs.delete_prefix(start_offset)
        self.has_news = epochs.entries != self._known.entries
        return epochs

    def _is_scanned(self, entry: EpochStart) -> bool:
        return any(start <= entry.start_offset < end for start, end in self._scanned)
