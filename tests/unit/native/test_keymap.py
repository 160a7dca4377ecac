"""The table from keys to numbers, as far as Python sees it."""

import pytest

from bus.native.keymap import KeyMap


def test_a_table_begins_empty_and_knows_its_bound():
    table = KeyMap(7)
    assert (len(table), table.keys_max) == (0, 7)


@pytest.mark.parametrize("keys_max", [0, -1, 1 << 40])
def test_a_bound_that_makes_no_sense_is_refused(keys_max):
    with pytest.raises(ValueError, match="keys_max"):
        KeyMap(keys_max)
