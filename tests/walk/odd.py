"""Texts that are hardly ever meant, and that somebody writes all the same. Every text field is given all of them.

What would leave this machine is not among them: hosts are of loopback or end in ``.invalid``.
"""

ODD: dict[str, tuple[str, ...]] = {
    "spaces": ("", " ", " a", "a ", "a b", "a\u00a0b"),
    "case": ("A", "Upper-Lower", "\u0130"),
    "punctuation": (
        *(".", "..", "..data", "-", "_", "a..b", "a.", ".a", "-a", "a-", "a_b", "a,b", "a=b", "a:b", "'", '"'),
    ),
    "quoting": ("\\", "%", "%2e", "${HOME}", "{{ a }}", "<a>", "{}", "true", "null", "*", "~"),
    "keys": ("a/b", "/a", "a/", "a/b/c", "example.com/team", "boxapps.dev/a", "kubernetes.io/a", "bad key"),
    "control": ("a\tb", "a\nb", "a\r\nb", "a\x00b", "a\x1bb", "a\x7fb", "a\u0085b", "a\u2028b"),
    "invisible": ("a\u202eb", "\u2066a", "a\u200bb", "\ufeffa", "a\u00adb"),
    "unicode": ("\u00e9", "e\u0301", "\uff41", "\u0440\u0430", "\U0001f600", "\u65e5\u672c"),
    "numbers": ("0", "-1", "00012", "1e3", "1.5", "9" * 20, "18446744073709551616"),
    "durations": (
        *("0s", "0ms", "1ms", "999ms", "1s", "1001ms", "10s", "59s", "1m60s", "90m", "1ms1d", "1s1s1s", "00m", "24h"),
        *("999999999d", "1000000000d", "9" * 40 + "d", "9" * 40 + "ms", "1D", "-1h", "1h 30m", "1w"),
    ),
    "urls": (
        *("http://127.0.0.1:9", "http://127.0.0.1:9/", "HTTP://127.0.0.1:9", "http://127.0.0.1:9/a/../b", "http://"),
        *("http://127.0.0.1:0", "http://127.0.0.1:65536", "http://127.0.0.1:" + "9" * 20, "http://127.0.0.1:-1"),
        *("http://[::1]:9", "http://[::1", "http://[::g]:9", "http://[::ffff:127.0.0.1]:9", "http://127.0.0.1:"),
        *("http://a..invalid", "http://-a.invalid", "http://" + "a" * 64 + ".invalid", "http://a@127.0.0.1:9"),
        *("http://127.0.0.1:9/%", "http://127.0.0.1:9/\u202e", "http://\u202ea.invalid", "http://a\x00b.invalid"),
        *("http://127.0.0.1:9/?a=b", "http://127.0.0.1:9/#a", "ftp://127.0.0.1:9", "//127.0.0.1:9", "http:/a"),
    ),
    "origins": (
        *("https://a.invalid", "https://A.invalid", "https://a.invalid:443", "http://a.invalid:80"),
        *("https://a.invalid:0443", "https://*.a.invalid", "https://*.invalid", "https://*", "https://a.*.invalid"),
        *("https://a.invalid.", "https://a_b.invalid", "https://[::1]", "https://[::1]:8443", "https://[::g]"),
        *("https://[:::]", "https://[.]", "https://127.0.0.1", "https://127.0.0.1.5", "https://0x7f.1"),
        *("https://a.invalid:65536", "https://a.invalid:0", "https://a.invalid,https://b.invalid"),
        *("https://a.invalid https://b.invalid", "https://b\u00fccher.invalid", "https://xn--bcher-kva.invalid"),
        *("https://\u0430.invalid", "https://a.invalid:99999", "https://a.invalid/"),
        *("https://" + "a" * 64 + ".invalid", "https://" + ".".join(["a" * 60] * 4) + ".invalid"),
        "chrome-extension://a",
    ),
    "places": (
        *("https://api.box.com/2.0/files/1", "https://api.box.com/2.0/folders/0", "https://api.box.com/2.0/files/"),
        *("https://api.box.com/2.0/files/a", "https://api.box.com/2.0/folders/1/items", "files/1", "1"),
        *("https://a.invalid/2.0/files/1", "https://app.box.com/file/1", "https://app.box.com/folder/0"),
    ),
}
"""By what is odd about them."""
