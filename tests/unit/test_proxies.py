"""HTTPS_PROXY and NO_PROXY are read as Go reads them, and never shown with their credentials."""

import pytest

from box_app_operator.config import SettingsError, read_settings
from box_app_operator.proxies import ProxyError, host_and_port, parse_proxy, read_proxies

SECRET = "hunter2"
PROXY = f"http://robot:{SECRET}@proxy.example.com:3128"
BOX = "https://api.box.com"


@pytest.mark.parametrize(
    ("no_proxy", "url", "direct"),
    [
        ("", BOX, False),
        ("*", BOX, True),
        ("example.com, *", BOX, True),
        ("127.0.0.0/8", "https://127.0.0.1:6443", True),
        ("127.0.0.0/8,.svc", "https://10.0.0.1", False),
        ("10.96.0.0/12", "https://10.96.0.1:443", True),
        ("10.96.0.1/12", "https://10.97.0.1:443", True),
        ("10.0.0.0/33", "https://10.0.0.1", False),
        ("10.0.0.0/8", "https://ten.example.com", False),
        ("10.0.0.1", "https://10.0.0.1:6443", True),
        ("10.0.0.1", "https://10.0.0.10:6443", False),
        ("10.0.0.1:6443", "https://10.0.0.1:6443", True),
        ("10.0.0.1:443", "https://10.0.0.1:6443", False),
        ("::1", "https://[::1]:6443", True),
        ("[::1]:6443", "https://[::1]:6443", True),
        ("[0:0:0:0:0:0:0:1]", "https://[::1]:6443", True),
        ("[::1]:443", "https://[::1]:6443", False),
        ("fd00::/8", "https://[fd00::1]", True),
        ("fd00::/8", "https://10.0.0.1", False),
        ("box.com", BOX, True),
        ("BOX.com", "https://API.Box.COM", True),
        ("box.com", "https://box.com", True),
        ("box.com", "https://mybox.com", False),
        (".box.com", BOX, True),
        (".box.com", "https://box.com", False),
        ("*.box.com", BOX, True),
        ("box.com.", "https://api.box.com.", True),
        ("api.box.com:443", BOX, True),
        ("api.box.com:8443", BOX, False),
        ("localhost 127.0.0.0/8  api.box.com", BOX, True),
        (",,", BOX, False),
        ("com", BOX, True),
    ],
)
@pytest.mark.parametrize("lower", [False, True])
def test_who_is_asked_directly(no_proxy: str, url: str, direct: bool, lower: bool) -> None:
    """Names, addresses, ranges and ports, in variables of either case."""
    names = ("https_proxy", "no_proxy") if lower else ("HTTPS_PROXY", "NO_PROXY")
    proxies = read_proxies(dict(zip(names, (PROXY, no_proxy), strict=True)))

    assert (proxies.for_url(url) is None) == direct


@pytest.mark.parametrize(
    "url", ["http://api.box.com", "http://console.svc:8099", "ftp://x", "https://", "https://[", ""]
)
def test_only_https_goes_through_a_proxy(url: str) -> None:
    """Whatever else is written in a spec."""
    environment = {"HTTPS_PROXY": PROXY, "HTTP_PROXY": PROXY, "http_proxy": PROXY, "ALL_PROXY": PROXY}

    assert read_proxies(environment).for_url(url) is None


@pytest.mark.parametrize("url", ["https://localhost:6443", "https://127.0.0.1", "https://127.9.9.9", "https://[::1]"])
def test_this_very_machine_is_asked_directly_where_that_is_wanted(url: str) -> None:
    """As kubectl does it."""
    proxies = read_proxies({"HTTPS_PROXY": PROXY})

    assert proxies.for_url(url, loopback=False) is None
    assert proxies.for_url(url) is not None


@pytest.mark.parametrize(
    ("environment", "source"),
    [
        ({"HTTPS_PROXY": "http://one:1", "https_proxy": "http://two:2"}, "HTTPS_PROXY points to one:1"),
        ({"HTTPS_PROXY": " ", "https_proxy": "two:2"}, "https_proxy points to two:2"),
        ({"HTTPS_PROXY": "https://one"}, "HTTPS_PROXY points to one:443"),
        ({"HTTPS_PROXY": PROXY}, "HTTPS_PROXY points to proxy.example.com:3128"),
    ],
)
def test_the_proxy_is_named_by_its_variable(environment: dict[str, str], source: str) -> None:
    """Upper case counts first, empty is none, and nobody sees the password."""
    proxy = read_proxies(environment).for_url(BOX)

    assert str(proxy) == source
    assert SECRET not in repr(proxy)
    assert read_proxies({"NO_PROXY": "*", "HTTP_PROXY": PROXY}).for_url(BOX) is None


@pytest.mark.parametrize(
    "value", ["socks5://proxy:1080", f"ftp://{SECRET}@x", f"http://{SECRET}@proxy:port", "http://", "http://[", "://"]
)
def test_a_proxy_that_cannot_be_used_is_named_before_anything_starts(value: str) -> None:
    """With what to write, and without what stands there."""
    with pytest.raises(ProxyError, match=r"Write http://host:port") as caught:
        parse_proxy(value, "HTTPS_PROXY")
    assert SECRET not in str(caught.value)

    with pytest.raises(SettingsError) as wrong:
        read_settings({}, {"HTTPS_PROXY": value})
    assert wrong.value.problems == [str(caught.value)]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (BOX, "api.box.com:443"),
        ("http://console.svc/base?key=secret", "console.svc:80"),
        (f"https://robot:{SECRET}@api.box.com:8443", "api.box.com:8443"),
        ("https://[fd00::1]:6443", "[fd00::1]:6443"),
        ("http://box:99999", "an address that is none"),
    ],
)
def test_where_a_url_leads_is_said_without_secrets(url: str, shown: str) -> None:
    """Host and port."""
    assert host_and_port(url) == shown
