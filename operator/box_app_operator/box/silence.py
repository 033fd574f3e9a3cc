"""What is said of a call to Box that got no answer: where it led, and what may be in between. No I/O.

Never a query string, a header, the credentials of a proxy, or words that came from outside.
"""

import re
import ssl

import httpx

from box_app_operator.proxies import Proxy, host_and_port

TO_CHECK = "Check DNS, the NetworkPolicy of the operator's pods, and the proxy"


def describe_silence(error: Exception, base_url: str, via: Proxy | None) -> str:
    """Why no answer came, with what to look at; the same for the same trouble.

    Args:
        error: what the HTTP client raised.
        base_url: where the call should have gone.
        via: the proxy on the way.
    """
    where = host_and_port(base_url)
    if isinstance(error, httpx.ProxyError):
        return f"no answer from {where}. {via}, which does not connect to it{_status_in(error)}"
    tls = _tls_error_behind(error)
    if tls is not None:
        return f"no answer from {where}: TLS does not come about ({tls})"
    if via is not None and isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return f"no answer from {where}. {via}, which does not answer"
    way = str(via) if via is not None else "none is used"
    return f"no answer from {where} ({type(error).__name__}). {TO_CHECK} ({way})"


def _status_in(error: httpx.ProxyError) -> str:
    """The status with which a proxy refused. httpx tells it as the beginning of its message."""
    found = re.match(r"[1-5]\d\d\b", str(error))
    return f" ({found[0]})" if found is not None else ""


def _tls_error_behind(error: BaseException | None) -> str | None:
    """In OpenSSL's own words, which are a fixed set."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"the certificate is not accepted: {error.verify_message}"
        if isinstance(error, ssl.SSLError):
            # Only OpenSSL itself gives a reason, not Python.
            return (getattr(error, "reason", None) or "error").replace("_", " ").lower()
        error = error.__cause__ or error.__context__
    return None
