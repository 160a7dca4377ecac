"""The counts of a soak: they grow from sitting to sitting, and no seed is taken twice."""

from pathlib import Path

from tests.soak.results import FOLDER, Results, load, save
from tests.soak.turns import KINDS

NAME, KIND = "damage", KINDS["damage"]


def test_seeds_go_on_where_the_last_sitting_ended(tmp_path: Path) -> None:
    first = load(NAME, KIND, tmp_path)
    first.add("aaa", 250, 1.0, [])
    first.add("aaa", 250, 1.0, [])
    save(NAME, first, tmp_path)
    second = load(NAME, KIND, tmp_path)
    second.add("bbb", 250, 1.0, [])
    assert [(run.commit, run.seeds, run.count) for run in second.runs] == [
        ("aaa", [1, 3], 500),
        ("bbb", [3, 4], 250),
    ]
    assert second.done == 750


def test_what_else_is_counted_adds_up() -> None:
    results = Results(KIND.title, KIND.unit, KIND.goal)
    results.add("aaa", 250, 1.0, [], {"hours": 0.5, "kill": 3})
    results.add("aaa", 250, 1.0, [], {"hours": 0.25})
    assert results.runs[0].facts == {"hours": 0.75, "kill": 3}


def test_what_was_found_is_kept_with_its_seed() -> None:
    results = Results(KIND.title, KIND.unit, KIND.goal)
    results.add("aaa", 250, 1.0, [["it is gone", "and so is this"]])
    assert results.broken == 1
    assert results.runs[0].problems == ["seed 1: it is gone; and so is this"]


def test_the_committed_results_are_of_kinds_that_there_are() -> None:
    names = {path.stem for path in FOLDER.glob("*.json")} - {"conformance"}
    assert names <= KINDS.keys()
    assert all(load(name, KINDS[name]).done >= 0 for name in names)
