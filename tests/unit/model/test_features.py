"""Who may serve a cluster of a level, and when it is raised."""

from bus.model.features import KNOWN, Levels, highest, raise_refusal, start_refusal

ONE, BOTH = Levels(1, 1), Levels(1, 2)


def test_what_this_program_knows_it_serves():
    assert start_refusal(KNOWN.high, KNOWN) is None
    assert start_refusal(KNOWN.low, KNOWN) is None


def test_a_downgrade_is_refused_with_both_levels_and_what_to_do():
    sentence = start_refusal(2, ONE)
    assert "stands at level 2" in sentence
    assert "knows level 1" in sentence
    assert "Start the version that ran here last" in sentence


def test_a_jump_over_versions_is_refused_with_what_to_do():
    assert "Start an older version first" in start_refusal(1, Levels(2, 3))


def test_a_level_that_all_know_can_be():
    assert raise_refusal(1, 2, {1: BOTH, 2: BOTH}) is None
    assert raise_refusal(2, 2, {1: BOTH}) is None


def test_a_level_that_one_broker_does_not_know_cannot_be():
    sentence = raise_refusal(1, 2, {1: BOTH, 2: ONE, 3: ONE})
    assert sentence.startswith("Broker 2 (and 1 more) knows level 1, not level 2.")


def test_there_is_no_way_back():
    assert "no way back to level 1" in raise_refusal(2, 1, {1: BOTH})


def test_the_highest_level_is_that_of_the_oldest_broker():
    assert highest({1: BOTH, 2: ONE}) == 1
    assert highest({1: BOTH, 2: Levels(1, 3)}) == 2
