"""Records as JSON."""

import json

from bus.cli.json_lines import as_json


def test_bytes_that_are_no_text_are_base64() -> None:
    record = json.loads(as_json("t", 0, 0, 0, b"\xff", b"v"))
    assert (record["key_base64"], "key" in record) == ("/w==", False)
