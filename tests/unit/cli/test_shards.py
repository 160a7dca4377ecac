"""How lines of shards are told apart."""

import json

from bus.cli.shards import named


def test_a_line_begins_with_its_shard():
    assert named(b"started\n", 2) == b"shard-2: started\n"
    assert named(b"cut off", 2) == b"shard-2: cut off\n"


def test_json_stays_json():
    assert json.loads(named(b'{"level": "INFO"}\n', 1)) == {"shard": 1, "level": "INFO"}
