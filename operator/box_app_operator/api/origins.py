"""CORS origins: which texts are one, what is wrong with the others, and which two are the same.

The schema of BoxCustomApp has the same rule and the same words in CEL, where it refuses a manifest before it is stored.
This is for what an earlier schema let through; a test holds the two against each other.
"""

import re

_LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST = rf"(\*\.)?{_LABEL}(\.{_LABEL})*"
_PORT = "(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?"
_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"

ORIGIN = rf"^https?://{_HOST}{_PORT}$"
"""Box documents names as hosts (box/developer.box.com, security/cors); that it takes no IPv6 address is assumed."""
TOO_LONG = "^https?://[^:/]{254}"
ENDS_IN_NUMBER = r"^https?://([^/]*\.)?(0x[0-9a-f]*|[0-9]+)(:[0-9]*)?$"
"""Browsers take such a host for an IPv4 address. Source: WHATWG URL, host parsing."""
IPV4 = rf"^https?://{_OCTET}(\.{_OCTET}){{3}}(:[0-9]+)?$"
GOOD_PORT = rf"^https?://(\[[^\]]*\]|[^:]*){_PORT}$"

SEVERAL = "has a comma, a semicolon or white space in it: write every origin as an item of its own in the list"
BEYOND_ASCII = (
    "has letters beyond ASCII: write an international name in punycode, as browsers send it, for example "
    "'https://xn--bcher-kva.example' for 'https://bücher.example'; mind letters that only look like others"
)
NO_SCHEME = "does not begin with http:// or https://: write a full origin, for example 'https://app.example.com'"
USER_INFO = "has user info: write scheme, host and port only, for example 'https://app.example.com'"
PATH = "has a path, query or trailing slash: write '"
BAD_PORT = "has no valid port: write 'https://host' or 'https://host:8443', with a port from 1 to 65535"
BAD_IPV6 = "has an IPv6 address as its host, which Box does not take: write a name, for example 'http://localhost:3000'"
BAD_IPV4 = (
    "has a host that ends in a number and is no IPv4 address: write all four numbers, for example "
    "'http://127.0.0.1:8080'"
)
BAD_HOST = "has no valid host: write 'https://host', 'https://*.host' or 'https://host:8443'"


def origin_problem(origin: str) -> str | None:
    """What is wrong with a CORS origin, and what to write instead; None for a good one."""
    text = _lower_ascii(origin)
    return None if _is_origin(text) else f"CORS origin '{origin}' {_hint(origin, text)}"


def _is_origin(text: str) -> bool:
    return (
        _matches(ORIGIN, text)
        and not _matches(TOO_LONG, text)
        and (not _matches(ENDS_IN_NUMBER, text) or _matches(IPV4, text))
    )


def _hint(origin: str, text: str) -> str:
    """The first that applies; ``text`` is the origin in lower case."""
    start = re.match("[^/]*//[^/?#]*", origin)
    hints = [
        (_matches("[ \t\n\r\f,;]", origin), SEVERAL),
        (not _matches("^[!-~]*$", origin), BEYOND_ASCII),
        (not _matches("^https?://", text), NO_SCHEME),
        ("@" in origin, USER_INFO),
        (not _matches("^https?://[^/?#]*$", text), f"{PATH}{start.group() if start else ''}'"),
        (not _matches(GOOD_PORT, text), BAD_PORT),
        (_matches(r"^https?://\[", text), BAD_IPV6),
        (_matches(ENDS_IN_NUMBER, text), BAD_IPV4),
    ]
    return next((hint for applies, hint in hints if applies), BAD_HOST)


def _matches(pattern: str, text: str) -> bool:
    """As RE2 does it: ``$`` is the very end."""
    return re.search(pattern.replace("$", r"\Z"), text) is not None


def _lower_ascii(text: str) -> str:
    """Letters beyond ASCII stay: the Kelvin sign is no k."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


def normal_form(origin: str) -> str:
    """An origin as browsers send it. Source: RFC 6454, section 6.2."""
    origin = _lower_ascii(origin)
    port = ":80" if origin.startswith("http://") else ":443"
    return origin.removesuffix(port)


def same_origins(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Do two lists name the same origins? Order, upper or lower case and a scheme's own port do not count."""
    return {normal_form(origin) for origin in one} == {normal_form(origin) for origin in other}
