"""A member of etcd beside this broker: started, joined to the others, promoted, kept, ended.

What is to be done is decided in `control/etcd_joining.py` and `control/etcd_keeping.py`; here it is
carried out. Everything is called on one event loop, whose thread outlives the member: the kernel
ends it with the thread that started it.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bus.adapters.dependent_process import DependentProcess
from bus.adapters.etcd.asking import Asker
from bus.adapters.etcd.carrier import HttpCarrier
from bus.adapters.etcd.directory import MemberDirectory
from bus.adapters.etcd.messages import (
    AddLearner,
    Answer,
    AskState,
    Failure,
    ListMembers,
    Members,
    Promote,
    Remove,
    Request,
    State,
)
from bus.adapters.etcd.program import complaint, find_etcd
from bus.adapters.etcd.settings import EtcdSettings, etcd_endpoints
from bus.broker.host import EtcdSight
from bus.control.etcd_command import MemberSettings, command
from bus.control.etcd_joining import (
    Next,
    Refuse,
    Step,
    is_one_too_many,
    next_step,
    to_promote,
)
from bus.control.etcd_keeping import Answered, Health, Keeper
from bus.errors import BadSetting
from bus.model.endpoint import is_loopback
from bus.model.etcd_members import EtcdMember
from bus.model.store_errors import StoreRefused, StoreUnreachable
from bus.ports import Clock

LOOK_SECONDS = 0.1  # between two looks at the process
ASK_SECONDS = 1.0  # between two questions to it
NOTE_SECONDS = 10.0  # between two questions who the members are
JOIN_SECONDS = 1.0  # between two tries to be added
ASK_WITHIN_MS = 5_000
STATE_WITHIN_MS = 1_000
FIRST_SECONDS = 2.0  # who ends within them at the first start never served
END_SECONDS_MAX = 10.0  # from SIGTERM to SIGKILL
log = logging.getLogger("busd.etcd")


@dataclass(frozen=True, slots=True)
class MemberWish:
    """What an operator says of the member."""

    cluster: str
    name: str  # of the member among the others
    directory: Path
    client_url: str
    peer_url: str
    join: str = ""  # URLs of etcd, with commas between; "": this one begins the cluster

    def __post_init__(self) -> None:
        """Raises BadSetting: what an etcd without certificates is told, anyone may tell it."""
        for url in (self.client_url, self.peer_url):
            (endpoint,) = etcd_endpoints(url)
            if not is_loopback(endpoint.authority):
                raise BadSetting(
                    f"etcd cannot be started at {url}: without certificates it listens only on "
                    "loopback. Name an etcd of your own by --etcd instead."
                )


class BesideEtcd:
    """One member and its broker; or no member, if there are enough."""

    def __init__(self, loop: asyncio.AbstractEventLoop, wish: MemberWish, clock: Clock) -> None:
        self._loop = loop
        self._wish = wish
        self._clock = clock
        self._keeper = Keeper()
        self._process: DependentProcess | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._has_vote = not wish.join
        own = etcd_endpoints(wish.client_url)
        self._own = HttpCarrier(loop, EtcdSettings(own))
        others = etcd_endpoints(wish.join) if wish.join else own
        self._carrier = HttpCarrier(loop, EtcdSettings(others))
        self._asker = Asker(self._carrier, clock, loop.call_later)

    async def start(self) -> str:
        """URLs of the etcd, for a store. Raises StoreRefused, StoreUnreachable or OSError."""
        program = find_etcd()
        directory = MemberDirectory(self._wish.directory)
        step, members = await self._joined(directory)
        urls = _urls(members) or directory.urls()
        if step is Step.FOLLOW:
            log.info("etcd has %d members; none is started here", len(members))
            return ",".join(urls)
        wish = self._wish
        settings = MemberSettings(
            wish.cluster, wish.name, str(directory.path), wish.client_url, wish.peer_url
        )

        def begin() -> None:
            now = Step.RESUME if directory.holds_member else step
            self._process = DependentProcess(command(program, settings, now), directory.log)
            self._keeper.on_started(self._clock.now_ms())

        if await self._look():
            raise StoreRefused(f"An etcd answers at {wish.client_url} already; it is not ours.")
        begin()
        await self._check_first_start(directory)
        self._keeping = self._loop.create_task(self._keep(begin, directory))
        return ",".join(dict.fromkeys((wish.client_url, *urls)))

    @property
    def pid(self) -> int | None:
        """Of the member, while it runs."""
        return self._process.pid if self._process is not None else None

    @property
    def has_vote(self) -> bool:
        """Is the member here known to be more than a learner?"""
        return self._has_vote

    def health(self) -> Health:
        """Of the member here."""
        return self._keeper.health(self._clock.now_ms())

    def show(self, sight: EtcdSight) -> None:
        """Have the broker tell of the member here."""
        sight.directory = str(self._wish.directory)
        sight.state = lambda: self.health().value

    async def close(self) -> None:
        """End the member, in peace if it heeds."""
        if self._keeping is not None:
            self._keeping.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeping
        self._asker.close()
        self._carrier.close()
        self._own.close()
        if self._process is not None:
            self._process.ask_to_end()
            end_ms = self._clock.now_ms() + int(END_SECONDS_MAX * 1000)
            while self._process.exit_code() is None and self._clock.now_ms() < end_ms:
                await asyncio.sleep(LOOK_SECONDS / 10)
            self._process.close()
            self._process = None

    # --- joining ------------------------------------------------------------------------------

    async def _joined(self, directory: MemberDirectory) -> tuple[Next, tuple[EtcdMember, ...]]:
        """How to start, and the members as far as they were asked for."""
        founds = not self._wish.join
        is_told = False
        while True:
            members = () if founds or directory.holds_member else await self._members()
            step = next_step(self._wish.peer_url, directory.holds_member, founds, members)
            if isinstance(step, Refuse):
                raise StoreRefused(step.sentence)
            if step not in (Step.ADD, Step.WAIT):
                return step, members
            if step is Step.ADD and await self._add():
                continue
            if not is_told:
                log.info("waiting for a place among the members of etcd")
                is_told = True
            await asyncio.sleep(JOIN_SECONDS)

    async def _members(self) -> tuple[EtcdMember, ...]:
        answer = await self._ask(ListMembers())
        if isinstance(answer, Members):
            return answer.members
        sentence = answer.sentence if isinstance(answer, Failure) else "it does not tell them"
        raise StoreUnreachable(f"The members of etcd are not known: {sentence}")

    async def _add(self) -> bool:
        """Is it decided, one way or the other?"""
        answer = await self._ask(AddLearner(self._wish.peer_url))
        if not isinstance(answer, Members):
            return False
        if is_one_too_many(answer.members):
            own = to_promote(self._wish.peer_url, answer.members)
            if own is not None:
                await self._ask(Remove(own))
        return True

    async def _promoted(self) -> bool:
        """Has the member a vote? Only members that have one answer."""
        answer = await self._ask(ListMembers())
        if not isinstance(answer, Members):
            return False
        learner = to_promote(self._wish.peer_url, answer.members)
        if learner is None:
            return True
        answer = await self._ask(Promote(learner))
        if isinstance(answer, Members):
            log.info("the member of etcd beside this broker has a vote now")
        return isinstance(answer, Members)

    # --- keeping ------------------------------------------------------------------------------

    async def _check_first_start(self, directory: MemberDirectory) -> None:
        """Raise StoreRefused if it ends at once, as with a wrong address or directory."""
        assert self._process is not None, "it was started"
        for _ in range(int(FIRST_SECONDS / LOOK_SECONDS)):
            await asyncio.sleep(LOOK_SECONDS)
            if self._process.exit_code() is not None:
                said = complaint(self._process.last_words())
                self._process.close()
                self._process = None
                raise StoreRefused(f"etcd ended at once: {said} (all of it: {directory.log})")
            if await self._look():
                return

    async def _keep(self, begin: Callable[[], None], directory: MemberDirectory) -> None:
        """Until it is cancelled."""
        asked_ms = noted_ms = 0
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            now_ms = self._clock.now_ms()
            self._restart_if_needed(begin, now_ms)
            if self._process is None or now_ms - asked_ms < ASK_SECONDS * 1000:
                continue
            asked_ms = now_ms
            self._process.trim_log()
            await self._look()
            if not self._has_vote:
                self._has_vote = await self._promoted()
            elif now_ms - noted_ms >= NOTE_SECONDS * 1000:
                noted_ms = now_ms
                await self._note_members(directory)

    async def _note_members(self, directory: MemberDirectory) -> None:
        """Where the others answer, for a start at which the member here does not."""
        answered: asyncio.Future[Answer | Failure] = self._loop.create_future()
        self._own.ask(0, ListMembers(), STATE_WITHIN_MS, lambda answer: _tell(answered, answer))
        answer = await answered
        urls = _urls(answer.members) if isinstance(answer, Members) else []
        try:
            if urls and urls != directory.urls():
                directory.note_urls(urls)
        except OSError as error:
            log.warning("where etcd answers could not be noted: %s", error)

    def _restart_if_needed(self, begin: Callable[[], None], now_ms: int) -> None:
        if self._process is not None and self._process.exit_code() is not None:
            wait_ms = self._keeper.on_ended(now_ms)
            log.error(
                "etcd has ended (exit code %s): %s; it is started again in %d ms",
                self._process.exit_code(),
                complaint(self._process.last_words()),
                wait_ms,
            )
            self._process.close()
            self._process = None
        elif self._process is None and self._keeper.is_start_due(now_ms):
            try:
                begin()
            except OSError as error:
                log.error("etcd cannot be started: %s", error)
                self._keeper.on_ended(now_ms)

    async def _look(self) -> bool:
        """Does it answer?"""
        answered: asyncio.Future[Answer | Failure] = self._loop.create_future()
        self._own.ask(0, AskState(), STATE_WITHIN_MS, lambda answer: _tell(answered, answer))
        answer = await answered
        if not isinstance(answer, State):
            return False
        is_alarmed = any("alarm" in text.lower() for text in answer.complaints)
        self._keeper.on_answer(Answered(answer.has_leader, is_alarmed), self._clock.now_ms())
        return True

    async def _ask(self, request: Request) -> Answer | Failure:
        answered: asyncio.Future[Answer | Failure] = self._loop.create_future()
        self._asker.ask(request, ASK_WITHIN_MS, lambda answer, _: _tell(answered, answer))
        return await answered


def _tell(future: "asyncio.Future[Answer | Failure]", answer: Answer | Failure) -> None:
    if not future.done():
        future.set_result(answer)


def _urls(members: Sequence[EtcdMember]) -> list[str]:
    return sorted(url for member in members for url in member.client_urls)
