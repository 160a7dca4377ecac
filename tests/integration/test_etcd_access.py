"""An etcd that lets nobody in but those who have a certificate, a name and a password."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.adapters.etcd.settings import EtcdSettings, etcd_endpoints
from bus.errors import BadSetting
from bus.model.store_errors import StoreRefused
from tests.fixtures.asked_store import ROOT, Caller, Mirror
from tests.fixtures.certificates import Certificates
from tests.fixtures.etcd import Etcd
from tests.fixtures.etcd_stores import EtcdBench, be_patient

PASSWORD = "a pass word"


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    be_patient(monkeypatch)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def etcd(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[Etcd]:
    """With a user `busd` who may do what he likes below `/busd/c/`."""
    options = ["--cert-file", certificates.cert, "--key-file", certificates.key]
    options += ["--trusted-ca-file", certificates.ca, "--client-cert-auth"]
    directory = tmp_path_factory.mktemp("etcd")
    context = ssl.create_default_context(cafile=str(certificates.ca))
    context.load_cert_chain(certificates.cert, certificates.key)
    with Etcd(directory, options=map(str, options), context=context) as made:
        member = made.members[0]
        for user in ("root", "busd"):
            made.call(member, "/v3/auth/user/add", {"name": user, "password": PASSWORD})
        for role in ("root", "writer"):
            made.call(member, "/v3/auth/role/add", {"name": role})
        permission = {"permType": "READWRITE", "key": "L2J1c2QvYy8=", "range_end": "L2J1c2QvYzA="}
        made.call(member, "/v3/auth/role/grant", {"name": "writer", "perm": permission})
        made.call(member, "/v3/auth/user/grant", {"user": "root", "role": "root"})
        made.call(member, "/v3/auth/user/grant", {"user": "busd", "role": "writer"})
        made.call(member, "/v3/auth/enable", {})
        yield made


@pytest.fixture
def settings(etcd: Etcd, certificates: Certificates) -> dict[str, str]:
    files = {"ca_file": certificates.ca, "cert_file": certificates.cert}
    files |= {"key_file": certificates.key}
    return {name: str(path) for name, path in files.items()} | {
        "user": "busd",
        "password": PASSWORD,
    }


@pytest.fixture
def bench(etcd: Etcd, settings: dict[str, str]) -> Iterator[EtcdBench]:
    made = EtcdBench(etcd.urls, **settings)
    yield made
    made.close()


def test_who_may_writes_watches_and_holds_a_session(bench: EtcdBench) -> None:
    caller, mirror = Caller(bench, bench.store()), Mirror(bench.store("w"))
    revision = caller.put(ROOT + "a", b"1", session=caller.open_session(60_000))
    assert isinstance(revision, int), revision
    bench.until(lambda: mirror.revision == revision)
    assert mirror.entries == {ROOT + "a": b"1"}


def test_who_may_not_is_told_so(bench: EtcdBench) -> None:
    caller = Caller(bench, bench.store())
    for outcome in (caller.put("/elsewhere", b""), caller.get("/elsewhere")):
        assert isinstance(outcome, StoreRefused)
        assert "permission denied" in str(outcome)


def test_a_token_that_became_old_is_fetched_anew(etcd: Etcd, bench: EtcdBench) -> None:
    caller, mirror = Caller(bench, bench.store()), Mirror(bench.store("w"))
    revision = caller.put(ROOT + "t", b"1")
    etcd.members[0].kill()  # its tokens are in memory alone
    etcd.restart(etcd.members[0])
    etcd.wait_until_it_serves()
    revision = caller.put(ROOT + "t", b"2", revision)
    assert isinstance(revision, int), revision
    bench.until(lambda: mirror.revision == revision)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"password": "wrong"}, "does not let the user 'busd' in"),
        ({"user": "nobody"}, "does not let the user 'nobody' in"),
        ({"ca_file": ""}, "its certificate is not trusted"),
        ({"cert_file": "", "key_file": ""}, "it does not take our certificate"),
        ({"user": "", "password": ""}, "user name is empty"),
    ],
)
def test_who_is_not_let_in_hears_why(
    etcd: Etcd, settings: dict[str, str], changed: dict[str, str], sentence: str
) -> None:
    bench = EtcdBench(etcd.urls, **(settings | changed))
    try:
        outcome = Caller(bench, bench.store("x")).get(ROOT + "a")
        assert isinstance(outcome, StoreRefused), outcome
        assert sentence in str(outcome)
    finally:
        bench.close()


def test_a_certificate_with_a_common_name_is_of_no_use_with_passwords(
    etcd: Etcd, settings: dict[str, str], certificates: Certificates, tmp_path: Path
) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificates.sign("/CN=busd", cert, key)
    named = settings | {"cert_file": str(cert), "key_file": str(key)}
    bench = EtcdBench(etcd.urls, **named)
    outcome = Caller(bench, bench.store("x")).get(ROOT + "a")
    bench.close()
    assert isinstance(outcome, StoreRefused), outcome
    assert "busd's certificate must have no CommonName" in str(outcome)


def test_a_certificate_that_is_not_there_is_named(settings: dict[str, str], tmp_path: Path) -> None:
    files = settings | {"ca_file": str(tmp_path / "nope.pem")}
    made = EtcdSettings(etcd_endpoints("https://127.0.0.1:1"), **files)
    with pytest.raises(BadSetting, match="certificates for etcd cannot be used: No such file"):
        made.tls()


def test_the_password_is_never_shown(bench: EtcdBench) -> None:
    assert PASSWORD not in repr(bench.settings)
