"""Which versions of etcd are used."""

import pytest

from bus.adapters.etcd.versions import objection


@pytest.mark.parametrize(
    "version",
    ["3.4.22", "3.4.23", "3.4.40", "3.5.6", "3.5.21", "3.6.0", "3.6.4", "3.7.0", "3.5.9-rc.1",
     "3.4.23+debian"],
)  # fmt: skip
def test_sound_versions_are_used(version: str) -> None:
    assert objection(version) is None


@pytest.mark.parametrize(
    ("version", "why"),
    [
        ("3.4.20", "may lose or corrupt data"),
        ("3.4.21", "may lose or corrupt data"),
        ("3.5.0", "may lose or corrupt data"),
        ("3.5.5", "may lose or corrupt data"),
        ("3.4.3", "is not supported"),
        ("3.3.27", "is not supported"),
        ("2.3.8", "is not supported"),
        ("4.0.0", "is not supported"),
        ("", "none of etcd's"),
        ("banana", "none of etcd's"),
        ("3.5", "none of etcd's"),
        ("3.5.99999999", "none of etcd's"),
        ("3.\u0665.6", "none of etcd's"),
        ("x" * 10_000, "none of etcd's"),
    ],
)
def test_others_are_refused_with_a_reason_and_advice(version: str, why: str) -> None:
    sentence = objection(version)
    assert sentence is not None
    assert why in sentence
    assert sentence.endswith("Install 3.4.22, 3.5.6, 3.6 or a newer 3.x")
    assert len(sentence) < 200
