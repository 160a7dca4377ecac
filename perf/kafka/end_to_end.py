"""Kafka's EndToEndLatency tool on Kafka and on busd in turn: one record there and back at a time.

It tells percentiles in whole milliseconds, cut and not rounded, and the mean with its digits. Its
own JVM compiles meanwhile, on either broker; the more messages, the less of that is in them.
"""

from perf.bench import Bench
from perf.foreign.maven import jars
from perf.kafka.sides import BUSD, KAFKA, facts, running
from perf.result import Result
from perf.rivals import kafka_tools
from perf.stats import median
from perf.usage import Stopwatch

MESSAGES = 10_000
WARM_UP = 3_000
NAME = "end to end"


def run(bench: Bench) -> list[Result]:
    """end to end, of kafka and busd."""
    folder, messages = jars("broker"), max(500, int(MESSAGES * bench.scale))
    found: dict[str, list[dict[str, float]]] = {KAFKA: [], BUSD: []}
    with running(bench, KAFKA, BUSD) as sides:
        watches = {side.name: Stopwatch(broker=side.pid) for side in sides}
        for side in sides:
            side.make_topic("latency")
            kafka_tools.end_to_end(folder, side.endpoint, "latency", min(messages, WARM_UP))
        for _ in range(bench.repeats):
            for side in sides:
                with watches[side.name]:
                    told = kafka_tools.end_to_end(folder, side.endpoint, "latency", messages)
                found[side.name].append(told)
                bench.say(f"{side.name}: {told}")
    return [
        Result(
            f"{NAME} {name}",
            {metric: median([run[metric] for run in runs]) for metric in runs[0]},
            [run["p99_ms"] for run in runs],
            facts={
                "messages": messages,
                "steal": round(max(watches[name].steal), 3),
                **facts(folder),
            },
        )
        for name, runs in found.items()
    ]
