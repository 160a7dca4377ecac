"""Three brokers in one process: what is acknowledged survives any one of them."""

from random import Random

import pytest

from bus.control.commands import Reassignment
from bus.control.policy import Policy
from bus.errors import NONE, NotEnoughReplicas, NotLeader
from bus.model.features import OLDEST
from bus.model.ids import PartitionId
from bus.model.limits import REPLICA_PARTITION_BYTES
from bus.model.stored import ClusterRecord
from bus.ports import Write
from tests.fixtures.sim_disk import SimDisk
from tests.fixtures.small_cluster import KEYS, TOPIC_ID, SmallCluster


@pytest.fixture
def cluster():
    cluster = SmallCluster()
    cluster.until(lambda: len(cluster.image().isr) == 3 and all_accepted(cluster))
    return cluster


def all_accepted(cluster):
    return all(broker.cluster.members.is_accepted for broker in cluster.living())


def acknowledged(cluster, *values):
    answers = cluster.produce(*values)
    cluster.until(lambda: answers)
    return answers[0].error, answers[0].base_offset


def ends(cluster):
    return {broker.me: broker.partition.log.end_offset for broker in cluster.living()}


def killed_leader(cluster):
    first = cluster.leader().me
    disk = cluster.kill(first)
    cluster.until(lambda: cluster.leader() is not None)
    return first, disk


def rebooted(disk):
    """Another boot of its machine: what was written and not flushed may be gone."""
    disk.boot_id = "another"
    return disk


def test_what_is_acknowledged_stands_on_every_replica_in_sync(cluster):
    assert acknowledged(cluster, b"one", b"two") == (NONE, 0)
    assert ends(cluster) == {1: 2, 2: 2, 3: 2}


def test_when_the_leader_is_killed_another_one_has_all_that_was_acknowledged(cluster):
    acknowledged(cluster, b"one")
    killed_leader(cluster)
    assert acknowledged(cluster, b"two") == (NONE, 1)


def test_a_killed_leader_comes_back_into_the_in_sync_set(cluster):
    acknowledged(cluster, b"one")
    first, disk = killed_leader(cluster)
    acknowledged(cluster, b"two")
    cluster.start(first, disk)
    cluster.until(lambda: len(cluster.image().isr) == 3)
    assert ends(cluster) == {1: 2, 2: 2, 3: 2}


def test_an_empty_disk_counts_for_nothing_until_it_has_caught_up(cluster):
    acknowledged(cluster, b"one")
    cluster.kill(2)
    cluster.start(2, SimDisk())
    seen = []
    cluster.until(lambda: seen.append(cluster.image().isr) or 2 not in seen[-1])
    cluster.until(lambda: cluster.brokers[2].cluster.members.is_accepted)
    cluster.until(lambda: len(cluster.image().isr) == 3)
    assert ends(cluster) == {1: 1, 2: 1, 3: 1}


def test_a_restart_that_has_lost_nothing_stays_in_sync(cluster):
    acknowledged(cluster, b"one")
    begun = cluster.image()
    follower = next(broker for broker in (1, 2, 3) if broker != cluster.leader().me)
    life = cluster.brokers[follower]
    life.is_alive = False
    cluster.start(follower, life.disk)
    cluster.until(lambda: all_accepted(cluster))
    assert cluster.image() == begun


def test_who_controlled_in_an_earlier_life_does_so_again_at_once(cluster):
    cluster.until(lambda: cluster.controller() is not None)
    life = cluster.controller()
    life.is_alive = False  # its session has not ended yet
    cluster.start(life.me, life.disk)
    cluster.until(lambda: cluster.brokers[life.me].cluster.members.controlling is not None)


def test_a_life_leads_nothing_by_a_record_of_the_life_before(cluster):
    acknowledged(cluster, b"one")
    leader = cluster.leader()
    for life in cluster.living():
        life.is_alive = False
        life.cluster.members._registration.session.close()
    dead = next(broker for broker in cluster.brokers if broker != leader.me)
    cluster._put(KEYS.controller, b"%d" % dead)  # it will judge nobody
    cluster.start(leader.me, SimDisk())  # it does not know what it has promised
    cluster.run(500)
    again = cluster.brokers[leader.me]
    assert again.cluster.members.epoch > 0
    assert not again.leads


def test_what_it_alone_had_is_cut_off(cluster):
    acknowledged(cluster, b"one")
    first = cluster.leader().me
    cluster.produce(b"of nobody else")
    disk = cluster.kill(first)
    cluster.until(lambda: cluster.leader() is not None)
    acknowledged(cluster, b"two")
    cluster.start(first, disk)
    cluster.until(lambda: len(cluster.image().isr) == 3)
    assert ends(cluster) == {1: 2, 2: 2, 3: 2}


def test_a_leader_that_was_replaced_answers_nobody(cluster):
    acknowledged(cluster, b"one")
    controller = next(b for b in cluster.living() if b.cluster.members.controlling)
    old = cluster.leader()
    assert controller is old, "the first broker leads and controls"
    other = cluster.brokers[2]
    other.cluster.members.take_control()
    other.cluster.members.controlling.on_silent(old.me)
    cluster.until(lambda: not old.leads)
    answers = []
    old.runtime.produce(old.partition, *cluster.batch(b"late"), -1, 1000, answers.append)
    assert answers[0].error == NotLeader.code


def test_with_too_few_in_sync_nothing_is_acknowledged():
    cluster = SmallCluster(min_isr=2)
    cluster.until(lambda: cluster.leader() is not None and all_accepted(cluster))
    cluster.kill(2)
    cluster.kill(3)
    cluster.until(lambda: len(cluster.image().isr) == 1)
    assert acknowledged(cluster, b"one")[0] == NotEnoughReplicas.code


