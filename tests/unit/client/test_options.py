"""Every refusal of an option is one sentence that names it."""

import pytest

from bus.client.options import ConsumerOptions, ProducerOptions, acks_of, servers_of
from bus.errors import BadSetting


def test_servers_are_one_url_several_with_commas_or_a_list():
    assert servers_of("tcp://a:1") == ("tcp://a:1",)
    assert servers_of("tcp://a:1, tcp://b:2,") == ("tcp://a:1", "tcp://b:2")
    assert servers_of(["ipc:///run/bus", "tcp://[::1]:3"]) == ("ipc:///run/bus", "tcp://[::1]:3")


def test_kafka_is_said_once_for_all_servers_and_has_a_port_of_its_own():
    assert servers_of("kafka://a:1,b") == ("kafka://a:1", "kafka://b:9092")
    assert servers_of(["kafka://a", "kafka://[::1]"]) == ("kafka://a:9092", "kafka://[::1]:9092")


@pytest.mark.parametrize(
    ("servers", "hint"),
    [
        ("", "No server"),
        ("localhost:9092", "tcp://localhost:9092"),
        ("http://a:1", "tcp://HOST:PORT"),
        ("tcp://a", "no host and port"),
        ("tcp://a:port", "no host and port"),
        ("kafka://a:9092,tcp://b:1", "not of Kafka's protocol"),
        ("kafka://a:b", "no host and port"),
    ],
)
def test_a_bad_server_is_a_sentence_with_what_to_write(servers, hint):
    with pytest.raises(BadSetting, match=hint):
        servers_of(servers)


def test_acks_are_read_as_kafka_writes_them():
    assert [acks_of(acks) for acks in ("all", -1, "1", 0)] == [-1, -1, 1, 0]
    for wrong in (2, True, None, "some"):
        with pytest.raises(BadSetting, match="acks"):
            acks_of(wrong)


def test_an_idempotent_producer_needs_answers():
    with pytest.raises(BadSetting, match="idempotent=False"):
        ProducerOptions(acks=0, idempotent=True)


@pytest.mark.parametrize("start", ["early", -1, 1.5, None, True])
def test_a_consumer_starts_at_an_end_or_a_time(start):
    with pytest.raises(BadSetting, match="start"):
        ConsumerOptions(start=start)
