"""Each Cython module has a stub, and the package says that it is typed."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "bus"
MODULES = sorted(ROOT.rglob("*.pyx"))


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.stem)
def test_a_cython_module_has_a_stub(path: Path) -> None:
    assert path.with_suffix(".pyi").exists()


def test_the_package_is_marked_as_typed() -> None:
    assert (ROOT / "py.typed").exists()
