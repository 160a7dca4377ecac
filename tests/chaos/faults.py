"""What is done to a cluster of real processes, one thing a round.

Fault              What it does                                  Undone by
-----              ------------                                  ---------
kill a leader      SIGKILL of a broker that leads                starting it
kill a follower    SIGKILL of one that does not control          starting it
kill the control   SIGKILL of the broker that controls           starting it
kill all           SIGKILL of all brokers, their etcd with them  starting them
stop a leader      SIGSTOP for a while: it believes to lead      SIGCONT
restart in turn    SIGTERM and start, one after the other        -
"""

import random
import signal
import time
from collections.abc import Callable

from bus.cli.local_cluster import LocalCluster
from bus.client.admin import Admin

STOP_SECONDS = 0.1, 10.0
BETWEEN_SECONDS = 0.0, 2.0  # before the fault, and before it is undone

Fault = Callable[[LocalCluster, Admin, random.Random], None]


def leader_of(admin: Admin, topic: str) -> int:
    return admin.describe_topic(topic).partitions[0].leader


def _a_leader(admin: Admin, chance: random.Random) -> int:
    return chance.choice([p.leader for t in admin.describe_topics() for p in t.partitions])


def kill_a_leader(cluster: LocalCluster, admin: Admin, chance: random.Random) -> None:
    cluster.kill(_a_leader(admin, chance))


def kill_the_control(cluster: LocalCluster, admin: Admin, chance: random.Random) -> None:
    cluster.kill(admin.describe_cluster().controller)


def kill_a_follower(cluster: LocalCluster, admin: Admin, chance: random.Random) -> None:
    controller = admin.describe_cluster().controller
    cluster.kill(chance.choice([number for number in cluster.brokers if number != controller]))


def kill_all(cluster: LocalCluster, admin: Admin, chance: random.Random) -> None:
    for number in cluster.brokers:
        cluster.kill(number)


def stop_a_leader(cluster: LocalCluster, admin: Admin, chance: random.Random) -> None:
    number = _a_leader(admin, chance)
    cluster.kill(number, signal.SIGSTOP)
    time.sleep(chance.uniform(*STOP_SECONDS))
    cluster.kill(number, signal.SIGCONT)


def restart_in_turn(cluster: LocalCluster, admin: Admin, chance: random.Random) -> None:
    for number in cluster.brokers:
        cluster.restart(number)


FAULTS: dict[str, Fault] = {
    "kill a leader": kill_a_leader,
    "kill a follower": kill_a_follower,
    "kill the control": kill_the_control,
    "kill all": kill_all,
    "stop a leader": stop_a_leader,
    "restart in turn": restart_in_turn,
}
