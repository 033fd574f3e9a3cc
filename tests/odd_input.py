"""What people write into a spec, and what is said about it: one table for the schema's rules and for the operator's.

``tests/unit/api/test_odd_input.py`` holds the operator's code and the imitation's CEL to it; the test of the same name
in ``tests/e2e`` holds the real API server to it.
"""

from typing import Any

from box_app_operator.api import origins

Json = dict[str, Any]

LONG_HOST = ".".join(["a" * 60] * 4)

ORIGINS: dict[str, str | None] = {
    # Good ones
    "https://app.acme.com": None,
    "HTTPS://App2.Acme.COM": None,
    "https://*.internal.acme.com:8443": None,
    "http://localhost:3000": None,
    "https://a": None,
    "https://h:1": None,
    "https://h:65535": None,
    "https://xn--bcher-kva.example": None,
    "https://xn--mnchen-3ya.example:8443": None,
    "http://127.0.0.1:8080": None,
    "https://1.2.3.4": None,
    "https://4.example": None,
    "https://h:80": None,
    "http://h:443": None,
    f"https://{LONG_HOST}.example": None,
    # Lists, as Box's Developer Console has them in its field
    "https://a.example.com,https://b.example.com": origins.SEVERAL,
    "https://a.example.com, https://b.example.com": origins.SEVERAL,
    "https://a.example.com https://b.example.com": origins.SEVERAL,
    "https://a.example.com;https://b.example.com": origins.SEVERAL,
    "https://a.example.com\t": origins.SEVERAL,
    " https://a.example.com": origins.SEVERAL,
    # International names, and letters that only look like others
    "https://münchen.example": origins.BEYOND_ASCII,
    "https://例え.example": origins.BEYOND_ASCII,
    "https://\u212aelvin.example": origins.BEYOND_ASCII,
    "https://\u017fmall.example": origins.BEYOND_ASCII,
    "https://p\u0430ypal.example": origins.BEYOND_ASCII,
    "\u202ehttps://a.example": origins.BEYOND_ASCII,
    # No full origin
    "": origins.NO_SCHEME,
    "*": origins.NO_SCHEME,
    "null": origins.NO_SCHEME,
    "app.acme.com": origins.NO_SCHEME,
    "ftp://app.acme.com": origins.NO_SCHEME,
    "//app.acme.com": origins.NO_SCHEME,
    "https:app.acme.com": origins.NO_SCHEME,
    "https://me@app.acme.com": origins.USER_INFO,
    "https://me:secret@app.acme.com": origins.USER_INFO,
    "https://app.acme.com/": f"{origins.PATH}https://app.acme.com'",
    "https://app.acme.com:8443/a/b": f"{origins.PATH}https://app.acme.com:8443'",
    "HTTPS://App.acme.com?x=1": f"{origins.PATH}HTTPS://App.acme.com'",
    "https://app.acme.com#top": f"{origins.PATH}https://app.acme.com'",
    # Ports
    "https://app.acme.com:": origins.BAD_PORT,
    "https://app.acme.com:0": origins.BAD_PORT,
    "https://app.acme.com:080": origins.BAD_PORT,
    "https://app.acme.com:65536": origins.BAD_PORT,
    "https://app.acme.com:99999": origins.BAD_PORT,
    "https://app.acme.com:port": origins.BAD_PORT,
    "https://app.acme.com:80:81": origins.BAD_PORT,
    "http://[::1]:70000": origins.BAD_PORT,
    "http://[::1": origins.BAD_PORT,
    "http://::1": origins.BAD_PORT,
    # IPv6
    "http://[::1]": origins.BAD_IPV6,
    "http://[::1]:3000": origins.BAD_IPV6,
    "https://[2001:DB8::1]": origins.BAD_IPV6,
    "http://[fe80::1%25eth0]": origins.BAD_IPV6,
    "http://[]": origins.BAD_IPV6,
    "http://*.[::1]": origins.BAD_PORT,
    # What browsers take for IPv4
    "http://1.2.3": origins.BAD_IPV4,
    "http://127.1": origins.BAD_IPV4,
    "http://256.1.1.1": origins.BAD_IPV4,
    "http://01.2.3.4": origins.BAD_IPV4,
    "http://0x7f.0.0.1": origins.BAD_IPV4,
    "http://example.0x1": origins.BAD_IPV4,
    "http://2130706433": origins.BAD_IPV4,
    "http://*.1.2.3.4": origins.BAD_IPV4,
    # Hosts
    "https://": origins.BAD_HOST,
    "https://app.*.acme.com": origins.BAD_HOST,
    "https://*acme.com": origins.BAD_HOST,
    "https://*": origins.BAD_HOST,
    "https://-app.acme.com": origins.BAD_HOST,
    "https://app_1.acme.com": origins.BAD_HOST,
    "https://app.acme.com.": origins.BAD_HOST,
    "https://app..acme.com": origins.BAD_HOST,
    f"https://{'a' * 64}.example": origins.BAD_HOST,
    f"https://{LONG_HOST}.example.com": origins.BAD_HOST,
}
"""An origin, and what is said about it; None for nothing."""

