"""`python -m tests.fuzz.one TARGET [LIBFUZZER-ARGUMENT...]`: one target, by atheris."""

import sys

import atheris

with atheris.instrument_imports(include=["bus"], enable_loader_override=False):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    target = TARGETS[sys.argv[1]]
    for data in target.seeds():  # imports, images and caches come before the fuzzer counts
        target.run(data)
    atheris.Setup([sys.argv[0], *sys.argv[2:]], target.run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
