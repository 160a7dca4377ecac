"""Every input that ever broke something, and good ones of all kinds: they do no harm."""

import zipfile

import pytest

from tests.fuzz.inputs import CORPUS, REGRESSIONS, corpus_of
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_no_known_input_breaks_a_target(name: str) -> None:
    target = TARGETS[name]
    for data in (*target.seeds(), *corpus_of(name)):
        target.run(data)


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_at_all_breaks_no_target(name: str) -> None:
    TARGETS[name].run(b"")


@pytest.mark.parametrize("name", TARGETS)
def test_what_broke_a_target_once_does_so_no_more(name: str) -> None:
    for path in sorted(REGRESSIONS.glob(f"{name}/*")):
        TARGETS[name].run(path.read_bytes())


def test_each_corpus_belongs_to_a_target() -> None:
    names = {path.stem for path in CORPUS.glob("*.zip")}
    assert names - {*TARGETS, "core"} == set()
    assert all(zipfile.is_zipfile(CORPUS / f"{name}.zip") for name in names)
