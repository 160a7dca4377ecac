"""Names in a data directory: what is made is parsed, what is not ours is not."""

from uuid import UUID

import pytest

from bus.log import layout
from bus.model.ids import PartitionId

TOPIC = UUID("7d444840-9dc0-11d1-b245-5ffdce74fad2")


def test_a_partition_lies_in_its_topic_s_directory():
    assert layout.partition_dir(PartitionId(TOPIC, 7)) == f"topics/{TOPIC}/7"


def test_a_file_is_named_by_its_offset_in_twenty_digits():
    assert layout.offset_file("d", 42, ".log") == "d/00000000000000000042.log"


@pytest.mark.parametrize("suffix", [".log", ".index", ".timeindex", ".snapshot", ".cut"])
def test_names_that_are_made_are_found_again(suffix):
    name = layout.offset_file("d", 42, suffix).removeprefix("d/")
    assert layout.is_known(name)
    assert layout.offsets_of([name, "other"], suffix) == [42]


def test_offsets_ascend_whatever_the_order_of_the_names():
    names = [f"{offset:020d}.log" for offset in (30, 4, 100)]
    assert layout.offsets_of(names, ".log") == [4, 30, 100]


def test_a_lost_range_is_half_open_and_found_again():
    name = layout.lost_file("d", 5, 9).removeprefix("d/")
    assert layout.is_known(name)
    assert layout.lost_ranges([name, "other"]) == [(5, 9)]


@pytest.mark.parametrize(
    "name", ["42.log", "00000000000000000042.log~", "00000000000000000042.txt", "notes", ".log"]
)
def test_other_names_are_not_known(name):
    assert not layout.is_known(name)


@pytest.mark.parametrize("name", [str(TOPIC).upper(), TOPIC.hex, "my-topic", ""])
def test_a_topic_s_directory_has_one_spelling(name):
    assert layout.parse_topic_id(name) is None
    assert layout.parse_topic_id(str(TOPIC)) == TOPIC


@pytest.mark.parametrize(("name", "number"), [("0", 0), ("12", 12)])
def test_a_partition_s_directory_is_its_number(name, number):
    assert layout.parse_partition(name) == number


@pytest.mark.parametrize("name", ["", "01", "-1", "1.deleted", "x", "9999999999", "1\n"])
def test_a_number_has_one_spelling(name):
    assert layout.parse_partition(name) is None
