"""A watch that goes on: over lost connections, dead members, compaction and lost events.

Event                           Effect
-----                           ------
opened                          all is read: a Snapshot; the watch begins behind its revision
message                         Changes
the connection ends             another member, from the last revision that was seen
the member is silent to probes  the same
that history is compacted       all is read anew
a message that cannot be        the same
each 30 to 45 s                 all keys are read; if events were lost, all is read anew

Invariant: what is handed on is a Snapshot, then Changes of ascending revisions without a gap, until
the next Snapshot.
"""

import logging
from collections.abc import Callable

from bus.adapters.etcd.asking import Asker
from bus.adapters.etcd.listing import Listing
from bus.adapters.etcd.messages import (
    Answer,
    Failure,
    Kind,
    Range,
    Watched,
    Watching,
    end_of_prefix,
)
from bus.adapters.etcd.tracking import Tracker
from bus.errors import FrameError
from bus.model.backoff import doubled
from bus.ports import Changes, Entry, Later, Snapshot, Timer

RETRY_MS = 50  # before a watch that ended twice in a row is begun again, doubling
RETRY_MS_MAX = 800
PROBE_MS = 500  # between two questions to the watched member
PROBE_TRY_MS = 500
PROBES_LOST_MAX = 2  # in a row
COMPARE_MS = 45_000  # at most between two comparisons
COMPARE_GRACE_MS = 2_000  # for events on their way, while all keys were read
log = logging.getLogger("busd.etcd")


class EtcdWatch:
    """News under one prefix, until `close`."""

    def __init__(
        self,
        asker: Asker,
        later: Later,
        prefix: str,
        hidden: str,
        on_news: Callable[[Snapshot | Changes], None],
        compare_ms: int = COMPARE_MS,
    ) -> None:
        """Keys that begin with `hidden` are not shown."""
        self._asker = asker
        self._later = later
        self._prefix = prefix
        self._tracker = Tracker(prefix, hidden)
        self._on_news = on_news
        self._compare_ms = compare_ms
        self.is_closed = False
        self._listing: Listing | None = None  # all that is being read
        self._comparing: Listing | None = None
        self._end_stream: Callable[[], None] | None = None
        self._member = 0  # who is watched
        self._streams = 0  # begun so far: tells a probe of this one from one of an earlier one
        self._failures = 0  # in a row
        self._probes_lost = 0
        self._timers: dict[str, Timer] = {}
        self._read_all()

    def close(self) -> None:
        """No more news."""
        self.is_closed = True
        self._stop()

    # --- reading it all -----------------------------------------------------------------------

    def _read_all(self) -> None:
        self._stop()
        self._listing = Listing(self._asker, self._prefix, False, self._on_read)

    def _on_read(self, entries: dict[bytes, Entry] | Failure, revision: int) -> None:
        self._listing = None
        if isinstance(entries, Failure):
            self._complain(entries.sentence)
            self._set_timer("retry", self._retry_ms(), self._read_all)
            return
        self._failures = 0
        self._on_news(self._tracker.restart(entries, revision))
        if not self.is_closed:
            self._stream()
            self._set_timer("compare", self._compare_ms, self._compare)

    # --- the stream ---------------------------------------------------------------------------

    def _stream(self) -> None:
        first = self._prefix.encode()
        # From the last known revision on, not from behind it: were the one behind it compacted,
        # etcd would leave out its deletions without a word (its issue 18089).
        request = Watching(first, end_of_prefix(first), self._tracker.position)
        self._member = self._asker.member
        self._streams += 1
        self._probes_lost = 0
        self._end_stream = self._asker.carrier.watch(
            self._member, request, self._on_message, self._on_end
        )
        self._set_timer("probe", PROBE_MS, self._probe)

    def _on_message(self, message: Watched) -> None:
        stranger = self._asker.stranger(self._member, message.header)
        if stranger is not None:
            self._leave_stream(stranger)
            return
        self._failures = 0
        try:
            found = self._tracker.take(message)
        except FrameError as error:
            self._complain(f"{error} All is read anew.")
            self._read_all()
            return
        streams = self._streams
        for changes in found:
            if self.is_closed or streams != self._streams:
                return
            self._on_news(changes)

    def _on_end(self, failure: Failure) -> None:
        self._end_stream = None
        if failure.kind is Kind.COMPACTED:
            log.info("the watch of %s fell behind a compaction: it is read anew", self._prefix)
            self._read_all()
        else:
            self._leave_stream(failure)

    def _leave_stream(self, failure: Failure) -> None:
        """Go on with another member."""
        self._drop_stream()
        self._tracker.forget_parts()
        self._asker.pass_over(self._member)
        self._complain(failure.sentence)
        self._set_timer("retry", self._retry_ms(), self._stream)

    def _probe(self) -> None:
        """Ask the watched member for anything: does it live?"""
        streams = self._streams
        request = Range(self._prefix.encode(), limit=1, without_values=True, is_local=True)

        def on_answer(answer: Answer | Failure) -> None:
            if self.is_closed or self._end_stream is None or streams != self._streams:
                return
            if not isinstance(answer, Failure):
                self._probes_lost = 0
            elif answer.kind in (Kind.LOST, Kind.UNUSABLE):
                self._probes_lost += 1
                if self._probes_lost >= PROBES_LOST_MAX:
                    self._leave_stream(answer)
                    return
            self._set_timer("probe", PROBE_MS, self._probe)

        self._asker.carrier.ask(self._member, request, PROBE_TRY_MS, on_answer)

    # --- the comparison -----------------------------------------------------------------------

    def _compare(self) -> None:
        self._tracker.begin_comparison()
        self._comparing = Listing(self._asker, self._prefix, True, self._on_listed)

    def _on_listed(self, listed: dict[bytes, Entry] | Failure, revision: int) -> None:
        self._comparing = None
        if isinstance(listed, Failure):
            self._set_timer("compare", self._compare_ms, self._compare)
            return
        newest = max((entry.revision for entry in listed.values()), default=0)
        if newest <= self._tracker.position:
            self._judge(listed, revision)
        else:
            self._set_timer("compare", COMPARE_GRACE_MS, lambda: self._judge(listed, revision))

    def _judge(self, listed: dict[bytes, Entry], revision: int) -> None:
        lost = self._tracker.differences(listed, revision)
        if lost and self._end_stream is not None:
            log.error("etcd has lost events of %d keys, among them %s", len(lost), lost[0])
            self._asker.pass_over(self._member)
            self._read_all()
        else:  # without a stream, events may well be missing: the next one brings them
            self._set_timer("compare", self._compare_ms, self._compare)

    # --- what is under way --------------------------------------------------------------------

    def _set_timer(self, name: str, ms: int, call: Callable[[], None]) -> None:
        if name in self._timers:
            self._timers[name].cancel()
        if not self.is_closed:
            self._timers[name] = self._later(ms / 1000, call)

    def _retry_ms(self) -> int:
        """At once the first time; the first of several failures may be of the member alone."""
        self._failures += 1
        return 0 if self._failures == 1 else doubled(RETRY_MS, self._failures - 2, RETRY_MS_MAX)

    def _drop_stream(self) -> None:
        if self._end_stream is not None:
            self._end_stream()
            self._end_stream = None

    def _stop(self) -> None:
        self._drop_stream()
        for listing in (self._listing, self._comparing):
            if listing is not None:
                listing.cancel()
        self._listing = self._comparing = None
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _complain(self, sentence: str) -> None:
        if self._failures in (0, 1, 10):
            log.warning("the watch of %s: %s", self._prefix, sentence)
