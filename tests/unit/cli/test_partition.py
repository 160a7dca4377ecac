"""What `busd partition` says of a plan, and which options go together."""

import pytest

from bus.cli.failure import UserError
from bus.cli.partition import _chosen, _execute, _what, parser, run
from bus.model.ids import TopicPartition

HELD = {TopicPartition(topic, n): (1,) for topic in ("t", "u") for n in (0, 1)}


@pytest.mark.parametrize("command", ["reassign", "elect"])
def test_help_has_examples(command, capsys):
    with pytest.raises(SystemExit):
        parser().read([command, "--help"])
    assert f"  busd partition {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "options",
    [
        ["--cancel", "--plan", "x"],
        ["--cancel", "--replication-factor", "3"],
        ["--plan", "x", "--broker", "1"],
    ],
)
def test_two_wishes_at_once_are_refused(options):
    with pytest.raises(UserError, match="Give one of"):
        run(parser().read(["reassign", *options]))


def test_topics_and_partitions_are_chosen_by_name():
    assert len(_chosen(None, HELD)) == 4
    chosen = _chosen(["u", "t:1"], HELD)
    assert [*chosen] == [("t", 1), ("u", 0), ("u", 1)]


@pytest.mark.parametrize(
    ("given", "sentence"), [("no", "no topic 'no'"), ("t:9", "no partition t-9")]
)
def test_what_is_not_there_is_a_mistake(given, sentence):
    with pytest.raises(UserError, match=sentence):
        _chosen([given], HELD)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ((1,), (1, 2, 3), "2 added"),
        ((1, 2), (3, 2), "1 added, 1 removed, 3 leads"),
        ((1, 2, 3), (1, 3, 2), "another order"),
    ],
)
def test_a_change_is_told_in_a_few_words(before, after, said):
    assert _what(before, after) == said


class Interrupted:
    """The port of `bus.Admin`, while Ctrl-C is pressed."""

    def describe_topics(self):
        raise KeyboardInterrupt


def test_who_is_interrupted_is_told_how_to_go_on(capsys):
    with pytest.raises(KeyboardInterrupt):
        _execute(Interrupted(), HELD, None)
    assert "The same command takes up the rest" in capsys.readouterr().err
