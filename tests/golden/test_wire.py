"""Are the bytes of every message still those that were once written down?

tests/golden/wire/NAME.txt holds a line for each version: the message of
`tests.fixtures.messages.sample`, with our additions, in hexadecimal. After a wanted change run
`python -m tests.golden.test_wire` and review the difference; a version that was ever released
may only gain tags.
"""

from pathlib import Path

import pytest

from bus.native.decoder import Decoder
from bus.native.encoder import Encoder
from tests.fixtures.messages import ALL_FORMS, form_id, program_of, sample, table_of

FOLDER = Path(__file__).parent / "wire"


def path_of(form):
    return FOLDER / f"{table_of(form).__name__}.txt"


def written(form):
    encoder = Encoder()
    encoder.write(program_of(form, extensions=True), sample(form, extensions=True))
    return encoder.joined()


def golden(form):
    lines = dict(line.split(" ") for line in path_of(form).read_text().splitlines())
    return bytes.fromhex(lines[f"v{form[1]}"])


@pytest.mark.parametrize("form", ALL_FORMS, ids=form_id)
def test_a_message_is_written_as_ever(form):
    assert written(form) == golden(form)


@pytest.mark.parametrize("form", ALL_FORMS, ids=form_id)
def test_a_message_is_read_as_ever(form):
    assert Decoder(golden(form)).read(program_of(form, True)) == sample(form, True)


def test_there_is_a_file_for_each_message_and_no_other():
    assert set(FOLDER.iterdir()) == {path_of(form) for form in ALL_FORMS}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for path in {path_of(form) for form in ALL_FORMS}:
        lines = [f"v{f[1]} {written(f).hex()}\n" for f in ALL_FORMS if path_of(f) == path]
        path.write_text("".join(lines))
