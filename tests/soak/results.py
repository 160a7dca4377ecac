"""What soaks have done: docs/results/KIND.json, which grows from sitting to sitting.

kind, unit, goal    what was done, how it is counted, how much is wanted
done, broken        units in all, and those of them that found something
runs                of each commit: the seeds [first, end), units, seconds, date, problems, and
                    what else was counted, by name
"""

import datetime
import json
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.soak.turns import Kind

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "results"
PROBLEMS_KEPT_MAX = 20  # of one commit
PROBLEM_LENGTH_MAX = 2000


@dataclass(slots=True)
class Run:
    """Seeds of one kind that one commit has gone through."""

    commit: str
    seeds: list[int]  # first, end
    count: int = 0
    seconds: float = 0.0
    date: str = ""
    problems: list[str] = field(default_factory=list)
    facts: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Results:
    """All runs of one kind."""

    kind: str
    unit: str
    goal: int
    done: int = 0
    broken: int = 0
    runs: list[Run] = field(default_factory=list)

    @property
    def next_seed(self) -> int:
        """One that was never used."""
        return max((run.seeds[1] for run in self.runs), default=1)

    def add(
        self,
        commit: str,
        count: int,
        seconds: float,
        problems: list[list[str]],
        facts: Mapping[str, float] | None = None,
    ) -> None:
        """One more seed."""
        seed = self.next_seed
        if not self.runs or self.runs[-1].commit != commit:
            self.runs.append(Run(commit, [seed, seed]))
        run = self.runs[-1]
        run.seeds[1] = seed + 1
        run.count += count
        run.seconds = round(run.seconds + seconds, 1)
        run.date = datetime.datetime.now(datetime.UTC).date().isoformat()
        for name, number in (facts or {}).items():
            run.facts[name] = round(run.facts.get(name, 0) + number, 3)
        self.done += count
        self.broken += len(problems)
        told = [f"seed {seed}: {'; '.join(some)}"[:PROBLEM_LENGTH_MAX] for some in problems]
        run.problems = [*run.problems, *told][:PROBLEMS_KEPT_MAX]


def load(name: str, kind: Kind, folder: Path = FOLDER) -> Results:
    """What is known, or a new file's content."""
    path = folder / f"{name}.json"
    if not path.exists():
        return Results(kind.title, kind.unit, kind.goal)
    content = json.loads(path.read_text())
    runs = [Run(**run) for run in content.pop("runs")]
    found = Results(**content, runs=runs)
    found.kind, found.unit, found.goal = kind.title, kind.unit, kind.goal
    return found


def save(name: str, results: Results, folder: Path = FOLDER) -> None:
    """Replace the file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(asdict(results), indent=1) + "\n")


def commit() -> str:
    """Which commit this is; with a plus sign if the sources are not exactly it."""
    ask = ["git", "-C", str(ROOT)]
    head = subprocess.run([*ask, "rev-parse", "--short=10", "HEAD"], capture_output=True, text=True)
    paths = ["bus", "csrc", "tests", "setup.py"]
    clean = subprocess.run([*ask, "diff", "--quiet", "HEAD", "--", *paths], check=False)
    return (head.stdout.strip() or "unknown") + ("" if clean.returncode == 0 else "+")
