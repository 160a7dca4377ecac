"""Who is alive, as the links and beats say, and what follows from it for whoever controls.

This broker    watches             and if one is silent
-----------    -------             --------------------
controls       all, itself too     it is fenced (bus/broker/controlling.py)
is accepted    the controller      it takes control, unless another broker hears the controller
is neither     the controller      nothing: it may not control

It beats five times a second: to whoever controls, or to all if that is this one. A beat comes from
the event loop and tells for how long the oldest unfinished write is under way, so that a broker
whose links stand and whose work does not go on is noticed. Who loses a link asks all others what
they see (bus/control/liveness.py), and is told again when that changes: two brokers rarely notice
the end of a third one in the same moment.
"""

from collections.abc import Callable

from bus.broker.membership import NOBODY, Membership
from bus.broker.peers import Peers
from bus.control.liveness import Heard, Inquire, Liveness, LivenessEffect, Silent
from bus.model.limits import BEAT_MS
from bus.ports import Clock, Later, Timer
from bus.wire.peers import BeatRequest, InquiryRequest, OpinionRequest
from bus.wire.schema import Message

LOOK_MS = 20  # between two looks at what may become silent, at least
PAUSE_MS = 100  # a timer that comes later than this says that the process stood still
TAKE_AGAIN_MS = 1000  # before control is taken again from one that is still silent
INT32_MAX = 2**31 - 1


class Watching:
    """From the start of a broker to its stop; on the event loop's thread."""

    def __init__(
        self,
        me: int,
        membership: Membership,
        peers: Peers,
        clock: Clock,
        later: Later,
        stuck_ms: Callable[[], int],
    ) -> None:
        """`stuck_ms` tells the age of this broker's oldest unfinished write."""
        self._me = me
        self._membership = membership
        self._peers = peers
        self._clock = clock
        self._later = later
        self._stuck_ms = stuck_ms
        self._machine = Liveness()
        self._role = (NOBODY, False)  # whom the machine is for: who controls, and do we?
        self._linked: set[int] = set()
        self._inquirers: dict[int, set[int]] = {}  # broker -> who wants to know of it
        self._taken_ms = 0
        self._beat_ms = clock.now_ms()
        self._timer: Timer | None = None
        self._due_ms = 0
        self._is_closed = False
        self._arm()

    def close(self) -> None:
        """Nothing is done any more."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()

    def on_members_changed(self) -> None:
        """Who is registered, or who controls, is not as it was."""
        members, now = self._membership, self._clock.now_ms()
        controls = members.controlling is not None
        if self._role != (members.controller, controls):
            self._role = (members.controller, controls)
            self._machine = Liveness()
            self._beat_ms = now  # whoever controls now is told at once
        watched: set[int] = set()
        if controls:
            watched = {self._me, *members.lives}
        elif members.controller not in (NOBODY, self._me):
            watched = {members.controller}
        for broker in self._machine.watched - watched:
            self._machine.forget(broker)
        for broker in sorted(watched):
            has_link = broker == self._me or broker in self._linked
            self._carry_out(self._machine.watch(broker, has_link, now))
        self._arm()

    def on_link(self, broker: int, is_up: bool) -> None:
        """The link to a broker is there, or is lost."""
        if is_up:
            self._linked.add(broker)
        else:
            self._linked.discard(broker)
        for inquirer in sorted(self._inquirers.get(broker, ())):
            self._tell_opinion(inquirer, broker)
        if not is_up:  # what it wants to know it asks anew
            for inquirers in self._inquirers.values():
                inquirers.discard(broker)
        self._carry_out(self._machine.on_link(broker, is_up, self._clock.now_ms()))
        self._arm()

    def handle(self, broker: int, message: Message) -> bool:
        """What a peer tells; False if it is not for us."""
        now = self._clock.now_ms()
        if isinstance(message, BeatRequest):
            self._carry_out(self._machine.on_beat(broker, message.stuck_ms, now))
            return True  # who beats is silent later than it was: the timer that runs comes first
        elif isinstance(message, OpinionRequest):
            seen, hears = message.broker_id, message.hears
            self._carry_out(self._machine.on_opinion(broker, seen, hears, now))
        elif isinstance(message, InquiryRequest):
            if message.broker_id in self._membership.lives:  # so that no peer can fill our memory
                self._inquirers.setdefault(message.broker_id, set()).add(broker)
            self._tell_opinion(broker, message.broker_id)
        else:
            return False
        self._arm()
        return True

    def _tell_opinion(self, inquirer: int, broker: int) -> None:
        if inquirer != broker:
            self._peers.tell(inquirer, OpinionRequest(broker, broker in self._linked))

    # --- time --------------------------------------------------------------------------------

    def _arm(self) -> None:
        """Be called when the next beat is due, or somebody may have become silent."""
        if self._is_closed:
            return
        now = self._clock.now_ms()
        due = self._beat_ms
        look_ms = self._machine.next_tick_ms()
        if look_ms is not None:
            due = min(due, max(look_ms, now + LOOK_MS))
        if self._timer is not None:
            if self._due_ms <= due:
                return
            self._timer.cancel()
        self._due_ms = due
        self._timer = self._later(max(due - now, 0) / 1000, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        now = self._clock.now_ms()
        if now - self._due_ms > PAUSE_MS:
            self._machine.on_pause(now - self._due_ms, now)
        if now >= self._beat_ms:
            self._beat_ms = now + BEAT_MS
            self._beat(now)
        self._carry_out(self._machine.on_tick(now))
        self._take_control(now)
        self._arm()

    def _beat(self, now_ms: int) -> None:
        controller, controls = self._role
        stuck_ms = min(self._stuck_ms(), INT32_MAX)
        if controls:
            self._carry_out(self._machine.on_beat(self._me, stuck_ms, now_ms))
            for broker in sorted(self._linked):
                self._peers.tell(broker, BeatRequest(stuck_ms))
        elif controller in self._linked:
            self._peers.tell(controller, BeatRequest(stuck_ms))

    # --- what follows --------------------------------------------------------------------------

    def _carry_out(self, effects: list[LivenessEffect]) -> None:
        for effect in effects:
            controlling = self._membership.controlling
            if isinstance(effect, Inquire):
                for broker in sorted(self._linked - {effect.broker}):
                    self._peers.tell(broker, InquiryRequest(effect.broker))
            elif isinstance(effect, Silent):
                if controlling is not None:
                    controlling.on_silent(effect.broker)
            elif isinstance(effect, Heard) and controlling is not None:
                controlling.on_heard(effect.broker)
        if effects:
            self._take_control(self._clock.now_ms())

    def _take_control(self, now_ms: int) -> None:
        """From a controller that is silent; one that others hear will fence us if it must."""
        controller, controls = self._role
        if controls or controller not in self._machine.silent:
            return
        if self._machine.is_heard_elsewhere(controller) or not self._membership.is_accepted:
            return
        if self._taken_ms == 0 or now_ms - self._taken_ms >= TAKE_AGAIN_MS:
            self._taken_ms = now_ms
            self._membership.take_control()