SAME: list[tuple[str, str, bool]] = [
    ("https://a.acme.com", "https://a.acme.com", True),
    ("https://a.acme.com", "HTTPS://A.acme.COM", True),
    ("https://h", "https://h:443", True),
    ("http://h", "http://h:80", True),
    ("http://H:80", "HTTP://h", True),
    ("https://*.h.example", "https://*.H.example:443", True),
    ("https://h", "http://h", False),
    ("https://h", "https://h:80", False),
    ("http://h", "http://h:443", False),
    ("https://h:8443", "https://h:443", False),
    ("https://h4", "https://h4:4430", False),
]
"""Two origins, and whether they are one."""

EVERY, BEFORE, OVERLAP = "every must be longer than", "renewBefore must be longer than zero", "overlap must end before"
SPANS: list[tuple[Json, str | None]] = [
    ({"rotation": {}}, None),
    ({"rotation": {"every": "90m"}}, None),
    ({"rotation": {"every": "1h"}}, EVERY),
    ({"rotation": {"every": "30m"}}, EVERY),
    ({"rotation": {"every": "59s999ms", "overlap": "0s"}}, EVERY),
    ({"rotation": {"every": "1001ms", "overlap": "0s"}}, EVERY),
    ({"rotation": {"every": "60000ms", "overlap": "0s"}}, None),
    ({"rotation": {"every": "1m", "overlap": "1m"}}, EVERY),
    ({"rotation": {"every": "1h1ms"}}, None),
    ({"expiry": "Never", "rotation": {"every": "0s"}}, EVERY),
    ({"rotation": {"renewBefore": "0s"}}, BEFORE),
    ({"rotation": {"renewBefore": "60d"}}, BEFORE),
    ({"rotation": {"renewBefore": "59d23h59m59s999ms", "overlap": "0s"}}, BEFORE),
    ({"rotation": {"renewBefore": "59d23h59m59s998ms", "overlap": "1ms"}}, BEFORE),
    ({"rotation": {"renewBefore": "59d23h59m1ms", "overlap": "0s"}}, BEFORE),
    ({"rotation": {"renewBefore": "59d23h59m", "overlap": "0s"}}, None),
    ({"expiry": "30d", "rotation": {"renewBefore": "40d"}}, BEFORE),
    ({"expiry": "30d", "rotation": {"renewBefore": "29d23h59m1s", "overlap": "0s"}}, BEFORE),
    ({"expiry": "30d", "rotation": {"renewBefore": "29d23h"}}, OVERLAP),
    ({"expiry": "30d", "rotation": {"renewBefore": "29d22h"}}, None),
    ({"rotation": {"overlap": "50d"}}, OVERLAP),
    ({"rotation": {"overlap": "49d23h"}}, None),
    ({"expiry": "30d", "rotation": {"overlap": "25d"}}, OVERLAP),
    ({"rotation": {"overlap": "999999999d"}}, OVERLAP),
    ({"rotation": {"overlap": "30d", "renewBefore": "30d"}}, OVERLAP),
    ({"expiry": "Never", "rotation": {"renewBefore": "90d", "overlap": "50d"}}, None),
    ({"expiry": "Never", "rotation": {"retireDeadline": "999999999d"}}, None),
    ({"rotation": {"every": "2h", "renewBefore": "58d"}}, None),
]
"""``spec.tokens``, and what is said about its spans; None for nothing."""

