"""Which calls go through a proxy, by ``HTTPS_PROXY`` and ``NO_PROXY``, in upper or lower case. No I/O.

As Go reads them, so that the operator goes the way that kubectl and other controllers go in the same environment. What
is asked for over ``http://`` never goes through a proxy: those are services of the cluster. ``HTTP_PROXY`` and
``ALL_PROXY`` are not read.

Source: golang.org/x/net/http/httpproxy, ``Config``.
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

VARIABLES = ("HTTPS_PROXY", "https_proxy")
EXCEPTIONS = ("NO_PROXY", "no_proxy")
PORTS = {"http": 80, "https": 443}


class ProxyError(ValueError):
    """A proxy is written in a way that cannot be used. The message never holds the value: it may have a password."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy to go through.

    ``url`` may hold credentials and is never shown. ``source`` is what names it, for people: a variable, or a file.
    """

    url: str = field(repr=False)
    source: str

    def __str__(self) -> str:
        """For people: "HTTPS_PROXY points to proxy.example.com:3128"."""
        return f"{self.source} points to {host_and_port(self.url)}"


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxy of the environment, and the entries of ``NO_PROXY`` that name what is asked directly."""

    https: Proxy | None = None
    exceptions: tuple[str, ...] = ()

    def for_url(self, url: str, *, loopback: bool = True) -> Proxy | None:
        """The proxy for calls to a URL; None for those that go directly.

        Args:
            loopback: may calls to this very machine go through it too? Go's clients, and so kubectl, never do that.
        """
        parts = _split(url)
        if self.https is None or parts is None or parts.scheme != "https":
            return None
        host = (parts.hostname or "").rstrip(".").lower()
        if not host or (not loopback and _is_loopback(host)):
            return None
        port = parts.port or PORTS["https"]
        return None if any(_covers(entry, host, port) for entry in self.exceptions) else self.https


def read_proxies(environment: Mapping[str, str]) -> Proxies:
    """What the environment says.

    Raises:
        ProxyError: it names a proxy that cannot be used.
    """
    name = next((name for name in VARIABLES if environment.get(name, "").strip()), None)
    entries = next((environment[name] for name in EXCEPTIONS if environment.get(name, "").strip()), "")
    exceptions = tuple(entry.lower() for entry in re.split(r"[,\s]+", entries) if entry)
    return Proxies(parse_proxy(environment[name], name) if name is not None else None, exceptions)


def parse_proxy(text: str, source: str) -> Proxy:
    """A proxy as people write it; ``http://`` may be left out.

    Raises:
        ProxyError: it cannot be used.
    """
    text = text.strip()
    url = text if "://" in text else f"http://{text}"
    parts = _split(url)
    if parts is None or parts.scheme not in PORTS or not parts.hostname:
        raise ProxyError(f"{source} is not a usable proxy. Write http://host:port")
    return Proxy(url, source)


def host_and_port(url: str) -> str:
    """Where a URL leads, for people; without credentials, path and query."""
    parts = _split(url)
    if parts is None or not parts.hostname:
        return "an address that is none"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{host}:{parts.port or PORTS.get(parts.scheme, 443)}"


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        # A port that is none is noticed only when it is asked for.
        _ = parts.port
    except ValueError:
        return None
    return parts


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _covers(entry: str, host: str, port: int) -> bool:
    """Does an entry of ``NO_PROXY`` mean this host?

    An entry is ``*``, an address or a range of addresses, or a domain, which means its subdomains too; one that begins
    with a dot means these alone. All but ranges may have a port behind a colon.
    """
    if entry == "*":
        return True
    address = _address(host)
    if "/" in entry:
        return address is not None and _is_in(address, entry)
    name, only_port = _without_port(entry)
    if only_port is not None and only_port != port:
        return False
    named = _address(name)
    if named is not None or address is not None:
        return named == address
    name = name.removeprefix("*").rstrip(".")
    return host.endswith(name) if name.startswith(".") else host == name or host.endswith(f".{name}")


def _is_in(address: ipaddress.IPv4Address | ipaddress.IPv6Address, text: str) -> bool:
    try:
        return address in ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False


def _without_port(entry: str) -> tuple[str, int | None]:
    """An entry and its port: ``host:port``, ``[::1]:port``; an IPv6 address by itself has colons and no port."""
    found = re.fullmatch(r"\[(?P<six>[^\]]*)\](:(?P<port>\d+))?|(?P<name>[^:]*):(?P<other>\d+)", entry)
    if found is None:
        return entry, None
    port = found["port"] or found["other"]
    return found["six"] or found["name"] or "", int(port) if port else None
