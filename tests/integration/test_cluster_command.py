"""`busd cluster` and `busd doctor` on a real broker."""

import pytest

import bus
from bus.cli.main import main
from bus.model.features import KNOWN


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    data = tmp_path_factory.mktemp("data")
    with bus.Broker(str(data), listen="tcp://127.0.0.1:*", kafka="127.0.0.1:0") as broker:
        broker.create_topic("safe", 2)
        broker.create_topic("fast", 1, config={"flush": "os"})
        yield broker


@pytest.fixture
def told(capsys):
    """The exit code of a command, and the words of each line that it printed."""

    def run(*arguments):
        code = main(arguments)
        return code, [line.split() for line in capsys.readouterr().out.splitlines()]

    return run


@pytest.mark.parametrize("scheme", ["tcp", "kafka"])
def test_status_shows_who_is_there_and_that_all_is_well(broker, told, scheme):
    url = broker.url if scheme == "tcp" else broker.kafka_url
    code, lines = told("cluster", "status", "--server", url)
    assert code == 0
    assert ["1", url, "-", "3", "3", "3", "controls"] in lines


def test_describe_shows_each_partition_of_a_topic(broker, told):
    _, lines = told("cluster", "describe", "--topic", "safe", "--server", broker.url)
    assert [line[0] for line in lines] == ["partition", "safe-0", "safe-1"]


def test_a_topic_that_is_not_there_is_a_mistake(broker, capsys):
    assert main(["cluster", "describe", "--topic", "no", "--server", broker.url]) == 2
    assert "There is no topic 'no'." in capsys.readouterr().err


def test_doctor_finds_the_topic_that_a_loss_of_power_harms(broker, told):
    code, lines = told("doctor", "--server", broker.url)
    assert code == 1
    assert [line[1] for line in lines if line[:1] == ["-"]] == ["fast:"]


def test_doctor_says_what_it_could_not_look_at(broker, capsys):
    assert main(["doctor", "--topic", "safe", "--server", broker.kafka_url]) == 0
    assert "Not seen: broker 1's machine and etcd" in capsys.readouterr().out


def test_the_list_of_topics_has_no_complaint_of_a_lone_broker(broker, told):
    _, lines = told("topic", "list", "--server", broker.url)
    assert lines == [["topic", "partitions", "replicas"], ["fast", "1", "1"], ["safe", "2", "1"]]


def test_doctor_has_nothing_to_say_of_a_flushed_topic(broker, told):
    code, lines = told("doctor", "--topic", "safe", "--server", broker.url)
    assert code == 0
    assert ["Nothing", "to", "put", "right."] in lines


def test_status_shows_the_level_and_an_upgrade_has_nowhere_to_go(broker, told):
    _, lines = told("cluster", "status", "--server", broker.url)
    assert ["level", str(KNOWN.high)] in lines
    code, lines = told("cluster", "upgrade", "--server", broker.url)
    assert code == 0
    assert lines == [f"The cluster stands at level {KNOWN.high} already.".split()]


def test_a_level_that_this_version_does_not_know_is_refused_by_name(broker, capsys):
    wanted = str(KNOWN.high + 1)
    assert main(["cluster", "upgrade", "--to", wanted, "--server", broker.url]) == 1
    assert f"Broker 1 knows {KNOWN}, not level {wanted}." in capsys.readouterr().err


def test_over_kafkas_protocol_the_level_is_not_told(broker, told, capsys):
    _, lines = told("cluster", "status", "--server", broker.kafka_url)
    assert not any(line[:1] == ["level"] for line in lines)
    assert main(["cluster", "upgrade", "--server", broker.kafka_url]) == 2
    assert "do not tell a level" in capsys.readouterr().err
