"""What the documents show does what they say, as it is written."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import bus

ROOT = Path(__file__).parents[2]
PAGES = ["README.md", "docs/pytest.md"]
STRICT = ["--strict-markers", "-W", "error", "-W", "ignore::DeprecationWarning"]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.M | re.S)


def examples(page: str) -> list[str]:
    return BLOCK.findall((ROOT / page).read_text())


def shown_tests() -> dict[str, str]:
    """Examples that are tests, by the names of their files."""
    found = {}
    for page in PAGES:
        for number, text in enumerate(examples(page)):
            if "def test_" in text:
                found[f"test_{Path(page).stem.lower()}_{number}.py"] = text
    return found


def test_the_tests_that_are_shown_pass_without_a_warning(tmp_path: Path) -> None:
    shown = shown_tests()
    assert len(shown) > 5
    for name, text in shown.items():
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *STRICT],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=250,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    passed = int(re.search(r"(\d+) passed", done.stdout)[1])
    assert passed == len(shown)


def test_the_readme_s_first_program_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    first = examples("README.md")[0]
    exec(compile(first, "README.md", "exec"), {})
    assert capsys.readouterr().out.startswith("0 flushed\n[0]")
    assert (tmp_path / "data").is_dir()
    with bus.Broker("data") as broker:
        assert broker.admin().offsets("flights") == {0: 1}
