"""Kafka's own Java tools, as they are, one after the other on the same broker.

Each step calls a tool and looks at what it prints; later steps read what earlier ones wrote. Files
are dumped from every broker that has a copy.
"""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from perf.foreign.debian import InstallFailed
from perf.foreign.maven import jars, java
from tests.conformance.outcome import FAILED, NOT_RUN, PASSED, Outcome
from tests.conformance.targets import KAFKA, Target
from tests.conformance.world import Wrong

JVM = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
TOOLS = "org.apache.kafka.tools"
RUN_SECONDS_MAX = 120.0
PERF_RECORDS, RECORDS, LATENCY_RECORDS = 100_000, 2000, 200
PERF, VERIFIED, LATENCY, GROUP = "perf", "verified", "latency", "verified-group"
OFFSETS = "__consumer_offsets"
COMPATIBLE = {  # what ClientCompatibilityTest is told to expect
    "offsets-for-times-supported": True,
    "cluster-id-supported": True,
    "expect-record-too-large-exception": False,
    "create-topics-supported": True,
    "describe-acls-supported": True,
    "describe-configs-supported": True,
    "idempotent-producer-supported": True,
}


def run(target: Target, _directory: Path) -> Iterator[Outcome]:
    """Every tool; one that fails does not keep the next from being run."""
    for name, step in STEPS.items():
        started = time.monotonic()
        state, reason = PASSED, ""
        try:
            step(target)
        except InstallFailed as error:
            state, reason = NOT_RUN, str(error)
        except (Wrong, subprocess.TimeoutExpired) as error:
            state, reason = FAILED, str(error)
        yield Outcome(name, state, reason, round(time.monotonic() - started, 2))


def tool(name: str, *words: str | int) -> str:
    """What the tool prints; its exit code must be 0."""
    command = [java(), *JVM, "-cp", f"{jars('broker')}/*", name, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS_MAX)
    if done.returncode:
        raise Wrong(f"exit code {done.returncode}: {(done.stdout + done.stderr)[-600:]}")
    return done.stdout


def told(text: str, wanted: str) -> None:
    """The tool must have printed this."""
    if wanted not in text:
        raise Wrong(f"{wanted!r} is not in: {text[-400:]}")


def producer_performance(target: Target) -> None:
    words = ["--topic", PERF, "--num-records", PERF_RECORDS, "--record-size", 100]
    words += ["--throughput", -1, "--producer-props", f"bootstrap.servers={target.bootstrap}"]
    told(tool(f"{TOOLS}.ProducerPerformance", *words), f"{PERF_RECORDS} records sent")


def consumer_performance(target: Target) -> None:
    words = ["--bootstrap-server", target.bootstrap, "--topic", PERF]
    printed = tool(f"{TOOLS}.ConsumerPerformance", *words, "--messages", PERF_RECORDS)
    told(printed, f", {PERF_RECORDS}, ")


def verifiable_producer(target: Target) -> None:
    words = ["--bootstrap-server", target.bootstrap, "--topic", VERIFIED]
    printed = tool(f"{TOOLS}.VerifiableProducer", *words, "--max-messages", RECORDS)
    summary = [event for event in _events(printed) if event["name"] == "tool_data"]
    if not summary or summary[0]["acked"] != RECORDS:
        raise Wrong(f"it was told of {summary}")


def verifiable_consumer(target: Target) -> None:
    words = ["--bootstrap-server", target.bootstrap, "--topic", VERIFIED, "--group-id", GROUP]
    printed = tool(f"{TOOLS}.VerifiableConsumer", *words, "--max-messages", RECORDS)
    seen = [event for event in _events(printed) if event["name"] == "records_consumed"]
    if sum(event["count"] for event in seen) != RECORDS:
        raise Wrong(f"it consumed {seen}")
    commits = [event for event in _events(printed) if event["name"] == "offsets_committed"]
    if not commits or not all(event["success"] for event in commits):
        raise Wrong(f"it committed {commits}")


def get_offset_shell(target: Target) -> None:
    words = ["--bootstrap-server", target.bootstrap, "--topic", VERIFIED]
    told(tool(f"{TOOLS}.GetOffsetShell", *words), f"{VERIFIED}:0:{RECORDS}")
    told(tool(f"{TOOLS}.GetOffsetShell", *words, "--time", "earliest"), f"{VERIFIED}:0:0")


