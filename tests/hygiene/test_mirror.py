"""tests/unit mirrors bus/: a test file sits where the file that it asks about sits."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "tests" / "unit"
TESTS = sorted(UNIT.rglob("test_*.py"))


@pytest.mark.parametrize("path", TESTS, ids=lambda p: str(p.relative_to(UNIT)))
def test_a_unit_test_file_names_a_module(path: Path) -> None:
    folder = ROOT / "bus" / path.relative_to(UNIT).parent
    stem = path.stem.removeprefix("test_")
    assert (
        any((folder / f"{stem}{suffix}").exists() for suffix in (".py", ".pyx"))
        or (folder / stem).is_dir()
    ), f"bus has no {folder.relative_to(ROOT)}/{stem}"
