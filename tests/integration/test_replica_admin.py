"""Replicas, leaders and brokers by the admin, of a broker that is alone: over each way to it."""

import asyncio

import pytest

import bus
import bus.aio
from bus.client.admin_replicas import Unclean
from bus.errors import (
    InvalidReplicaAssignment,
    InvalidRequest,
    UnknownTopicOrPartition,
    UnsupportedVersion,
)
from bus.model.ids import TopicPartition
from bus.model.replication_errors import BrokerIdNotRegistered, NoReassignmentInProgress

FIRST = TopicPartition("t", 0)


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    data = tmp_path_factory.mktemp("data")
    with bus.Broker(str(data), listen="tcp://127.0.0.1:*", kafka="127.0.0.1:0") as broker:
        broker.create_topic("t", 2)
        yield broker


@pytest.fixture(params=["embedded", "tcp", "kafka"])
def admin(broker, request):
    if request.param == "embedded":
        with broker.admin() as admin:
            yield admin
        return
    with bus.Admin(broker.url if request.param == "tcp" else broker.kafka_url) as admin:
        yield admin


def test_nothing_moves(admin):
    assert admin.list_reassignments() == {}
    assert admin.list_reassignments(["t"]) == {}


def test_a_replica_where_it_is_is_nothing_to_refuse(admin):
    assert admin.reassign_partitions({FIRST: [1]}) == {}


def test_each_refusal_comes_back_with_its_partition(admin):
    refused = admin.reassign_partitions({FIRST: [2], ("t", 1): [1], ("no", 0): [1]})
    assert {partition: type(error) for partition, error in refused.items()} == {
        FIRST: InvalidReplicaAssignment,
        TopicPartition("no", 0): UnknownTopicOrPartition,
    }
    assert str(refused[FIRST]) == "There is no broker 2."


def test_what_does_not_move_cannot_be_taken_back(admin):
    refused = admin.cancel_reassignments([FIRST])
    assert type(refused[FIRST]) is NoReassignmentInProgress


def test_who_leads_already_needs_no_election(admin):
    assert admin.elect_leaders() == {}
    assert admin.elect_leaders([FIRST, ("t", 1)]) == {}


def test_a_lone_broker_is_neither_drained_nor_removed(broker):
    with bus.Admin(broker.url) as admin:
        with pytest.raises(InvalidRequest, match="alone"):
            admin.drain_broker(1)
        with pytest.raises(InvalidRequest, match="alone"):
            admin.remove_broker(1)


def test_a_broker_tells_its_settings(admin):
    settings = admin.describe_broker_config(1)
    assert int(settings["follower.replication.throttled.rate"].value) > 0


def test_a_broker_that_is_not_there_tells_none(admin):
    with pytest.raises(BrokerIdNotRegistered, match="Broker 9"):
        admin.describe_broker_config(9)


def test_a_broker_tells_of_its_machine(broker):
    with bus.Admin(broker.url) as admin:
        host = admin.describe_host(1)
    assert host.open_files > 0
    assert (host.etcd_versions, host.etcd_state, host.etcd_on_data_disk) == ((), "", None)


def test_a_broker_tells_how_far_its_logs_go(broker):
    with bus.Admin(broker.url) as admin:
        found = admin.describe_replicas([FIRST])[FIRST]
        with pytest.raises(UnknownTopicOrPartition):
            admin.describe_replicas([("t", 9)])
    assert (found.leader, found.isr, found.elr, found.recoveries) == (1, (1,), (), ())
    assert (found.logs[1].start_offset, found.logs[1].end_offset) == (0, 0)


def test_what_is_led_needs_no_unclean_election(admin):
    assert admin.elect_leaders([FIRST], unclean=Unclean(1)) == {}


def test_kafkas_protocol_has_no_such_question(broker):
    with bus.Admin(broker.kafka_url) as admin, pytest.raises(UnsupportedVersion):
        admin.describe_host(1)


def test_all_of_it_can_be_awaited(broker):
    async def ask():
        async with bus.aio.Admin(broker.url) as admin:
            assert await admin.list_reassignments() == {}
            assert await admin.elect_leaders() == {}
            assert FIRST in await admin.reassign_partitions({FIRST: [2]})
            assert FIRST in await admin.cancel_reassignments([FIRST])
            assert await admin.describe_broker_config(1)
            assert (await admin.describe_host(1)).open_files
            assert FIRST in await admin.describe_replicas([FIRST])
            for call in (admin.drain_broker, admin.remove_broker):
                with pytest.raises(InvalidRequest):
                    await call(1)

    asyncio.run(ask())
