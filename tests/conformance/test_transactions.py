"""Producers with a transactional id, which is not served yet: they are told so, and give up."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import TransactionalIdAuthorizationFailed as Refused
from confluent_kafka import KafkaError, KafkaException, Producer

import bus

SECONDS = 60
TOLD = "Transactions are not served by this broker."


@pytest.fixture(scope="module")
def bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("transactions")
    with bus.Broker(str(folder), kafka="127.0.0.1:0") as broker:
        yield broker.bootstrap


def test_librdkafka_gives_up_and_says_why(bootstrap: str) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": "t"})
    with pytest.raises(KafkaException, match=TOLD) as raised:
        producer.init_transactions(SECONDS)
    assert raised.value.args[0].code() == KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
    assert raised.value.args[0].fatal()


def test_aiokafka_gives_up(bootstrap: str) -> None:
    async def start() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id="t")
        try:
            await producer.start()
        finally:
            await producer.stop()

    with pytest.raises(Refused):
        asyncio.run(asyncio.wait_for(start(), SECONDS))
