"""A broker in this process: what it keeps, and what it lets go of."""

import gc
import weakref

import pytest

from bus.embedded import Broker
from bus.errors import BadSetting, BrokerStopped, Closed


@pytest.fixture
def broker(tmp_path):
    with Broker(str(tmp_path / "data")) as broker:
        yield broker


def test_a_closed_client_is_let_go_of(broker):
    producer, consumer = broker.producer(), broker.consumer()
    known = [weakref.ref(client) for client in (producer, consumer)]
    producer.close()
    consumer.close()
    broker.create_topic("t")
    del producer, consumer
    gc.collect()
    assert [ref() for ref in known] == [None, None]
    assert not broker._clients


def test_a_producer_that_nobody_holds_delivers_all_the_same(broker):
    delivery = broker.producer().send("t", b"v")
    gc.collect()
    assert delivery.result(60) == 0


def test_closing_the_broker_closes_its_clients(tmp_path):
    broker = Broker(str(tmp_path))
    producer, consumer = broker.producer(linger_ms=60_000), broker.consumer()
    delivery = producer.send("t", b"v")
    broker.close()
    assert delivery.result(0) == 0
    for use in (producer.flush, consumer.assignment):
        with pytest.raises(Closed):
            use()
    broker.close()
    with pytest.raises(BrokerStopped):
        broker.status()


def fail_while_a_delivery_fails(data):
    with Broker(data) as broker:
        broker.create_topic("t", config={"max.message.bytes": "100"})
        broker.producer().send("t", b"v" * 1000)
        raise LookupError


def test_an_error_of_the_block_goes_before_one_of_closing(tmp_path):
    with pytest.raises(LookupError):
        fail_while_a_delivery_fails(str(tmp_path))


def test_a_url_is_there_only_where_it_listens(tmp_path, broker):
    assert broker.url == ""
    with Broker(str(tmp_path / "other"), listen="tcp://127.0.0.1:0") as other:
        assert other.url.startswith("tcp://127.0.0.1:")


def test_a_port_for_kafka_s_clients_may_be_opened_later(broker):
    assert broker.bootstrap == ""
    broker.listen_kafka()
    assert broker.bootstrap.startswith("127.0.0.1:")
    first = broker.bootstrap
    broker.listen_kafka("OTHER=127.0.0.1:0")
    assert broker.bootstrap == first
    assert broker.status().endpoints.keys() == {"inproc", "PLAINTEXT", "OTHER"}
    assert broker.settings.kafka == "127.0.0.1:0,OTHER=127.0.0.1:0"


@pytest.mark.parametrize(
    ("address", "error"),
    [
        ("127.0.0.1:0", "two listeners are named PLAINTEXT"),
        ("OUT=0.0.0.0:0", "insecure"),
        ("nonsense", "kafka"),
    ],
)
def test_a_port_that_may_not_be_opened_changes_nothing(broker, address, error):
    broker.listen_kafka()
    before = broker.status().endpoints
    with pytest.raises(BadSetting, match=error):
        broker.listen_kafka(address)
    assert broker.status().endpoints == before


def test_of_two_ports_none_is_opened_if_one_is_taken(broker):
    broker.listen_kafka()
    with pytest.raises(OSError, match="in use"):
        broker.listen_kafka(f"FREE=127.0.0.1:0,TAKEN={broker.bootstrap}")
    assert broker.status().endpoints.keys() == {"inproc", "PLAINTEXT"}
