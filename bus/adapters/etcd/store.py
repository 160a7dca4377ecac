"""The Coordination port over an etcd: its parts put together.

    transactions.py  each once or not at all     sessions.py  leases kept alive
    watching.py      news without a gap          listing.py   all at one revision
    asking.py        which member, how often     carrier.py   one try over HTTP

Beside what it is asked to keep, a client writes one key: `SCRATCH/NAME`, from which it reads what
came of its transactions. Keys there are shown to nobody.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from bus.adapters.etcd.asking import Asker
from bus.adapters.etcd.carrier import Carrier, HttpCarrier
from bus.adapters.etcd.listing import Listing
from bus.adapters.etcd.messages import Answer, Failure, Kind, Range, Ranged
from bus.adapters.etcd.sessions import Sessions
from bus.adapters.etcd.settings import EtcdSettings
from bus.adapters.etcd.tracking import key_text
from bus.adapters.etcd.transactions import Transactions
from bus.adapters.etcd.watching import COMPARE_MS, EtcdWatch
from bus.errors import BusError
from bus.model.store_errors import StoreRefused, StoreUnreachable
from bus.ports import Changes, Clock, Entry, Later, Random, Session, Snapshot, Watch, Write

GET_WITHIN_MS = 5_000


class EtcdStore:
    """One client; on the event loop's thread."""

    def __init__(
        self,
        carrier: Carrier,
        clock: Clock,
        random: Random,
        later: Later,
        scratch: str,
        name: str,
    ) -> None:
        """`name` is this client's among all that write, and the same after a restart."""
        self.versions: Callable[[], Sequence[str]] = tuple  # of etcd, where the carrier tells
        self._carrier = carrier
        self._random = random
        self._later = later
        self._scratch = scratch
        self._asker = Asker(carrier, clock, later)
        self._sessions = Sessions(self._asker, random, later)
        incarnation = random.uuid_bytes().hex()
        self._transactions = Transactions(self._asker, clock, scratch + name, incarnation)
        self._watches: list[EtcdWatch] = []

    def get(self, key: str, done: Callable[[Entry | BusError | None], None]) -> None:
        """As of the port."""

        def on_answer(answer: Answer | Failure, lost: int) -> None:
            if isinstance(answer, Ranged):
                done(answer.entries.get(key.encode()))
            else:
                done(_error(answer))

        self._asker.ask(Range(key.encode()), GET_WITHIN_MS, on_answer)

    def list(self, prefix: str, done: Callable[[Snapshot | BusError], None]) -> None:
        """As of the port."""
        hidden = self._scratch.encode()

        def on_read(entries: dict[bytes, Entry] | Failure, revision: int) -> None:
            if isinstance(entries, Failure):
                done(_error(entries))
                return
            shown = {key: e for key, e in entries.items() if not key.startswith(hidden)}
            done(Snapshot(revision, {key_text(key): entry for key, entry in shown.items()}))

        Listing(self._asker, prefix, False, on_read)

    def transact(
        self,
        writes: Sequence[Write],
        guards: Mapping[str, int],
        done: Callable[[int | BusError | None], None],
    ) -> None:
        """As of the port."""
        leases = {
            write.key: self._sessions.lease_of(write.session)
            for write in writes
            if write.session is not None
        }
        self._transactions.transact(writes, guards, leases, done)

    def watch(self, prefix: str, on_news: Callable[[Snapshot | Changes], None]) -> Watch:
        """As of the port."""
        self._watches = [watch for watch in self._watches if not watch.is_closed]
        compare_ms = COMPARE_MS - self._random.below(COMPARE_MS // 3)  # brokers start together
        watch = EtcdWatch(self._asker, self._later, prefix, self._scratch, on_news, compare_ms)
        self._watches.append(watch)
        return watch

    def open_session(
        self,
        ttl_ms: int,
        on_lost: Callable[[], None],
        done: Callable[[Session | BusError], None],
    ) -> None:
        """As of the port; etcd may grant more time than was asked for."""
        self._sessions.open(ttl_ms, on_lost, done)

    def close(self, done: Callable[[], None]) -> None:
        """As of the port."""

        def end() -> None:
            self._asker.close()
            self._carrier.close()
            done()

        for watch in self._watches:
            watch.close()
        self._sessions.close(end)


def etcd_store(
    loop: asyncio.AbstractEventLoop,
    settings: EtcdSettings,
    clock: Clock,
    random: Random,
    scratch: str,
    name: str,
) -> EtcdStore:
    """The store over HTTP. Raises BadSetting if a certificate cannot be used."""
    carrier = HttpCarrier(loop, settings)
    store = EtcdStore(carrier, clock, random, loop.call_later, scratch, name)
    store.versions = carrier.versions
    return store


def _error(answer: Answer | Failure) -> BusError:
    assert isinstance(answer, Failure), "an answer of another kind is an error of the carrier"
    if answer.kind is Kind.LOST:
        return StoreUnreachable(answer.sentence)
    return StoreRefused(answer.sentence)