NAME, KEY, URL = "for example", "a key of a Secret", "with a port from 1 to 65535"


def _secret(**fields: Any) -> Json:
    return {"tokens": {"secret": fields}}


OBJECT_KEY, OWN = "in a Secret is not", "operator's own"
APPS: list[tuple[Json, str]] = [
    ({"displayName": None}, "spec.displayName"),
    ({"displayName": "x" * 201}, "spec.displayName: Too long"),
    *(({"displayName": name}, 'for example "Acme Invoice Viewer"') for name in ("", " ", "\t", " Acme", "Acme ")),
    ({"clientID": "short"}, "Box's Developer Console shows"),
    ({"clientID": "not a client id"}, "Box's Developer Console shows"),
    ({"authentication": "ClientCredentials"}, "clientCredentials goes with"),
    ({"enterpriseRef": {}}, "spec.enterpriseRef.name: Required value"),
    ({"suspend": "yes"}, "must be of type boolean"),
    ({"deletionPolicy": "Keep"}, '"Retain", "RevokeTokens", "Delete"'),
    ({"tokens": {"expiry": "90d"}}, '"30d", "60d", "Never"'),
    ({"tokens": {"rotation": {"overlap": "1 hour"}}}, '"10d" or "1h30m"'),
    (_secret(name="Upper"), "invoice-viewer-box"),
    (_secret(labels={"bad key": "x"}), "the key of a label"),
    (_secret(labels={f"{'a' * 254}/b": "x"}), "the key of a label"),
    (_secret(labels={"team": "-a"}), "the value of a label"),
    (_secret(labels={"boxapps.dev/app": "x"}), OWN),
    (_secret(annotations={"boxapps.dev/x": "x"}), OWN),
    (_secret(annotations={"": "x"}), 'for example "acme.com/note"'),
    (_secret(keys={"token": "BOX_CLIENT_ID"}), "four different names"),
    (_secret(keys={"token": "a b"}), "should match"),
    (_secret(keys={"token": "..data"}), OBJECT_KEY),
    (_secret(keys={"slot": "."}), OBJECT_KEY),
    ({"downscopedTokens": [{"secretName": "a.-b", "scopes": ["item_download"]}]}, "invoice-viewer-preview"),
    ({"displayName": "a\u202eb"}, "invisible mark for the direction of writing"),
    ({"displayName": "a\nb"}, "a line break"),
    ({"displayName": "a\u0000b"}, "a control character"),
    ({"displayName": "a\u2066b\u2069"}, "type the name instead of pasting it"),
    ({"displayName": "a\ufeffb"}, "type the name instead of pasting it"),
    ({"enterpriseRef": {"name": "Acme Corp"}}, 'for example "invoice-viewer"'),
    ({"enterpriseRef": {"name": "a..b"}}, 'for example "invoice-viewer"'),
    ({"clientSecretRef": {"name": "a.-b", "key": "k"}}, 'for example "invoice-viewer"'),
    ({"clientSecretRef": {"name": "a", "key": "client secret"}}, KEY),
    ({"clientSecretRef": {"name": "a", "key": "..data"}}, KEY),
    ({"clientSecretRef": {"name": "a", "key": "."}}, KEY),
    (_secret(name="a..b"), "invoice-viewer-box"),
    ({"tokens": {"importFrom": {"name": "-a"}}}, 'for example "invoice-viewer"'),
    ({"tokens": {"rotation": {"overlap": "1000000000ms"}}}, "at most nine digits"),
    ({"tokens": {"rotation": {"overlap": "1.5h"}}}, 'for example "10d" or "1h30m"'),
    ({"downscopedTokens": [{"secretName": "s", "scopes": ["item_preview item_download"]}]}, "an item of its own"),
    ({"downscopedTokens": [{"secretName": "s", "scopes": ["item_preview,item_download"]}]}, "an item of its own"),
    ({"downscopedTokens": [{"secretName": "s", "scopes": [""]}]}, 'for example "item_preview"'),
    ({"downscopedTokens": [{"secretName": "s", "scopes": ["ITEM"]}]}, 'for example "item_preview"'),
    (
        {"downscopedTokens": [{"secretName": "s", "scopes": ["a"], "resource": "https://app.box.com/folder/12"}]},
        "not its page in the web app",
    ),
    ({"downscopedTokens": [{"secretName": "s", "scopes": ["a"], "resource": "12"}]}, "and its number"),
    (
        {"downscopedTokens": [{"secretName": "s", "scopes": ["a"], "resource": "https://api.box.com/2.0/folders/1\n"}]},
        "and its number",
    ),
]
"""A spec of a BoxCustomApp that is refused, and a part of the message."""
GOOD_APPS: list[Json] = [
    *({"displayName": name} for name in ("A", "Acme Invoice Viewer", "x" * 200)),
    {"displayName": "Büro & Söhne, Öffentlich", "enterpriseRef": {"name": "acme.corp-1"}},
    {"displayName": "アクメ 請求書 👩\u200d💻", "clientSecretRef": {"name": "a.b", "key": "client_secret.v1"}},
    {
        "downscopedTokens": [
            {"secretName": "s", "scopes": ["item_preview", "ai.readwrite"]},
            {"secretName": "t", "scopes": ["base_upload"], "resource": "https://api.box.com/2.0/files/123456"},
            {"secretName": "u", "scopes": ["base_upload"], "resource": "http://127.0.0.1:8080/2.0/folders/0"},
        ]
    },
]

