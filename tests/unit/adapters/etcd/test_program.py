"""The program `etcd` of this machine."""

from pathlib import Path

import pytest

from bus.adapters.etcd.program import complaint, find_etcd
from bus.model.store_errors import StoreRefused


def install(path: Path, said: str) -> None:
    path.write_text(f"#!/bin/sh\necho '{said}'\n")
    path.chmod(0o755)


@pytest.fixture(autouse=True)
def only_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    monkeypatch.setattr(
        "shutil.which", lambda name: str(tmp_path / name) if (tmp_path / name).exists() else None
    )


def test_a_version_that_is_used_is_found(tmp_path: Path) -> None:
    install(tmp_path / "etcd", "etcd Version: 3.4.23")
    assert find_etcd() == str(tmp_path / "etcd")


def test_where_there_is_none_it_says_how_to_install_it() -> None:
    with pytest.raises(StoreRefused, match=r"apt-get install etcd-server.*--etcd http://HOST:2379"):
        find_etcd()


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("etcd Version: 3.4.20", "runs etcd 3.4.20, which may lose or corrupt data"),
        ("etcd Version: 3.5.5", "runs etcd 3.5.5, which may lose or corrupt data"),
        ("usage: something else", "which is none of etcd"),
    ],
)
def test_a_version_that_is_not_used_is_named(tmp_path: Path, said: str, sentence: str) -> None:
    install(tmp_path / "etcd", said)
    with pytest.raises(StoreRefused, match=sentence):
        find_etcd()


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        (
            '{"level":"fatal","msg":"no","error":"address in use","stacktrace":"x"}',
            "no: address in use",
        ),
        ('{"msg":"closed"}', "closed"),
        ("plain\x1b text.", "plain  text"),
        ("[]", "[]"),
        ("", "nothing"),
    ],
)
def test_a_line_of_its_log_is_made_readable(line: str, wanted: str) -> None:
    assert complaint(line) == wanted


def test_a_program_that_cannot_be_started_is_named(tmp_path: Path) -> None:
    (tmp_path / "etcd").write_bytes(b"\x7fELF")
    (tmp_path / "etcd").chmod(0o755)
    with pytest.raises(StoreRefused, match="cannot be started"):
        find_etcd()
