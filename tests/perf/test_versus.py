"""Figures of others stand beside ours as the table says, and the published pages show them."""

import dataclasses

import pytest

from perf.publish import VERSUS, short_table, versus_pages
from perf.result import Document, Result, merged
from perf.rivals.plot import bars, svg
from perf.rivals.versus import OURS, PRODUCE_OS, ROWS, THEIRS, ratios, short, versions


def rate(name: str, records: float, **facts: str) -> Result:
    return Result(
        name, {"records_per_second": records}, runs=[records], facts={"steal": 0.0, **facts}
    )


OUR_BATCH = rate("produce-batch os", 9.6e6)
JAVA = rate("kafka java produce os", 0.75e6, policy="no fsync", versions="Kafka 4.1.0, Java 17")
NATS = rate("nats produce os", 0.03e6, policy="fsync every 2 minutes", versions="NATS 2.9.10")
MACHINE = {"cores": 2, "cpu": "a <b> & c", "memory_gb": 23.4, "steal": 0.012, "load_before": 0.1}


def document(*results: Result) -> Document:
    return Document("abc", "2026-11-23T06:00:00+00:00", MACHINE, list(results))


def test_every_name_in_a_row_has_words() -> None:
    assert {row.ours for row in ROWS} == set(OURS)
    assert {row.theirs for row in ROWS} == set(THEIRS)


def test_a_ratio_is_how_many_times_theirs_ours_is() -> None:
    (ratio,) = ratios([OUR_BATCH, JAVA])
    assert ratio.times == pytest.approx(12.8)
    assert ratio.reached


def test_what_falls_short_of_its_target_is_not_reached() -> None:
    slower = dataclasses.replace(OUR_BATCH, metrics={"records_per_second": 8e6})
    (ratio,) = ratios([slower, JAVA])
    assert ratio.reached is False


def test_a_row_of_which_one_side_is_missing_is_left_out() -> None:
    assert ratios([OUR_BATCH]) == []


def test_each_version_is_said_once() -> None:
    assert versions([JAVA, JAVA, NATS]) == ["Kafka 4.1.0", "Java 17", "NATS 2.9.10"]


def test_the_fastest_bar_comes_first() -> None:
    ((chapter, held),) = bars([NATS, JAVA, OUR_BATCH])
    assert chapter == PRODUCE_OS
    assert [ours for _, _, ours in held] == [True, False, False]


def test_the_plot_escapes_what_it_is_told() -> None:
    picture = svg(document(OUR_BATCH, JAVA))
    assert "a &lt;b&gt; &amp; c" in picture
    assert "<b>" not in picture


def test_the_short_table_has_the_rows_with_a_target_alone() -> None:
    table = short_table(document(OUR_BATCH, JAVA, rate("produce-send os", 3e6), NATS))
    assert "**12.8x** | 12x" in table
    assert "send(), one record a call" not in table


def test_rounds_become_the_median_of_their_figures() -> None:
    rounds = [[rate("redis consume", figure)] for figure in (3e5, 1e5, 2e5)]
    (result,) = merged(rounds)
    assert result.rate() == 2e5
    assert result.runs == [3e5, 1e5, 2e5]


def test_a_rate_has_the_digits_that_mean_something() -> None:
    assert [short(rate) for rate in (13.44e6, 6.62e6, 0.0291e6)] == ["13.4", "6.6", "0.029"]


def test_the_published_pages_show_the_committed_document() -> None:
    for path, text in versus_pages().items():
        assert path.read_text() == text, f"./run perf publish {VERSUS} writes {path}"
