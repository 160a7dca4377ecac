"""What is done to a cluster of real processes, one thing a round.

Fault              What it does                                  Undone by
-----              ------------                                  ---------
kill a leader      SIGKILL of a broker that leads                starting it
kill a follower    SIGKILL of one that does not control          starting it
kill the control   SIGKILL of the broker that controls           starting it
kill all           SIGKILL of all brokers, their etcd with them  starting them
stop ...           SIGSTOP of one or all: a leader believes to   SIGCONT, after a while
                   lead
restart in turn    SIGTERM and start, one after the other        -
"""

import random
import signal
import time
from collections.abc import Callable

from bus.cli.failure import Failure
from bus.cli.local_cluster import LocalCluster
from bus.client.admin import Admin

STOP_SECONDS = 0.1, 10.0
LED_SECONDS_MAX = 60.0
BETWEEN_SECONDS = 0.0, 2.0  # before the fault, and before it is undone

Fault = Callable[[LocalCluster, Admin, random.Random], int]  # how many times that was done


def a_leader(cluster: LocalCluster, admin: Admin, chance: random.Random) -> int:
    """One that runs and leads; it is waited for."""
    until = time.monotonic() + LED_SECONDS_MAX
    while True:
        leaders = [p.leader for t in admin.describe_topics() for p in t.partitions]
        running = [n for n in leaders if n in cluster.brokers and cluster.brokers[n].is_running]
        if running:
            return chance.choice(running)
        if time.monotonic() > until:
            raise Failure("No running broker leads anything.")
        time.sleep(0.05)


def a_follower(cluster: LocalCluster, admin: Admin, chance: random.Random) -> int:
    """One that does not control."""
    controller = the_control(cluster, admin)
    return chance.choice([number for number in cluster.brokers if number != controller])


def the_control(cluster: LocalCluster, admin: Admin) -> int:
    """The controller, if it is known."""
    number = admin.describe_cluster().controller
    return number if number in cluster.brokers else next(iter(cluster.brokers))


def kill_a_leader(cluster: LocalCluster, admin: Admin, chance: random.Random) -> int:
    cluster.kill(a_leader(cluster, admin, chance))
    return 1


def kill_the_control(cluster: LocalCluster, admin: Admin, chance: random.Random) -> int:
    cluster.kill(the_control(cluster, admin))
    return 1


def kill_a_follower(cluster: LocalCluster, admin: Admin, chance: random.Random) -> int:
    cluster.kill(a_follower(cluster, admin, chance))
    return 1


def kill_all(cluster: LocalCluster, admin: Admin, chance: random.Random) -> int:
    for number in cluster.brokers:
        cluster.kill(number)
    return 1


def _stop(cluster: LocalCluster, numbers: list[int], chance: random.Random) -> int:
    for number in numbers:
        cluster.kill(number, signal.SIGSTOP)
    time.sleep(chance.uniform(*STOP_SECONDS))
    for number in numbers:
        cluster.kill(number, signal.SIGCONT)
    return 1


def stop_a_leader(cluster: LocalCluster, admin: Admin, chance: random.Random) -> int:
    return _stop(cluster, [a_leader(cluster, admin, chance)], chance)


def stop_the_control(cluster: LocalCluster, admin: Admin, chance: random.Random) -> int:
    return _stop(cluster, [the_control(cluster, admin)], chance)


def stop_a_follower(cluster: LocalCluster, admin: Admin, chance: random.Random) -> int:
    return _stop(cluster, [a_follower(cluster, admin, chance)], chance)


def stop_all(cluster: LocalCluster, admin: Admin, chance: random.Random) -> int:
    return _stop(cluster, list(cluster.brokers), chance)


def restart_in_turn(cluster: LocalCluster, admin: Admin, chance: random.Random) -> int:
    for number in cluster.brokers:
        cluster.restart(number)
    return 1


KILLS: dict[str, Fault] = {
    "kill a leader": kill_a_leader,
    "kill a follower": kill_a_follower,
    "kill the control": kill_the_control,
    "kill all": kill_all,
}
STOPS: dict[str, Fault] = {
    "stop a leader": stop_a_leader,
    "stop a follower": stop_a_follower,
    "stop the control": stop_the_control,
    "stop all": stop_all,
}
FAULTS: dict[str, Fault] = {**KILLS, **STOPS, "restart in turn": restart_in_turn}
