"""Options: what is refused, and how it is said."""

import argparse

import pytest

from bus.cli.failure import UserError
from bus.cli.options import (
    Group,
    Parser,
    assignments,
    number,
    numbers,
    positive,
    topics_and_partitions,
)


@pytest.fixture
def parser() -> Parser:
    made = Parser("busd try", "Try.", "  busd try --data x\n")
    made.add_argument("--data")
    made.add_argument("--count", type=positive)
    return made


def refusal(parser: Parser, *given: str) -> str:
    with pytest.raises(UserError) as caught:
        parser.read(given)
    return str(caught.value)


def test_an_unknown_option_is_refused_with_the_nearest_one(parser: Parser) -> None:
    assert refusal(parser, "--dta", "x") == (
        "There is no option --dta. Did you mean --data? See busd try --help."
    )


def test_an_option_may_not_be_shortened(parser: Parser) -> None:
    assert "no option --dat" in refusal(parser, "--dat", "x")


def test_a_stray_argument_is_named(parser: Parser) -> None:
    assert "does not expect 'x'" in refusal(parser, "x")


def test_a_missing_value_is_one_sentence(parser: Parser) -> None:
    assert refusal(parser, "--data") == (
        "Argument --data: expected one argument; see busd try --help."
    )


def test_a_bad_number_is_named(parser: Parser) -> None:
    assert "'0' is not a whole number of at least 1" in refusal(parser, "--count", "0")


def test_examples_stand_in_the_help(parser: Parser) -> None:
    assert "examples:\n  busd try --data x" in parser.format_help()


def test_an_unknown_option_of_an_inner_command_is_refused(parser: Parser) -> None:
    Group(parser).add("go", "go on", lambda _: 0, "  busd try go\n").add_argument("--fast")
    assert "Did you mean --fast?" in refusal(parser, "go", "--fasr")


def test_an_inner_command_brings_its_function(parser: Parser) -> None:
    Group(parser).add("go", "go on", lambda _: 7, "")
    assert parser.read(["go"]).run(argparse.Namespace()) == 7


def test_assignments_keep_what_follows_the_first_equals_sign() -> None:
    assert assignments(["a=b=c", "d="], "--set") == {"a": "b=c", "d": ""}


@pytest.mark.parametrize("text", ["a", "=b", ""])
def test_what_assigns_nothing_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="--set takes NAME=VALUE"):
        assignments([text], "--set")


def test_topics_and_partitions_are_told_apart():
    assert topics_and_partitions(None) == (None, None)
    assert topics_and_partitions(["t", "u:0,3", "u:4"]) == (["t"], [("u", 0), ("u", 3), ("u", 4)])


@pytest.mark.parametrize("text", ["t:", "t:x", "t:-1", "t:1,", "t:1:2"])
def test_a_partition_that_is_no_number_is_refused(text: str):
    with pytest.raises(UserError, match="TOPIC:0,1,2"):
        topics_and_partitions([text])


def test_brokers_are_numbers_with_commas_between():
    assert (number("0"), numbers("1, 2,3")) == (0, (1, 2, 3))


@pytest.mark.parametrize("text", ["", "1,", "x", "-1", "1,2,1"])
def test_what_is_no_list_of_brokers_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="broker"):
        numbers(text)
