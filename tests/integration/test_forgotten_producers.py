"""`producer.id.expiration.ms`: what a broker remembers of a silent producer, and then does not."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bus
from bus.errors import OutOfOrderSequence
from bus.wire.admin import DescribeConfigsRequest, DescribeConfigsResource
from bus.wire.produce import PartitionProduceResponse
from tests.fixtures.kafka_peer import KafkaPeer
from tests.fixtures.node import batch_of
from tests.fixtures.requests import produce
from tests.fixtures.waiting import wait_until

PRODUCER = (1 << 40, 0)  # id and epoch
NAME, BROKER = "producer.id.expiration.ms", 4


@contextmanager
def serving(data: Path, **settings: int) -> Iterator[KafkaPeer]:
    with (
        bus.Broker(str(data), kafka="127.0.0.1:0", **settings) as broker,
        KafkaPeer(broker.bootstrap) as peer,
    ):
        yield peer


def sent(peer: KafkaPeer, sequence: int) -> PartitionProduceResponse:
    """What is said of a batch of one record with this sequence."""
    request = produce(batch_of(b"%d" % sequence, producer=(*PRODUCER, sequence)))
    return peer.ask(request).responses[0].partition_responses[0]


def test_a_short_expiration_forgets_a_silent_producer(tmp_path: Path) -> None:
    with bus.Broker(str(tmp_path)) as broker:
        broker.create_topic("t")
    with serving(tmp_path) as peer:
        assert [sent(peer, sequence).base_offset for sequence in (0, 1, 0)] == [0, 1, 0]
        assert sent(peer, 1000).error_code == OutOfOrderSequence.code
    with serving(tmp_path, producer_id_expiration_ms=1) as peer:
        assert wait_until(lambda: sent(peer, 1000).error_code == 0), "a gap is no gap any more"
        repeated = []
        assert wait_until(lambda: repeated.append(sent(peer, 0)) or not repeated[-1].error_code)
        assert repeated[-1].base_offset == 3, "a repetition is none any more"


def test_a_broker_tells_how_long_it_remembers(tmp_path: Path) -> None:
    with serving(tmp_path, producer_id_expiration_ms=5000) as peer:
        asked = DescribeConfigsRequest([DescribeConfigsResource(BROKER, "1", [NAME])])
        (told,) = peer.ask(asked).results[0].configs
    assert (told.name, told.value) == (NAME, "5000")