ASSISTED: Json = {"mode": "Assisted"}
REF = {"namespace": "box", "name": "c", "key": "token"}
CONSOLE: Json = {"mode": "Automated", "url": "https://console.example.com", "credentialsSecretRef": REF}


def _platform(url: str) -> Json:
    return {"console": ASSISTED, "platform": {"url": url}}


def _selector(**selector: Any) -> Json:
    return {"console": ASSISTED, "allowedNamespaces": {"from": "Selector", "selector": selector}}


def _expression(**expression: Any) -> Json:
    return _selector(matchExpressions=[expression])


def _adoption(times: int = 1, **change: Any) -> Json:
    """An enterprise that allows an app to be adopted, so many times."""
    entry = {"clientID": "ly1nj6n11vionaie65emwzk575hnnmrk", "namespace": "billing", "name": "viewer"}
    return {"console": CONSOLE, "adoption": [{**entry, **change}] * times}


SELECTOR, REQUIRED = "allowedNamespaces.selector goes with", "Required value"
LABEL_KEY, LABEL_VALUE, NEED_VALUES = "a label key is", "a label value has", "In and NotIn need values"
ENTERPRISES: list[tuple[Json, str]] = [
    ({}, f"spec.console: {REQUIRED}"),
    ({"console": {"mode": "Manual"}}, '"Automated", "Assisted"'),
    ({"console": {"mode": "Automated", "credentialsSecretRef": REF}}, "needs console.url"),
    ({"console": {"mode": "Automated", "url": "https://x"}}, "needs console.credentialsSecretRef"),
    ({"console": {"mode": "Assisted", "url": "https://x"}}, "remove console.url"),
    ({"console": {**CONSOLE, "url": "console.example.com"}}, "without user info"),
    ({"console": {**CONSOLE, "url": "https://me@console"}}, "without user info"),
    ({"console": ASSISTED, "enterpriseID": "acme"}, "decimal id"),
    ({"console": ASSISTED, "resyncInterval": "often"}, '"10m" or "1h30m"'),
    ({"console": ASSISTED, "allowedNamespaces": {"from": "Selector"}}, SELECTOR),
    ({"console": ASSISTED, "allowedNamespaces": {"from": "All", "selector": {}}}, SELECTOR),
    ({"console": ASSISTED, "rateLimit": {"requestsPerMinute": 0}}, "greater than or equal to 1"),
    (_adoption(clientID="short"), "Developer Console"),
    (_adoption(namespace="Billing"), 'for example "billing"'),
    (_adoption(namespace="a.b"), 'for example "billing"'),
    (_adoption(name="Viewer"), '"invoice-viewer"'),
    (_adoption(name=""), '"invoice-viewer"'),
    (_adoption(name="x" * 64), "63"),
    (_adoption(allowDelete="yes"), "boolean"),
    (_adoption(times=257), "256"),
    ({"console": CONSOLE, "adoption": [{"clientID": "c" * 32}]}, f"namespace: {REQUIRED}"),
    ({"console": CONSOLE, "adoption": [{"namespace": "billing"}]}, "name the app by clientID"),
    (_platform("https://h:99999"), URL),
    (_platform("https://h:0"), URL),
    (_platform("https://[::1"), URL),
    (_platform("https://[1::2::3]"), URL),
    (_platform("https://ü.example"), URL),
    (_platform("https://a..b"), URL),
    (_platform("https://h/%zz"), URL),
    (_platform("https://h/a b"), URL),
    (_platform("https://h/\u202e"), URL),
    (_platform("https://me@h"), URL),
    (_platform("https://h?x"), URL),
    (_platform("h"), URL),
    ({"console": {**CONSOLE, "url": "https://console:65536"}}, URL),
    ({"console": {**CONSOLE, "credentialsSecretRef": {**REF, "namespace": "a.b"}}}, 'for example "billing"'),
    ({"console": {**CONSOLE, "credentialsSecretRef": {**REF, "name": "a..b"}}}, 'for example "invoice-viewer"'),
    ({"console": {**CONSOLE, "credentialsSecretRef": {**REF, "key": "a b"}}}, KEY),
    ({"console": ASSISTED, "platform": {"caSecretRef": {**REF, "key": ".."}}}, KEY),
    ({"console": ASSISTED, "resyncInterval": "1000000000d"}, "at most nine digits"),
    (_selector(matchLabels={"team a": "x"}), LABEL_KEY),
    (_selector(matchLabels={"a/b/c": "x"}), LABEL_KEY),
    (_selector(matchLabels={"x" * 64: "x"}), LABEL_KEY),
    (_selector(matchLabels={"team": "a b"}), LABEL_VALUE),
    (_selector(matchLabels={"team": "-a"}), LABEL_VALUE),
    (_expression(key="team a", operator="Exists"), LABEL_KEY),
    (_expression(key="team", operator="In", values=["a b"]), LABEL_VALUE),
    (_expression(key="team", operator="In"), NEED_VALUES),
    (_expression(key="team", operator="NotIn", values=[]), NEED_VALUES),
    (_expression(key="team", operator="Exists", values=["a"]), NEED_VALUES),
]
"""A spec of a BoxEnterprise that is refused, and a part of the message."""
GOOD_ENTERPRISES: list[Json] = [
    {"console": CONSOLE},
    _adoption(allowDelete=True),
    _adoption(clientID="C" * 16, times=256),
    _platform("https://api.box.com"),
    _platform("http://box.sandbox.svc.cluster.local:8080/api/v1/"),
    _platform("https://[2001:db8:0:0::1]:8443/a%2Fb"),
    _platform("https://box_dev.example.com."),
    {"console": ASSISTED, "resyncInterval": "999999999d"},
    _selector(),
    _selector(matchLabels={"example.com/team": "", "team": "A_b.c-1"}),
    _expression(key="team", operator="NotIn", values=["a", ""]),
    _expression(key="team", operator="DoesNotExist"),
]
