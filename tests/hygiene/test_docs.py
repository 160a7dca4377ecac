"""The documents say what the code does: tables that stand in both are held together."""

import os
from pathlib import Path

from bus.cli.kafka_doc import page
from tests.hygiene.test_layers import MAY_IMPORT

ROOT = Path(__file__).parents[2]
BEGIN, END = "<!-- layers: begin -->\n", "<!-- layers: end -->"


def layers_table() -> str:
    rows = ["| layer | may import |", "|---|---|"]
    for layer, allowed in MAY_IMPORT.items():
        name = f"`bus.{layer}`" if layer else "`bus` itself"
        rows.append(f"| {name} | {', '.join(sorted(allowed)) or 'nothing'} |")
    return "\n".join(rows) + "\n"


def test_the_layers_in_the_architecture_are_those_of_the_test() -> None:
    path = ROOT / "docs" / "architecture.md"
    text = path.read_text()
    before, rest = text.split(BEGIN)
    wanted = before + BEGIN + layers_table() + END + rest.split(END)[1]
    if os.environ.get("REWRITE"):
        path.write_text(wanted)
    assert text == wanted, "REWRITE=1 ./run test tests/hygiene/test_docs.py writes it"


def test_the_page_for_kafka_clients_is_what_the_registry_says() -> None:
    path = ROOT / "docs" / "kafka.md"
    if os.environ.get("REWRITE"):
        path.write_text(page())
    assert path.read_text() == page(), "busd apis > docs/kafka.md"
