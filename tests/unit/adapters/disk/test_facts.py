"""Facts of the disk under a directory."""

import os

from bus.adapters.disk.facts import DURABLE, is_own_filesystem, read_facts


def test_a_filesystem_that_keeps_promises_is_durable(tmp_path):
    facts = read_facts(str(tmp_path))
    if facts.filesystem != "overlay":
        assert facts.durable == (facts.filesystem in DURABLE)


def test_a_memory_filesystem_is_not_durable():
    if os.path.ismount("/dev/shm"):
        assert not read_facts("/dev/shm").durable


def test_a_plain_directory_is_not_its_own_filesystem(tmp_path):
    assert not is_own_filesystem(str(tmp_path))


def test_the_boot_id_is_the_same_while_the_kernel_runs(tmp_path):
    assert read_facts(str(tmp_path)).boot_id == read_facts(str(tmp_path)).boot_id
