"""What fuzzing has found worth keeping: `corpus/TARGET.zip`, and files in `regressions/TARGET/`.

A corpus holds inputs that each reached something new when they were found; `./run fuzz --keep`
writes it anew from what has been gathered. A regression is one input that broke the target; put
it there with its fix, under a name that says what was wrong.
"""

import zipfile
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
REGRESSIONS = HERE / "regressions"
INPUTS_MAX = 120  # kept of one target, of all lengths
MADE = (1980, 1, 1, 0, 0, 0)


def corpus_of(name: str) -> Iterable[bytes]:
    """The inputs that are kept of a target."""
    path = CORPUS / f"{name}.zip"
    if path.exists():
        with zipfile.ZipFile(path) as archive:
            for entry in archive.namelist():
                yield archive.read(entry)


def unpack(name: str, folder: Path) -> None:
    """The inputs as files, for a fuzzer."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(corpus_of(name)):
        (folder / f"kept-{number}").write_bytes(data)


def keep(name: str, inputs: Iterable[bytes]) -> int:
    """Replace what is kept of a target; how many. The same inputs make the same file."""
    ordered = sorted(set(inputs), key=lambda data: (len(data), data))
    chosen = ordered[:: -(-len(ordered) // INPUTS_MAX) or 1]
    CORPUS.mkdir(exist_ok=True)
    with zipfile.ZipFile(CORPUS / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number, data in enumerate(chosen):
            archive.writestr(zipfile.ZipInfo(str(number), MADE), data, zipfile.ZIP_DEFLATED)
    return len(chosen)
