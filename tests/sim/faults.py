"""Faults by name: what each does to the world, and undoes after a while.

Name           Arguments after the broker    What happens
----           --------------------------    ------------
kill           ms                            kill -9; it starts again so much later
power          ms                            the power fails
stop           ms                            it is asked to stop
leave          ms                            it is asked to stop, and hands over first
pause          ms                            SIGSTOP, SIGCONT
wall           ms                            the wall clock is off by so much from now on
sync_error     ms                            the next sync fails (EIO); it is killed and started
                                             so much later
write_error    0: EIO, 1: ENOSPC             the next write is done by half; the same, if that
                                             ended the disk
full           bytes, ms                     no more than that can be written
slow           times, ms                     the disk takes so many times as long
unreadable     ms                            reads of data files fail (EIO)
flip           ms, where                     it is killed, and one bit of a data file flips
reset          -                             all clients lose their connections
cut            other broker, way, ms         nothing arrives: from it, at it, or both
break          other broker                  the link breaks: what is under way is lost
blackout       ms                            the power of all brokers fails
store_away     ms                            the coordination store is not reached by it
store_rough    ms                            its requests or their answers are lost or late
expire         -                             its session with the store ends
lag            how much, ms                  it hears of changes in the store so much later
strike         ms, ms                        under the next request for another in-sync set the
                                             link breaks, and it arrives late; who was to join is
                                             killed so much later, and starts so much after that
wipe           ms                            it is killed, and starts on an empty disk
elect          -                             all partitions shall be led by their first replicas
reassign       which, order, how many        others shall hold a partition, in this order
cancel         which                         no, as before
drain          ms                            it shall hold nothing, for so long
"""

import errno
from collections.abc import Callable
from itertools import permutations
from typing import TYPE_CHECKING, Any

from bus.wire.replicas import AlterPartitionRequest
from tests.sim.plan import Step

if TYPE_CHECKING:
    from tests.sim.machine import Machine
    from tests.sim.world import World

FAILED_DISK_MS = 500


def inflict(world: "World", step: Step) -> None:
    """Do what a step of the plan says."""
    FAULTS[step.kind](world, world.machines[step.args[0]], *step.args[1:])


def _kill(world: "World", machine: "Machine", ms: int) -> None:
    machine.kill()
    world.after(ms, machine.start)


def _power(world: "World", machine: "Machine", ms: int) -> None:
    machine.fail_power()
    world.after(ms, machine.start)


def _stop(world: "World", machine: "Machine", ms: int) -> None:
    machine.stop()
    world.after(ms, machine.start)


def _leave(world: "World", machine: "Machine", ms: int) -> None:
    """It starts again so long after it has gone."""

    def look() -> None:
        if machine.process is None:
            machine.start()
        elif machine.is_leaving:
            world.after(ms, look)

    machine.leave()
    world.after(ms, look)


def _pause(world: "World", machine: "Machine", ms: int) -> None:
    process = machine.process
    if process is not None and not process.is_paused:
        process.pause()
        world.after(ms, process.go_on)


def _wall(world: "World", machine: "Machine", ms: int) -> None:
    machine.jump(ms)


def _sync_error(world: "World", machine: "Machine", ms: int) -> None:
    disk = machine.disk
    disk.sync_error = errno.EIO
    world.after(ms, lambda: _begin_anew_if_failed(world, machine))


def _write_error(world: "World", machine: "Machine", which: int) -> None:
    machine.disk.write_error = (errno.EIO, errno.ENOSPC)[which]
    world.after(FAILED_DISK_MS, lambda: _begin_anew_if_failed(world, machine))


def _begin_anew_if_failed(world: "World", machine: "Machine") -> None:
    """What an operator does about a disk that has failed."""
    disk = machine.disk
    disk.sync_error = disk.write_error = None
    if machine.process is not None and machine.has_failed:
        _kill(world, machine, 1)


def _full(world: "World", machine: "Machine", room: int, ms: int) -> None:
    machine.set_room(room)
    world.after(ms, lambda: machine.set_room(None))


def _slow(world: "World", machine: "Machine", times: int, ms: int) -> None:
    machine.set_slow(float(times))
    world.after(ms, lambda: machine.set_slow(1.0))


def _unreadable(world: "World", machine: "Machine", ms: int) -> None:
    machine.set_unreadable(True)
    world.after(ms, lambda: machine.set_unreadable(False))


