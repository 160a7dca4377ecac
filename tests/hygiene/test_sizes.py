"""Files and functions stay short enough to hold in the head."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINES_MAX = {"bus": 400, "csrc": 400, "perf": 400, "tests": 500}
FUNCTION_LINES_MAX = 60
SUFFIXES = {".py", ".pyi", ".pyx", ".pxd", ".c", ".h"}

SOURCES = sorted(
    path for folder in LINES_MAX for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES
)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_file_is_not_longer_than_its_limit(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) <= LINES_MAX[path.relative_to(ROOT).parts[0]], "split it by concept"


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_lines_are_ascii_and_at_most_100_columns(path: Path) -> None:
    for number, line in enumerate(path.read_text().splitlines(), 1):
        assert len(line) <= 100, f"{name(path)}:{number} has {len(line)} columns"
        assert line.isascii(), f"{name(path)}:{number} is not ASCII"


@pytest.mark.parametrize("path", [p for p in SOURCES if p.suffix == ".py"], ids=name)
def test_functions_are_short(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= FUNCTION_LINES_MAX, f"{node.name} has {length} lines"


@pytest.mark.parametrize("path", [p for p in SOURCES if p.suffix == ".py"], ids=name)
def test_a_module_says_what_it_is_for(path: Path) -> None:
    text = path.read_text()
    if path.name == "__init__.py" and not text.strip():
        return
    first = (ast.get_docstring(ast.parse(text)) or "").split("\n")[0]
    assert first, "no module docstring"