def test_a_follower_that_is_cut_off_leaves_the_set_and_the_others_go_on(cluster):
    leader = cluster.leader().me
    for other in {1, 2, 3} - {leader}:
        cluster.cut.add(frozenset({other, 3}))
    cluster.cut.add(frozenset({leader, 3}))
    answers = cluster.produce(b"one")
    cluster.until(lambda: 3 not in cluster.image().isr)
    cluster.until(lambda: cluster.leader().partition.log.high_watermark == 1)
    assert answers


@pytest.mark.parametrize("seed", range(5))
def test_after_a_power_failure_of_all_every_acknowledged_record_is_there(cluster, seed):
    acknowledged(cluster, b"one", b"two")
    random = Random(seed)
    disks = {broker.me: cluster.kill(broker.me) for broker in cluster.living()}
    for broker, disk in disks.items():
        disk.work.clear()
        cluster.start(broker, disk.crash(random))
    cluster.until(lambda: cluster.leader() is not None and len(cluster.image().isr) == 3)
    assert acknowledged(cluster, b"three") == (NONE, 2)


def test_a_leader_that_leaves_is_replaced_before_it_goes(cluster):
    acknowledged(cluster, b"one")
    first, told = cluster.leader(), []
    first.cluster.leave(10_000, lambda: told.append(cluster.image()))
    cluster.until(lambda: told)
    assert told[0].leader not in (first.me, -1)
    assert first.me not in told[0].isr
    cluster.kill(first.me)
    assert acknowledged(cluster, b"two") == (NONE, 1)


def test_a_broker_that_leaves_without_a_controller_goes_when_its_time_is_over(cluster):
    left, told = cluster.brokers[3], []
    for other in (1, 2):
        cluster.kill(other)
    left.cluster.members.controller = -1
    left.cluster.leave(500, lambda: told.append(True))
    cluster.until(lambda: told, 20_000)


def test_when_all_may_have_lost_something_the_longest_log_leads_again():
    cluster = SmallCluster(flush="os")
    cluster.until(lambda: len(cluster.image().isr) == 3 and all_accepted(cluster))
    acknowledged(cluster, b"one", b"two")
    disks = {broker: cluster.kill(broker) for broker in (1, 2, 3)}
    for broker, disk in disks.items():
        cluster.start(broker, rebooted(disk))
    cluster.until(lambda: len(cluster.image().isr) == 3)
    assert acknowledged(cluster, b"three") == (NONE, 2)


def test_another_controller_learns_what_is_left_of_a_partition_that_nobody_leads():
    cluster = SmallCluster(flush="os")
    cluster.until(lambda: len(cluster.image().isr) == 3 and all_accepted(cluster))
    acknowledged(cluster, b"one", b"two")
    disks = {broker: cluster.kill(broker) for broker in (1, 2, 3)}
    for broker in (1, 2):
        cluster.start(broker, rebooted(disks[broker]))
    cluster.until(lambda: all_accepted(cluster))
    other = next(b for b in cluster.living() if b.cluster.members.controlling is None)
    other.cluster.members.take_control()
    cluster.until(lambda: other.cluster.members.controlling is not None)
    cluster.start(3, rebooted(disks[3]))
    cluster.until(lambda: len(cluster.image().isr) == 3)
    assert acknowledged(cluster, b"three") == (NONE, 2)


def reassigned(cluster, *replicas):
    """These hold it now; how many milliseconds that took."""
    begun_ms, told = cluster.time.now_ms(), []
    controller = next(b for b in cluster.living() if b.cluster.members.controlling is not None)
    wanted = Reassignment(PartitionId(TOPIC_ID, 0), replicas)
    answer = [(wanted, lambda *outcome: told.append(outcome))]
    controller.cluster.members.controlling.reassign(answer)
    cluster.until(lambda: told and cluster.image().replicas == replicas)
    assert told == [(NONE, None)]
    cluster.until(lambda: set(cluster.image().isr) == set(replicas))
    return cluster.time.now_ms() - begun_ms


def test_what_is_written_stands_where_replicas_have_moved_to(cluster):
    reassigned(cluster, 1, 2)
    acknowledged(cluster, b"one")
    reassigned(cluster, 3, 2)
    assert acknowledged(cluster, b"two") == (NONE, 1)
    assert cluster.leader().me in (2, 3)
    assert cluster.brokers[3].partition.log.end_offset == 2
    assert cluster.brokers[1].partition is None


def test_a_replica_that_is_added_is_slowed_down_and_what_is_written_meanwhile_is_not():
    rate = 500_000
    cluster = SmallCluster(policy=Policy(bytes_per_second=rate))
    cluster.until(lambda: len(cluster.image().isr) == 3 and all_accepted(cluster))
    reassigned(cluster, 1, 2)
    size = 0
    for _ in range(10):
        assert acknowledged(cluster, b"x" * 200_000)[0] == NONE
        size += 200_000
    answer_ms = REPLICA_PARTITION_BYTES * 1000 // rate  # the last one is not waited for
    assert reassigned(cluster, 1, 2, 3) >= size * 1000 // rate - answer_ms


def test_a_member_whose_cluster_goes_to_a_level_that_it_does_not_know_ends(cluster):
    refused = []
    for broker in cluster.living():
        broker.cluster.members.on_refused = refused.append
    key = cluster.brokers[1].mirror.get(KEYS.meta)
    raised = ClusterRecord.from_bytes(KEYS.meta, key.value).at(OLDEST.high + 1)
    outcomes = []
    cluster.store.transact([Write(KEYS.meta, raised.to_bytes(), key.revision)], {}, outcomes.append)
    cluster.until(lambda: len(refused) == len(cluster.living()))
    assert all("this version of busd knows level 1" in str(error) for error in refused)
