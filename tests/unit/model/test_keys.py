"""Names and keys: one key for one thing, and nothing else is taken for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.errors import BadSetting, InvalidTopic
from bus.model.keys import NUMBER_MAX, Keys, Kind, Name
from bus.model.limits import KEY_BYTES_MAX

KEYS = Keys("prod")
NUMBERS = st.integers(0, NUMBER_MAX)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


def test_the_keys_are_those_of_the_layout() -> None:
    assert KEYS.meta == "/busd/prod/meta"
    assert KEYS.controller == "/busd/prod/ctl"
    assert KEYS.producer_ids == "/busd/prod/pid"
    assert KEYS.broker(3) == "/busd/prod/b/3"
    assert KEYS.broker_epoch(3) == "/busd/prod/be/3"
    assert KEYS.broker_settings(3) == "/busd/prod/cfg/3"
    assert KEYS.directories(3) == "/busd/prod/disks/3"
    assert KEYS.group(17) == "/busd/prod/g/17"
    assert KEYS.topic("flights") == "/busd/prod/t/flights"
    assert KEYS.acl_version == "/busd/prod/acl/v"
    assert KEYS.permission("a/b") == "/busd/prod/acl/k/a%2Fb"
    assert KEYS.user("jo") == "/busd/prod/user/jo"
    assert KEYS.clients == "/busd/prod/client/"


@given(NUMBERS, TEXTS)
def test_a_key_tells_the_name_that_it_was_made_of(number: int, text: str) -> None:
    assert KEYS.name_of(KEYS.broker(number)) == Name(Kind.BROKER, number)
    assert KEYS.name_of(KEYS.broker_epoch(number)) == Name(Kind.BROKER_EPOCH, number)
    assert KEYS.name_of(KEYS.group(number)) == Name(Kind.GROUP, number)
    for make, kind in ((KEYS.user, Kind.USER), (KEYS.permission, Kind.PERMISSION)):
        key = make(text)
        assert key.isascii()
        assert key.isprintable()
        assert KEYS.name_of(key) == Name(kind, text=text)


@given(st.text(max_size=30))
def test_no_two_keys_have_one_name(rest: str) -> None:
    key = KEYS.root + rest
    name = KEYS.name_of(key)
    if name is None:
        return
    makers = {Kind.TOPIC: KEYS.topic, Kind.USER: KEYS.user, Kind.PERMISSION: KEYS.permission}
    if name.kind in makers:
        assert makers[name.kind](name.text) == key
    elif rest.isalpha():
        assert key == KEYS.root + name.kind
    else:
        assert key == f"{KEYS.root}{name.kind}/{name.number}"


@pytest.mark.parametrize(
    "key",
    [
        "", "/busd/prod", "/busd/prod/", "/busd/other/meta", "/busd/prod/meta/", "/busd/prod/b/",
        "/busd/prod/b/01", "/busd/prod/b/-1", "/busd/prod/b/2147483648", "/busd/prod/b/1/2",
        "/busd/prod/b/\u0661", "/busd/prod/t/", "/busd/prod/t/..", "/busd/prod/t/a/b",
        "/busd/prod/user/", "/busd/prod/user/a/b", "/busd/prod/user/%61", "/busd/prod/user/%2f",
        "/busd/prod/acl/v", "/busd/prod/acl/k/", "/busd/prod/nope/1",
        "/busd/prod/user/" + "x" * 600,
    ],
)  # fmt: skip
def test_other_keys_are_nobody_s(key: str) -> None:
    assert KEYS.name_of(key) is None


@pytest.mark.parametrize("cluster", ["", "a/b", "a b", "x" * 65, "\u00e4", "a\n"])
def test_a_cluster_s_name_is_plain(cluster: str) -> None:
    with pytest.raises(BadSetting, match="cluster cannot be named"):
        Keys(cluster)


def test_names_that_cannot_be_kept_are_refused() -> None:
    with pytest.raises(BadSetting, match="too long"):
        KEYS.user("\u20ac" * 60)
    with pytest.raises(InvalidTopic):
        KEYS.topic("a/b")
    assert len(KEYS.topic("t" * 249)) < KEY_BYTES_MAX
