"""Where an etcd is: addresses as people write them, and what contradicts itself."""

import pytest

from bus.adapters.etcd.settings import EtcdEndpoint, EtcdSettings, etcd_endpoints
from bus.errors import BadSetting

ONE = etcd_endpoints("http://h")


def test_addresses_are_read() -> None:
    assert etcd_endpoints("http://a:1, https://b ,http://[::1]:7/") == (
        EtcdEndpoint("a", 1, False),
        EtcdEndpoint("b", 2379, True),
        EtcdEndpoint("::1", 7, False),
    )
    assert etcd_endpoints("http://a,http://a:2379") == (EtcdEndpoint("a", 2379, False),)


def test_they_are_shown_as_they_are_written() -> None:
    assert [endpoint.url for endpoint in etcd_endpoints("http://[::1]:7,https://b:1")] == [
        "http://[::1]:7",
        "https://b:1",
    ]


@pytest.mark.parametrize(
    "text",
    ["", ",", "h:1", "http://", "http://h:0x1", "http://h:99999", "ftp://h", "http://h/path",
     "http://user@h", "http://h?x", "http://[::1", "http://h\u00e4", "unix:///x", "http://h:1,"],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(BadSetting, match="is not an address of etcd"):
        etcd_endpoints(text)


def test_there_is_a_limit_to_them() -> None:
    with pytest.raises(BadSetting, match="At most 16 addresses"):
        etcd_endpoints(",".join(f"http://h:{port}" for port in range(1, 18)))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"endpoints": etcd_endpoints("http://a,https://b")}, "all https:// or all http://"),
        ({"endpoints": ONE, "user": "u"}, "needs a password"),
        ({"endpoints": ONE, "password": "p"}, "needs a user"),
        ({"endpoints": ONE, "cert_file": "c"}, "needs its key"),
        ({"endpoints": ONE, "ca_file": "c"}, "of no use with http://"),
    ],
)
def test_what_contradicts_itself_is_refused(settings: dict, sentence: str) -> None:
    with pytest.raises(BadSetting, match=sentence):
        EtcdSettings(**settings)


def test_without_tls_no_certificates_are_looked_at() -> None:
    assert EtcdSettings(ONE).tls() is None


def test_what_is_secret_is_not_shown() -> None:
    shown = repr(EtcdSettings(etcd_endpoints("https://a"), "u", "word", "", "c", "/k"))
    assert "word" not in shown
    assert "/k" not in shown
