"""`./run sim --control-plane BROKERS PARTITIONS`: what a large cluster asks of its controller,
its store and each broker, simulated without logs.

Times are CPU seconds of this machine; bytes on the way to brokers are those of etcd's gateway.
"""

import time

from tests.sim.plane.counted import Count
from tests.sim.plane.events import Event, Events, Standing

HEAD = (
    f"{'':34}{'partitions':>11}{'writes':>8}{'written':>10}{'a broker':>10}{'all':>10}"
    f"{'controller':>12}{'longest':>9}{'a broker':>10}{'until told':>12}\n"
    f"{'':34}{'changed':>11}{'':8}{'':10}{'hears':>10}{'hear':>10}"
    f"{'CPU':>12}{'':>9}{'CPU':>10}{'simulated':>12}"
)


def main(brokers: int, partitions: int) -> int:
    begun = time.process_time()
    events = Events(brokers, partitions)
    print(f"{brokers:,} brokers, {partitions:,} partitions of three replicas")
    print(HEAD, flush=True)
    for event in events.run():
        print(row(event, brokers), flush=True)
    show(events.standing(), brokers)
    print(f"{time.process_time() - begun:.0f} s of CPU in all")
    return 0


def row(event: Event, brokers: int) -> str:
    controller, broker = event.controller, event.broker
    heard = broker.bytes_watched
    return (
        f"{event.what:34}{event.partitions:>11,}{_writes(controller, broker):>8,}"
        f"{_size(controller.bytes_written + broker.bytes_written):>10}"
        f"{_size(heard):>10}{_size(heard * brokers):>10}"
        f"{_time(controller.cpu_s):>12}{_time(controller.longest_s):>9}{_time(broker.cpu_s):>10}"
        f"{event.simulated_s:>10.2f} s"
    )


def show(standing: Standing, brokers: int) -> None:
    keys = ", ".join(f"{count:,} of {kind}/" for kind, count in standing.keys.items())
    print(
        f"in the store: {_size(standing.bytes_in_store)}; keys: {keys}; "
        f"{standing.records_per_group:.0f} records a group\n"
        f"a broker that starts: {_time(standing.read_all_s)} of CPU to read and index it, "
        f"{standing.memory_mb:.0f} MB of memory"
    )


def _writes(controller: Count, broker: Count) -> int:
    return controller.transactions + broker.transactions


def _size(count: int) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.0f} {unit}" if count >= 10 or unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError("there is no larger unit")


def _time(seconds: float) -> str:
    return f"{seconds * 1000:,.1f} ms" if seconds < 1 else f"{seconds:,.1f} s"
