"""Log lines for people and for machines."""

import json
import logging

from bus.cli.log_output import JsonFormatter, TextFormatter


def record(message: str, **fields: object) -> logging.LogRecord:
    made = logging.LogRecord("busd.log", logging.WARNING, "f.py", 1, message, (), None)
    made.created = 1_700_000_000.25
    vars(made).update(fields)
    return made


def test_a_text_line_holds_time_level_name_message_and_fields() -> None:
    assert TextFormatter().format(record("cut", bytes=7)) == (
        "2023-11-14T22:13:20.250Z WARNING busd.log: cut bytes=7"
    )


def test_a_json_line_holds_the_same() -> None:
    assert json.loads(JsonFormatter().format(record("cut", bytes=7))) == {
        "time": "2023-11-14T22:13:20.250Z",
        "level": "warning",
        "logger": "busd.log",
        "message": "cut",
        "bytes": 7,
    }


def test_a_json_entry_is_one_line_whatever_it_says() -> None:
    assert "\n" not in JsonFormatter().format(record("a\nb", why="c\nd"))
