"""`busd group` on a server over both protocols, and on a directory."""

import pytest

import bus
from bus.cli.main import main


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    data = tmp_path_factory.mktemp("data")
    listen = {"listen": "tcp://127.0.0.1:*", "kafka": "127.0.0.1:0"}
    with bus.Broker(str(data), **listen, offsets_topic_num_partitions=2) as broker:
        broker.create_topic("t", 2)
        broker.producer().send_batch("t", [b"v"] * 10, partition=1).result(60)
        yield broker


@pytest.fixture
def done(capsys):
    """What a command printed that must succeed."""

    def run(*arguments):
        assert main(arguments) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize("scheme", ["tcp", "kafka"])
def test_a_group_has_a_life(broker, done, scheme):
    server = ["--server", broker.url if scheme == "tcp" else broker.kafka_url]
    group, reset = f"g-{scheme}", ["group", "reset-offsets", f"g-{scheme}", *server]
    planned = done(*reset, "--to-offset", "4", "--topic", "t:1")
    assert planned.splitlines()[1].split() == ["t", "1", "-", "4"]
    assert "--execute" in planned
    assert group not in done("group", "list", *server)
    done(*reset, "--to-offset", "4", "--topic", "t:1", "--execute")
    listed = done("group", "list", "--state", "Empty", *server).splitlines()
    assert [group, "Empty"] in [line.split()[:2] for line in listed]
    described = done("group", "describe", group, *server)
    assert f"{group}: Empty, 0 members" in described
    assert ["t", "1", "4", "10", "6", "-", "-"] in [line.split() for line in described.splitlines()]
    assert "lag in all: 6" in described
    done(*reset, "--shift-by", "2", "--execute")
    assert "lag in all: 4" in done("group", "describe", group, *server)
    assert "member" in done("group", "describe", group, "--members", *server)
    done("group", "delete", group, *server)
    assert group not in done("group", "list", *server)


def test_a_directory_serves_as_well(done, tmp_path):
    data = ["--data", str(tmp_path / "data")]
    done("topic", "create", "t", *data)
    done("group", "reset-offsets", "g", "--to-latest", "--topic", "t", "--execute", *data)
    assert done("group", "describe", "g", *data).splitlines()[0] == "g: Empty, 0 members"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["describe", "nobody"], "There is no group 'nobody'."),
        (["delete", "nobody"], "There is no group 'nobody'."),
        (["reset-offsets", "nobody", "--to-latest"], "There is no group 'nobody'."),
        (["reset-offsets", "g", "--to-latest", "--topic", "nothing"], "nothing"),
        (["reset-offsets", "g", "--to-time", "noon", "--topic", "t"], "'noon' is no timestamp"),
        (["reset-offsets", "g", "--to-offset", "1", "--topic", "t:9"], "no partition 9"),
        (["reset-offsets", "g"], "--to-earliest"),
    ],
)
def test_a_mistake_is_one_sentence(broker, capsys, arguments, sentence):
    assert main(["group", *arguments, "--server", broker.url]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert len(said.splitlines()) == 1


def test_no_groups_are_an_empty_table(done, tmp_path):
    done("topic", "create", "t", "--data", str(tmp_path / "data"))
    listed = done("group", "list", "--data", str(tmp_path / "data"))
    assert listed.split() == ["group", "state", "type"]
