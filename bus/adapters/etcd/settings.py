"""Where an etcd is and how it is spoken to: addresses, certificates, user and password."""

import ssl
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from bus.errors import BadSetting
from bus.model.limits import ETCD_ENDPOINTS_MAX

PORT = 2379
PASSWORD_BYTES_MAX = 4096


@dataclass(frozen=True, slots=True)
class EtcdSettings:
    """Raises BadSetting if it contradicts itself."""

    endpoints: tuple["EtcdEndpoint", ...]
    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: str = ""  # who must have signed the members' certificates; "": whom the system trusts
    cert_file: str = ""  # what we show of ourselves
    key_file: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        secure = {endpoint.is_secure for endpoint in self.endpoints}
        if len(secure) > 1:
            raise BadSetting("The addresses of etcd must be all https:// or all http://.")
        if bool(self.user) != bool(self.password):
            raise BadSetting("A user of etcd needs a password, and a password needs a user.")
        if bool(self.cert_file) != bool(self.key_file):
            raise BadSetting("A certificate for etcd needs its key, and the key its certificate.")
        if (self.ca_file or self.cert_file) and secure == {False}:
            raise BadSetting("Certificates are of no use with http:// addresses of etcd.")

    def tls(self) -> ssl.SSLContext | None:
        """None for http. Raises BadSetting if a file cannot be used."""
        if not self.endpoints[0].is_secure:
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca_file or None)
            if self.cert_file:
                context.load_cert_chain(self.cert_file, self.key_file)
        except OSError as error:
            raise BadSetting(
                f"The certificates for etcd cannot be used: {error.strerror or error}."
            ) from None
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


@dataclass(frozen=True, slots=True)
class EtcdEndpoint:
    """One member's address for clients."""

    host: str
    port: int
    is_secure: bool

    @property
    def url(self) -> str:
        """As people write it."""
        return f"http{'s' if self.is_secure else ''}://{self.authority}"

    @property
    def authority(self) -> str:
        """As HTTP's Host has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def etcd_endpoints(text: str) -> tuple[EtcdEndpoint, ...]:
    """Of URLs with commas between. Raises BadSetting."""
    urls = [url.strip() for url in text.split(",")]
    if len(urls) > ETCD_ENDPOINTS_MAX:
        raise BadSetting(f"At most {ETCD_ENDPOINTS_MAX} addresses of etcd may be named.")
    return tuple(dict.fromkeys(_endpoint(url) for url in urls))


def _endpoint(url: str) -> EtcdEndpoint:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    else:
        is_bare = not (parts.path.strip("/") or parts.query or parts.fragment or parts.username)
        if parts.scheme in {"http", "https"} and host and is_bare and url.isascii():
            return EtcdEndpoint(host, PORT if port is None else port, parts.scheme == "https")
    raise BadSetting(f"{url!r} is not an address of etcd; it looks like http://host:{PORT}.")


def first_line(path: str) -> str:
    """Of the file with a password; "" if none is named. Raises BadSetting."""
    if not path:
        return ""
    try:
        with open(path, "rb") as file:
            line = file.read(PASSWORD_BYTES_MAX).split(b"\n")[0]
    except OSError as wrong:
        why = wrong.strerror
        raise BadSetting(f"The password of etcd in {path} cannot be read: {why}.") from None
    return line.rstrip(b"\r").decode(errors="surrogateescape")
