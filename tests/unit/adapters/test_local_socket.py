"""Where brokers of one machine meet: found by whom it may concern, and by nobody else."""

import os
import socket
import subprocess
import sys
import tempfile

import pytest

from bus.adapters.local_socket import (
    PATH_BYTES_MAX,
    is_reachable,
    new_socket_path,
    remove_socket,
)

DRAWN = bytes(range(16))
NOBODY = 65534
LISTENS_AS = """
import os, socket, sys
door = socket.socket(socket.AF_UNIX)
door.bind(sys.argv[1])
os.setuid(int(sys.argv[2]))
door.listen()
print(flush=True)
sys.stdin.read()
"""


@pytest.fixture
def data():
    """A data directory whose path is short."""
    with tempfile.TemporaryDirectory() as path:
        yield path


@pytest.fixture
def listen():
    doors = []

    def make(path):
        door = socket.socket(socket.AF_UNIX)
        doors.append(door)
        door.bind(path)
        door.listen(0)
        return door

    yield make
    for door in doors:
        door.close()


def test_it_is_in_the_data_directory_where_only_we_can_enter(data):
    path = new_socket_path(data, DRAWN)
    assert path == f"{data}/sockets/0001020304050607"
    assert os.stat(os.path.dirname(path)).st_mode & 0o777 == 0o700


def test_each_life_has_another_one_and_removes_what_is_left_of_earlier_ones(data, listen):
    earlier = new_socket_path(data, DRAWN)
    listen(earlier)
    later = new_socket_path(data, DRAWN[::-1])
    assert later != earlier
    assert not os.path.exists(earlier)


def test_when_it_is_removed_nothing_stays(data, listen):
    path = new_socket_path(data, DRAWN)
    listen(path)
    remove_socket(path)
    assert os.listdir(data) == []


def test_nothing_but_sockets_is_removed(data):
    directory = os.path.dirname(new_socket_path(data, DRAWN))
    notes = os.path.join(directory, "notes")
    open(notes, "x").close()
    new_socket_path(data, DRAWN)
    assert os.path.exists(notes)


@pytest.mark.parametrize("name", ["d" * 100, "\udcff"])
def test_where_the_path_is_too_long_or_no_text_it_is_elsewhere(data, monkeypatch, name):
    monkeypatch.setenv("XDG_RUNTIME_DIR", data)
    path = new_socket_path(os.path.join(data, name), DRAWN)
    assert path.startswith(f"{data}/busd-{os.geteuid()}-")
    assert len(path) <= PATH_BYTES_MAX
    assert new_socket_path(os.path.join(data, name + "x"), DRAWN) != path
    assert os.stat(os.path.dirname(path)).st_mode & 0o777 == 0o700


def test_where_all_paths_are_too_long_there_is_none(data, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", os.path.join(data, "r" * 100))
    with pytest.raises(OSError, match="too long"):
        new_socket_path(os.path.join(data, "d" * 100), DRAWN)


def test_a_directory_that_others_may_enter_is_not_used(data):
    os.mkdir(os.path.join(data, "sockets"))
    os.chmod(os.path.join(data, "sockets"), 0o711)
    with pytest.raises(OSError, match="may be entered by other users"):
        new_socket_path(data, DRAWN)


def test_who_listens_is_reached(data, listen):
    path = new_socket_path(data, DRAWN)
    assert not is_reachable(path)
    listen(path)
    assert is_reachable(path)


def test_who_is_too_busy_to_accept_anybody_is_there(data, listen):
    path = new_socket_path(data, DRAWN)
    listen(path)
    waiting = socket.socket(socket.AF_UNIX)
    waiting.connect(path)
    assert is_reachable(path)
    waiting.close()


def test_what_a_killed_process_has_left_behind_is_not(data, listen):
    path = new_socket_path(data, DRAWN)
    listen(path).close()
    assert os.path.exists(path)
    assert not is_reachable(path)


def test_a_socket_that_others_could_have_put_there_is_not(data, listen):
    path = new_socket_path(data, DRAWN)
    listen(path)
    os.chmod(os.path.dirname(path), 0o710)
    assert not is_reachable(path)


@pytest.mark.parametrize("path", ["", "name", "/", "/no/such/place", "\0abstract", "/a\0b", "@x"])
def test_what_is_no_path_is_not(path):
    assert not is_reachable(path)


@pytest.mark.parametrize("user", [os.geteuid(), NOBODY])
def test_only_a_process_of_our_user_is_spoken_to(data, user):
    if os.geteuid() != 0 and user == NOBODY:
        pytest.skip("only root can be another user")
    path = new_socket_path(data, DRAWN)
    with subprocess.Popen(
        [sys.executable, "-c", LISTENS_AS, path, str(user)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as there:
        there.stdout.readline()
        assert is_reachable(path) == (user == os.geteuid())
        there.communicate()
