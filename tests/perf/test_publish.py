"""The README shows the committed run, and says of each figure whether it reaches its aim."""

from perf.publish import (
    CLUSTER,
    KAFKA,
    REACHED,
    cluster_pages,
    kafka_pages,
    reached_pages,
    reached_table,
)
from perf.result import Document, Result

MACHINE = {"cores": 2, "cpu": "a CPU", "memory_gb": 23.4, "steal": 0.0, "load_before": 0.1}


def row(what: str, *results: Result) -> str:
    told = Document("abc", "2026-11-23T06:00:00+00:00", MACHINE, list(results))
    lines = reached_table(told).splitlines()
    return next((line for line in lines if line.startswith(f"| {what} |")), "")


def test_the_readme_shows_the_committed_document() -> None:
    for path, text in reached_pages().items():
        assert path.read_text() == text, f"./run perf publish {REACHED} writes {path}"


def test_the_pages_show_the_committed_run_of_kafka_s_clients() -> None:
    for path, text in kafka_pages().items():
        assert path.read_text() == text, f"./run perf publish {KAFKA} writes {path}"


def test_the_readme_shows_the_committed_run_of_three_brokers() -> None:
    for path, text in cluster_pages().items():
        assert path.read_text() == text, f"./run perf publish {CLUSTER} writes {path}"


def test_only_what_reaches_its_aim_is_bold() -> None:
    quick = Result("produce-send os", {"records_per_second": 2.6e6})
    slow = Result("produce-send os", {"records_per_second": 2.4e6})
    assert "**2.60 M records/s**" in row("send(), flush=os", quick)
    assert "**" not in row("send(), flush=os", slow)


def test_what_was_not_measured_is_left_out() -> None:
    assert row("send(), flush=os") == ""
