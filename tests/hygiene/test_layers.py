"""The architecture as a test: who may import whom, and what pure layers may not touch."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "bus"

# Layer or file -> layers it may import (itself always); the longest match wins.
# docs/architecture.md prints this table, and a test holds the two together.
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "model": {"errors"},
    "ports": {"errors", "model"},
    "native": {"errors"},
    "wire": {"errors", "model", "native"},
    "control": {"errors", "model"},
    "log": {"errors", "model", "ports", "native"},
    "adapters": {"errors", "model", "ports", "native", "wire"},
    "broker": {"errors", "model", "ports", "native", "wire", "control", "log", "adapters"},
    "client": {"errors", "model", "ports", "native", "wire", "adapters"},
    "embedded": {"errors", "model", "wire", "adapters", "broker", "client"},
    "testing": {"errors", "model", "embedded"},
    "pytest_plugin": {"testing"},
    "web": {"errors", "model", "client", "broker.status"},
    "cli": {"errors", "model", "client", "embedded"},
    "cli.doctor": {"errors", "model", "control", "client", "embedded"},
    "cli.plan": {"errors", "model", "control", "client"},
    "cli.serve": {"errors", "model", "broker", "web"},
    "cli.shards": {"errors", "model", "adapters"},
    "cli.shard_plan": {"errors", "model", "adapters"},
    "cli.kafka_doc": {"errors", "model", "wire", "broker"},
    "cli.segment": {"errors", "model", "log", "native", "adapters", "ports", "client"},
    "aio": {"errors", "model", "client", "embedded"},
    "": {"errors", "native", "client", "embedded"},  # bus/__init__.py: the public API
}
IMPURE = {
    "asyncio",
    "os",
    "random",
    "select",
    "socket",
    "ssl",
    "subprocess",
    "threading",
    "time",
    "zmq",
}
PURE = {"model", "wire", "control"}
CIMPORT = re.compile(r"^\s*(?:from\s+([\w.]+)\s+c?import|c?import\s+([\w.]+))", re.M)

SOURCES = sorted(p for p in ROOT.rglob("*") if p.suffix in {".py", ".pyi", ".pyx", ".pxd"})


def module_of(path: Path) -> str:
    """The dotted name below `bus`, without it: "log.partition_log", "" for the package."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def rule_for(module: str) -> tuple[str, set[str]]:
    parts = module.split(".") if module else []
    while parts and ".".join(parts) not in MAY_IMPORT:
        parts.pop()
    key = ".".join(parts)
    return key, MAY_IMPORT[key]


def imports(path: Path) -> set[str]:
    text = path.read_text()
    if path.suffix in {".pyx", ".pxd"}:
        return {a or b for a, b in CIMPORT.findall(text)}
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            found |= {f"bus.{alias.name}" for alias in node.names} if module == "bus" else {module}
    return found


def permits(allowed: set[str], name: str) -> bool:
    return any(name == layer or name.startswith(layer + ".") for layer in allowed)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_only_lower_layers(path: Path) -> None:
    module = module_of(path)
    key, allowed = rule_for(module)
    own = module.split(".")[0]
    for name in imports(path):
        if name.split(".")[0] == "bus":
            target = name.partition(".")[2]
            assert target, f"{module}: import the module, not the package `bus`"
            assert permits(allowed | {own}, target), f"{key or 'bus'} must not import {name}"
        elif own in PURE:
            assert name.split(".")[0] not in IMPURE, f"{own} is sans-IO; {name} is not"
