"""What is said of a call that got no answer, and tests/contract cannot bring about with real proxies and servers."""

import ssl

import httpx
import pytest

from box_app_operator.box.silence import TO_CHECK, describe_silence
from box_app_operator.proxies import parse_proxy

HERE, TLS = "no answer from api.box.example:443", "TLS does not come about"
CASES = [
    (None, f"{HERE} (ReadTimeout). {TO_CHECK} (HTTPS_PROXY points to proxy.example:3128)"),
    ({"reason": "WRONG_VERSION_NUMBER"}, f"{HERE}: {TLS} (wrong version number)"),
    ({}, f"{HERE}: {TLS} (error)"),
    ({"verify_message": "it has expired"}, f"{HERE}: {TLS} (the certificate is not accepted: it has expired)"),
]


@pytest.mark.parametrize(("openssl", "said"), CASES)
def test_the_place_and_the_cause_are_named(openssl: dict[str, str] | None, said: str) -> None:
    """Nothing of the query, of a proxy's credentials, or of words from outside; OpenSSL's own are a fixed set."""
    error, via = httpx.ReadTimeout("hidden"), parse_proxy("http://robot:hidden@proxy.example:3128", "HTTPS_PROXY")
    if openssl is not None:
        error.__context__ = (ssl.SSLCertVerificationError if "verify_message" in openssl else ssl.SSLError)("hidden")
        vars(error.__context__).update(openssl)

    assert describe_silence(error, "https://api.box.example/2.0?q=hidden", via) == said
