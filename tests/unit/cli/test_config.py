"""Settings from file, environment and flags, and which of them wins."""

from pathlib import Path

import pytest

from bus.cli.config import load
from bus.errors import BadSetting


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "busd.toml"


def test_a_flag_wins_over_the_environment_and_that_over_the_file(file: Path) -> None:
    file.write_text("node.id = 1\nnum.partitions = 1\ndata = 'file'\n")
    environment = {"BUSD_NODE_ID": "2", "BUSD_NUM_PARTITIONS": "2"}
    settings = load({"node.id": "3"}, environment, str(file))
    assert (settings.node_id, settings.num_partitions, settings.data) == (3, 2, "file")


def test_tables_of_the_file_are_flattened(file: Path) -> None:
    file.write_text('[log.retention]\nms = 5\n[message]\n"timestamp.type" = 0\n')
    with pytest.raises(BadSetting, match=r"no setting message\.timestamp\.type"):
        load({}, {}, str(file))
    file.write_text("[log.retention]\nms = 5\n")
    assert load({}, {}, str(file)).topic.retention_ms == 5


def test_the_environment_may_name_the_file(file: Path) -> None:
    file.write_text("node.id = 9\n")
    assert load({}, {"BUSD_CONFIG": str(file)}).node_id == 9


def test_dots_are_underscores_in_the_environment() -> None:
    assert load({}, {"BUSD_LOG_RETENTION_MS": "7"}).topic.retention_ms == 7


def test_a_bad_value_names_the_variable_that_holds_it() -> None:
    with pytest.raises(BadSetting, match=r"BUSD_NODE_ID in the environment: .* cannot be 'x'"):
        load({"node.id": 1}, {"BUSD_NODE_ID": "x"})


def test_an_unknown_variable_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(BadSetting, match=r"BUSD_NODE_IT .* Did you mean node\.id\?"):
        load({}, {"BUSD_NODE_IT": "1"})


def test_what_kubernetes_and_the_commands_put_there_is_no_setting() -> None:
    others = ["BUSD_SERVICE_HOST", "BUSD_PORT_7901_TCP", "BUSD_SERVER", "BUSD_VENV"]
    assert load({}, dict.fromkeys(others, "x")).node_id == 1


def test_a_bad_value_names_the_file(file: Path) -> None:
    file.write_text("node.id = 'x'\n")
    with pytest.raises(BadSetting, match=r"busd\.toml: The setting node\.id cannot be 'x'"):
        load({}, {}, str(file))


def test_a_file_that_is_not_toml_is_said_to_be_none(file: Path) -> None:
    file.write_text("node.id: 1\n")
    with pytest.raises(BadSetting, match=r"busd\.toml is not TOML"):
        load({}, {}, str(file))


def test_a_missing_file_is_an_error_of_the_system() -> None:
    with pytest.raises(FileNotFoundError):
        load({}, {}, "/no/such/file.toml")