def _flip(world: "World", machine: "Machine", ms: int, where: int) -> None:
    """In what is written: beyond it there is nothing yet."""
    _kill(world, machine, ms)
    disk = machine.disk
    files = [path for path in disk.files() if path.endswith(".log") and disk.data_end(path)]
    if files:
        path = files[where % len(files)]
        data = bytes(disk.raw(path)).rstrip(b"\0")
        position = where // len(files) % len(data)
        disk.flip(path, position)
        world.note(f"a bit of {path} flips at {position}")
        world.observer.on_flipped(machine, path)


def _reset(world: "World", machine: "Machine") -> None:
    for connection in list(machine.connections):
        connection.close()


def _cut(world: "World", machine: "Machine", other: int, way: int, ms: int) -> None:
    ends = machine.number, other % len(world.machines)
    pairs = [[ends], [ends[::-1]], [ends, ends[::-1]]][way]
    for pair in pairs:
        world.net.cut(*pair)
    world.after(ms, lambda: [world.net.heal(*pair) for pair in pairs] and None)


def _break(world: "World", machine: "Machine", other: int) -> None:
    world.net.break_link(machine.number, other % len(world.machines))


def _blackout(world: "World", _machine: "Machine", ms: int) -> None:
    for machine in world.machines:
        _power(world, machine, ms)


def _store_away(world: "World", machine: "Machine", ms: int) -> None:
    world.store.cut_off(machine.number)
    world.after(ms, lambda: world.store.heal(machine.number))


def _store_rough(world: "World", machine: "Machine", ms: int) -> None:
    world.store.roughen(machine.number)
    world.after(ms, lambda: world.store.heal(machine.number))


def _expire(world: "World", machine: "Machine") -> None:
    world.store.expire(machine.number)


def _lag(world: "World", machine: "Machine", lag_ms: int, ms: int) -> None:
    world.store.delay(machine.number, lag_ms)
    world.after(ms, lambda: world.store.heal(machine.number))


def _strike(world: "World", _machine: "Machine", until_ms: int, ms: int) -> None:
    def is_meant(message: Any) -> bool:
        return isinstance(message[2], AlterPartitionRequest)

    def on_struck(message: Any) -> None:
        part = message[2].topics[0].partitions[0]
        members = part.new_isr_with_epochs
        joining = [each.broker_id for each in members if each.broker_epoch > 0]
        target = (joining or [members[-1].broker_id])[0]
        world.note(f"a request for {[each.broker_id for each in members]} will be late")
        world.after(until_ms, lambda: _kill(world, world.machines[target - 1], ms))

    world.net.arm(is_meant, on_struck)


def _wipe(world: "World", machine: "Machine", ms: int) -> None:
    machine.wipe()
    world.after(ms, machine.start)


def _elect(world: "World", _machine: "Machine") -> None:
    world.admin.elect()


def _reassign(world: "World", _machine: "Machine", which: int, order: int, count: int) -> None:
    pids = world.partition_ids()
    brokers = [machine.broker for machine in world.machines]
    orders = list(permutations(brokers, min(count, len(brokers))))
    world.admin.reassign(pids[which % len(pids)], orders[order % len(orders)])


def _cancel(world: "World", _machine: "Machine", which: int) -> None:
    pids = world.partition_ids()
    world.admin.reassign(pids[which % len(pids)], None)


def _drain(world: "World", machine: "Machine", ms: int) -> None:
    world.admin.drain(machine.broker, True)
    world.after(ms, lambda: world.admin.drain(machine.broker, False))


FAULTS: dict[str, Callable[..., None]] = {
    "kill": _kill,
    "power": _power,
    "stop": _stop,
    "leave": _leave,
    "pause": _pause,
    "wall": _wall,
    "sync_error": _sync_error,
    "write_error": _write_error,
    "full": _full,
    "slow": _slow,
    "unreadable": _unreadable,
    "flip": _flip,
    "reset": _reset,
    "cut": _cut,
    "break": _break,
    "blackout": _blackout,
    "store_away": _store_away,
    "store_rough": _store_rough,
    "expire": _expire,
    "lag": _lag,
    "strike": _strike,
    "wipe": _wipe,
    "elect": _elect,
    "reassign": _reassign,
    "cancel": _cancel,
    "drain": _drain,
}
