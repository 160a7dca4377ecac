"""The settings engine: parsing, bounds, names, and the sentences of what it refuses."""

from dataclasses import dataclass

import pytest

from bus.errors import BadSetting
from bus.model.setting import as_text, fixed, parse_all, setting, table


@dataclass(frozen=True, slots=True)
class Sample:
    """Settings of each kind."""

    cup_size: int = setting(3, "How big.", unit="bytes", low=1, high=10)
    cup_lid: bool = setting(False, "Whether closed.")
    cup_kind: str = setting("tea", "For what.", choices=("tea", "coffee"))
    cup_owner: str = setting("", "Whose.", other_names=("cup.user",))


TABLE = table(Sample, fixed("cup.floor", True, "no cup lacks one", "Whether it has one."))


def refusal(**given: object) -> str:
    with pytest.raises(BadSetting) as caught:
        parse_all(TABLE, given, BadSetting, keywords=True)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("cup.size", "7", 7),
        ("cup.size", 7, 7),
        ("cup.size", "1_0", 10),
        ("cup.lid", "TRUE", True),
        ("cup.lid", False, False),
        ("cup.kind", "coffee", "coffee"),
        ("cup.owner", ["a", "b"], "a,b"),
        ("cup.floor", "true", True),
    ],
)
def test_text_and_typed_values_are_parsed_alike(name: str, given: object, value: object) -> None:
    assert parse_all(TABLE, {name: given}, BadSetting) == {name: value}


def test_a_name_may_be_spelt_as_a_keyword() -> None:
    assert parse_all(TABLE, {"cup_size": 4}, BadSetting, keywords=True) == {"cup.size": 4}


def test_elsewhere_a_name_has_dots() -> None:
    with pytest.raises(BadSetting, match=r"Did you mean cup\.size"):
        parse_all(TABLE, {"cup_size": 4}, BadSetting)


def test_another_name_means_the_same_setting() -> None:
    assert parse_all(TABLE, {"cup.user": "me"}, BadSetting) == {"cup.owner": "me"}


def test_a_setting_given_under_two_names_is_refused() -> None:
    assert "given twice" in refusal(cup_owner="a", cup_user="b")


def test_an_unknown_name_is_refused_with_the_nearest_known_one() -> None:
    assert refusal(cup_sise=1) == "There is no setting cup_sise. Did you mean cup.size?"


def test_a_name_like_no_other_gets_no_hint() -> None:
    assert refusal(zzz=1) == "There is no setting zzz."


@pytest.mark.parametrize("given", [0, 11, "0", "ten", "", True, 1.5, None, "9" * 5000, "1e3"])
def test_a_bad_number_is_refused_with_the_bounds(given: object) -> None:
    assert refusal(cup_size=given).endswith("It must be between 1 and 10 bytes.")


def test_a_bad_choice_is_refused_with_the_choices() -> None:
    assert refusal(cup_kind="soup").endswith("'soup'. It must be tea or coffee.")


def test_a_bad_truth_value_is_refused() -> None:
    assert refusal(cup_lid="maybe").endswith("'maybe'. It must be true or false.")


def test_a_promise_that_is_not_kept_is_refused_with_the_reason() -> None:
    assert refusal(cup_floor="false") == (
        "The setting cup.floor cannot be 'false': no cup lacks one. Only true is accepted."
    )


def test_a_long_value_is_shortened_in_the_sentence() -> None:
    assert len(refusal(cup_kind="x" * 10_000)) < 200


@pytest.mark.parametrize(("value", "text"), [(True, "true"), (5, "5"), ("os", "os")])
def test_a_value_travels_as_the_text_that_it_was_parsed_from(value: object, text: str) -> None:
    assert as_text(value) == text
