"""A broker for tests: isolated, quick, with a Kafka port for those who ask."""

import time
from pathlib import Path

import pytest

import bus
from bus.errors import BadSetting, BrokerStopped
from bus.testing.broker import TemporaryBroker
from tests.fixtures.kafka_peer import KafkaPeer, hello
from tests.fixtures.waiting import SECONDS

READY_SECONDS = 0.05  # where it has the machine to itself for once, within SECONDS
ROUNDS = 10


def folder_of(broker: bus.Broker) -> Path:
    return Path(broker.settings.data)


def test_it_has_no_port_before_somebody_asks():
    with TemporaryBroker() as broker:
        assert broker.status().endpoints.keys() == {"inproc"}
        assert broker.bootstrap == broker.bootstrap == broker.kafka_url.removeprefix("kafka://")
        with KafkaPeer(broker.bootstrap) as peer:
            assert peer.ask(hello()).error_code == 0


def test_a_port_that_was_asked_for_at_the_start_is_kept():
    with TemporaryBroker(kafka="NAME=127.0.0.1:0") as broker:
        assert broker.status().endpoints["NAME"] == broker.kafka_url


def test_two_of_them_share_nothing():
    with TemporaryBroker() as one, TemporaryBroker() as other:
        one.producer().send("t", b"v").result(60)
        assert other.status().partitions == ()
        assert one.bootstrap != other.bootstrap


def test_its_directory_goes_with_it():
    with TemporaryBroker() as broker:
        broker.producer().send("t", b"v").result(60)
        folder = folder_of(broker)
        assert folder.is_dir()
    assert not folder.exists()
    broker.close()
    with pytest.raises(BrokerStopped):
        _ = broker.bootstrap


def test_a_setting_that_cannot_be_leaves_no_directory_behind(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(BadSetting):
        TemporaryBroker(num_partitions=-1)
    assert list(tmp_path.iterdir()) == []


def test_it_is_ready_in_less_than_50_ms_port_included():
    times, give_up = [], time.monotonic() + SECONDS
    while len(times) < ROUNDS or (min(times) >= READY_SECONDS and time.monotonic() < give_up):
        before = time.perf_counter()
        with TemporaryBroker() as broker, KafkaPeer(broker.bootstrap) as peer:
            peer.ask(hello())
            times.append(time.perf_counter() - before)
    assert min(times) < READY_SECONDS, times
