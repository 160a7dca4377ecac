"""The table of ratios: what busd does beside what others do, measured in one run.

A row names one of our results and one of a rival's, both in records a second under the same flush
policy, and how many times theirs ours must be. A row without a target is there to be known.
"""

from dataclasses import dataclass

from perf.result import Result

PRODUCE_OS, PRODUCE_GROUP, CONSUME = "produce, flush=os", "produce, flush=group", "consume"

OURS = {  # by result, how it is called in the table
    "produce-batch os": "send_batch",
    "produce-send os": "send(), one record a call",
    "produce-batch group": "send_batch",
    "consume columns": "poll_batch, columns",
    "consume list": "poll_batch, list[bytes]",
    "consume records": "record by record",
    "consume-socket columns": "poll_batch, columns, over TCP",
    "consume-socket records": "record by record, over TCP",
}
THEIRS = {
    "kafka java produce os": "Kafka, its Java producer",
    "kafka java produce group": "Kafka, its Java producer",
    "kafka java consume": "Kafka, its Java consumer",
    "confluent produce os": "Kafka, confluent-kafka produce()",
    "confluent produce_batch os": "Kafka, confluent-kafka produce_batch()",
    "confluent poll": "Kafka, confluent-kafka poll()",
    "confluent consume": "Kafka, confluent-kafka consume()",
    "redis produce os": "Redis Streams, XADD in pipelines",
    "redis produce group": "Redis Streams, XADD in pipelines",
    "redis consume": "Redis Streams, XREAD",
    "nats produce os": "NATS JetStream, publish_async",
    "nats consume": "NATS JetStream, ordered consumer",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison; `ours` and `theirs` are names of results."""

    chapter: str
    ours: str
    theirs: str
    target: float | None = None  # times theirs, at least


ROWS = [
    Row(PRODUCE_OS, "produce-batch os", "kafka java produce os", 12),
    Row(PRODUCE_OS, "produce-send os", "confluent produce os", 3),
    Row(PRODUCE_OS, "produce-batch os", "redis produce os", 20),
    Row(PRODUCE_OS, "produce-batch os", "nats produce os", 20),
    Row(PRODUCE_OS, "produce-batch os", "confluent produce_batch os"),
    Row(PRODUCE_OS, "produce-send os", "redis produce os"),
    Row(PRODUCE_OS, "produce-send os", "nats produce os"),
    Row(PRODUCE_GROUP, "produce-batch group", "kafka java produce group"),
    Row(PRODUCE_GROUP, "produce-batch group", "redis produce group"),
    Row(CONSUME, "consume columns", "kafka java consume", 7),
    Row(CONSUME, "consume records", "confluent poll", 10),
    Row(CONSUME, "consume columns", "redis consume", 20),
    Row(CONSUME, "consume columns", "nats consume", 20),
    Row(CONSUME, "consume list", "confluent consume"),
    Row(CONSUME, "consume-socket columns", "kafka java consume"),
    Row(CONSUME, "consume-socket records", "confluent poll"),
    Row(CONSUME, "consume records", "redis consume"),
    Row(CONSUME, "consume records", "nats consume"),
]


@dataclass(frozen=True, slots=True)
class Ratio:
    """A row with its figures, in records a second."""

    row: Row
    ours: float
    theirs: float
    policy: str  # how the rival comes to its disk

    @property
    def times(self) -> float:
        return self.ours / self.theirs

    @property
    def reached(self) -> bool | None:
        """None where nothing is asked."""
        return None if self.row.target is None else self.times >= self.row.target


def ratios(results: list[Result]) -> list[Ratio]:
    """Every row of which both sides were measured."""
    by_name = {result.name: result for result in results}
    found = []
    for row in ROWS:
        ours, theirs = by_name.get(row.ours), by_name.get(row.theirs)
        if ours is not None and theirs is not None:
            policy = str(theirs.facts["policy"])
            found.append(Ratio(row, _rate(ours), _rate(theirs), policy))
    return found


def versions(results: list[Result]) -> list[str]:
    """Of all that was measured beside us, each said once."""
    told = [str(result.facts["versions"]) for result in results if "versions" in result.facts]
    return list(dict.fromkeys(part for text in told for part in text.split(", ")))


def short(rate: float) -> str:
    """A rate in M records/s, with the digits that mean something."""
    millions = rate / 1e6
    return f"{millions:.1f}" if millions >= 10 else f"{millions:.2g}"


def _rate(result: Result) -> float:
    rate = result.rate()
    assert rate is not None, "only rates are compared"
    return rate