def consumer_groups(target: Target) -> None:
    """List, describe, its members, reset, delete."""
    command = f"{TOOLS}.consumer.group.ConsumerGroupCommand"
    words = ["--bootstrap-server", target.bootstrap]
    told(tool(command, *words, "--list"), GROUP)
    described = tool(command, *words, "--describe", "--group", GROUP)
    rows = [line.split() for line in described.splitlines() if line.startswith(GROUP)]
    if [row[:6] for row in rows] != [[GROUP, VERIFIED, "0", str(RECORDS), str(RECORDS), "0"]]:
        raise Wrong(f"it describes {described}")
    told(tool(command, *words, "--describe", "--group", GROUP, "--state"), "Empty")
    reset = ["--reset-offsets", "--to-offset", 17, "--topic", VERIFIED, "--execute"]
    tool(command, *words, "--group", GROUP, *reset)
    told(tool(command, *words, "--describe", "--group", GROUP), f"{RECORDS - 17}")
    told(tool(command, *words, "--delete", "--group", GROUP), "was successful")


def end_to_end_latency(target: Target) -> None:
    words = [target.bootstrap, LATENCY, LATENCY_RECORDS, "all", 100]
    told(tool(f"{TOOLS}.EndToEndLatency", *words), "Percentiles: 50th")


def client_compatibility(target: Target) -> None:
    topic = ["--topic", "compatibility", "--bootstrap-server", target.bootstrap]
    wanted = {**COMPATIBLE, "num-cluster-nodes": target.nodes}
    words = [word for name, value in wanted.items() for word in (f"--{name}", str(value))]
    told(tool(f"{TOOLS}.ClientCompatibilityTest", *topic, *words), "SUCCESS")


def dump_segments(target: Target) -> None:
    """What VerifiableProducer and the group left, record by record, from the files.

    Brokers are stopped first: files of a running busd end in space that is allocated ahead, which
    the tool takes for a damaged batch.
    """
    records, offsets = _folders(target, VERIFIED), _folders(target, OFFSETS)
    target.stop()
    words = ["--print-data-log", "--files", _segments(records)]
    printed = tool("kafka.tools.DumpLogSegments", *words)
    rows = [line for line in printed.splitlines() if line.startswith("| offset")]
    if len(rows) != RECORDS * target.nodes:
        raise Wrong(f"it found {len(rows)} records instead of {RECORDS} for each broker")
    printed = tool(
        "kafka.tools.DumpLogSegments", "--offsets-decoder", "--files", _segments(offsets)
    )
    told(printed, f'"group":"{GROUP}","topic":"{VERIFIED}","partition":0')
    told(printed, f'"offset":{RECORDS}')
    told(printed, '"protocolType":"consumer"')


def _folders(target: Target, topic: str) -> list[Path]:
    """Kafka's directories have the topic's name, ours its id."""
    if target.name == KAFKA:
        return list(target.data[0].glob(f"{topic}-*"))
    from kafka import KafkaAdminClient

    with KafkaAdminClient(bootstrap_servers=target.bootstrap) as admin:
        (told,) = admin.describe_topics([topic])
    place = Path("topics") / str(told["topic_id"])
    return [folder for data in target.data for folder in (data / place).iterdir()]


def _segments(folders: list[Path]) -> str:
    files = sorted(path for folder in folders for path in folder.glob("*.log"))
    return ",".join(str(path) for path in files if path.stat().st_size)


def _events(printed: str) -> list[dict]:
    return [json.loads(line) for line in printed.splitlines() if line.startswith("{")]


STEPS: dict[str, Callable[[Target], None]] = {
    "ProducerPerformance": producer_performance,
    "ConsumerPerformance": consumer_performance,
    "VerifiableProducer": verifiable_producer,
    "VerifiableConsumer": verifiable_consumer,
    "GetOffsetShell": get_offset_shell,
    "ConsumerGroupCommand": consumer_groups,
    "EndToEndLatency": end_to_end_latency,
    "ClientCompatibilityTest": client_compatibility,
    "DumpLogSegments": dump_segments,  # the last one: it stops the broker
}
