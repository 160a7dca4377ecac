"""Does a hot native function need more instructions than it did?"""

import pytest

from perf.counts import FUNCTIONS, TOLERANCE, Count, compiler, count_all, load


@pytest.fixture(scope="module")
def counts(tmp_path_factory):
    found = count_all(tmp_path_factory.mktemp("counts"))
    return {count.name: count for count in found}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_function_needs_clearly_more_instructions_than_accepted(counts, name):
    if compiler() not in load():
        pytest.skip("no instruction counts are accepted for this compiler")
    count = counts[name]
    assert count.accepted, f"accept {name}: ./run perf counts --accept"
    assert not count.is_too_many, (
        f"{name} needs {count.instructions} instructions, {count.growth:+.1%} over what is "
        f"accepted; more than {TOLERANCE:.0%} has to be accepted: ./run perf counts --accept"
    )


def test_growth_beyond_the_tolerance_is_too_many():
    assert not Count("seal", 103, 100).is_too_many
    assert Count("seal", 104, 100).is_too_many


def test_fewer_are_never_too_many():
    assert not Count("seal", 50, 100).is_too_many
