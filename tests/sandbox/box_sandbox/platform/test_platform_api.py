"""What the sandbox's public API refuses, and whom it lets in from a browser."""

from datetime import timedelta

import pytest
from tests.sandbox.world import APPS, Box, ManualClock

from box_sandbox.platform.content import allows

DOMAINS = ["https://app.acme.com", "https://*.int.acme.com", "http://localhost:3000"]


@pytest.mark.parametrize(
    ("domains", "origin", "allowed"),
    [
        (DOMAINS, "https://app.acme.com", True),
        (DOMAINS, "HTTPS://APP.acme.com", True),
        (DOMAINS, "http://app.acme.com", False),
        (DOMAINS, "https://app.acme.com:8443", False),
        (DOMAINS, "https://a.int.acme.com", True),
        (DOMAINS, "https://a.b.int.acme.com", True),
        (DOMAINS, "https://int.acme.com", False),
        (DOMAINS, "https://evil.com/.int.acme.com", False),
        (DOMAINS, "https://evilint.acme.com", False),
        (DOMAINS, "http://localhost:3000", True),
        (DOMAINS, "http://localhost", False),
        (DOMAINS, "null", False),
        ([], "https://app.acme.com", False),
        (DOMAINS, None, True),
        ([], None, True),
    ],
)
async def test_cors_is_enforced_when_there_is_an_origin(
    box: Box, domains: list[str], origin: str | None, allowed: bool
) -> None:
    """An allowed origin gets the headers that a browser wants; another 403 that names it; no origin, no CORS."""
    app = await box.authorized()
    await box.call("PUT", f"{APPS}/{app['id']}/cors_domains", 200, json={"domains": domains})
    token, headers = await box.mint(app), {"Origin": origin} if origin else {}

    for path in ("/2.0/users/me", "/2.0/folders/0", "/2.0/folders/17"):
        response = await box.respond("GET", path, bearer=token, headers=headers)
        shown = (response.headers.get("access-control-allow-origin"), response.headers.get("vary"))
        assert shown == (("*", "Origin") if allowed and origin else (None, None))
        if not allowed:
            assert (response.status_code, response.json()["code"]) == (403, "cors_origin_not_whitelisted")
            assert response.json()["context_info"] == {"origin": origin}
        else:
            assert response.status_code == (404 if path.endswith("17") else 200)


async def test_a_browser_sees_nothing_of_a_bad_token(box: Box) -> None:
    """401 without the headers that a browser wants; a preflight, which has no token, passes."""
    headers = {"Origin": "https://app.acme.com"}
    refused = await box.respond("GET", "/2.0/users/me", bearer="made-up", headers=headers)
    assert (refused.status_code, refused.content) == (401, b"")
    assert 'error="invalid_token"' in refused.headers["www-authenticate"]
    assert "access-control-allow-origin" not in refused.headers
    preflight = await box.respond("OPTIONS", "/api/2.0/files/content", bearer=None, headers=headers)
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (200, "*")


def test_a_wildcard_keeps_its_port() -> None:
    """A port in a domain with a wildcard is part of it."""
    assert allows("https://*.acme.com:8443", "https://a.acme.com:8443")
    assert not allows("https://*.acme.com:8443", "https://a.acme.com")


MULTIPART = "multipart/form-data; boundary=b"
PART = '--b\r\nContent-Disposition: form-data; name="{}"{}\r\n\r\n{}\r\n'
FILE = PART.format("file", '; filename="f"', "content")


@pytest.mark.parametrize(
    ("content", "content_type", "code"),
    [
        (FILE + PART.format("attributes", "", "{}") + "--b--\r\n", MULTIPART, "metadata_after_file_contents"),
        (PART.format("attributes", "", "{}") + "--b--\r\n", MULTIPART, "bad_request"),
        *(
            (PART.format("attributes", "", attributes) + FILE + "--b--\r\n", MULTIPART, "bad_request")
            for attributes in ("{", "[]", "{}", '{"name": "f", "parent": "0"}', '{"name": 7, "parent": {"id": "0"}}')
        ),
        ("no multipart at all", MULTIPART, "bad_request"),
        ("no multipart at all", "multipart/form-data", "bad_request"),
        ("{}", "application/json", "bad_request"),
    ],
)
async def test_an_upload_that_cannot_be_read_is_refused(box: Box, content: str, content_type: str, code: str) -> None:
    """400 with Box's code, never 500, and no file."""
    token, headers = await box.mint(await box.authorized()), {"Content-Type": content_type}
    error = await box.call("POST", "/api/2.0/files/content", 400, bearer=token, headers=headers, content=content)
    assert error["code"] == code
    assert (await box.call("GET", "/2.0/folders/0/items", 200, bearer=token))["total_count"] == 0


@pytest.mark.parametrize("path", ["/oauth2/token", "/oauth2/revoke"])
async def test_oauth_refuses_what_it_cannot_read(box: Box, path: str) -> None:
    """400 in OAuth's shape for another grant, for none, and for a body that is no form."""
    for arguments in ({"data": {"grant_type": "password"}}, {"json": {"a": 1}}, {"content": b"\xff=%ff"}, {}):
        response = await box.respond("POST", path, bearer=None, **arguments)
        assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
    response = await box.respond("POST", "/oauth2/token", data={"grant_type": "authorization_code"})
    assert response.json()["error"] == "unauthorized_client"


async def test_a_token_expires_by_the_clock(box: Box, clock: ManualClock) -> None:
    """30 and 60 days to the second, and never."""
    app = await box.authorized()
    month, ever = await box.mint(app, days=30), await box.mint(app, "secondary", None)

    clock.pass_by(timedelta(days=30) - timedelta(seconds=1))
    await box.call("GET", "/2.0/users/me", 200, bearer=month)
    clock.pass_by(timedelta(seconds=1))
    await box.call("GET", "/2.0/users/me", 401, bearer=month)
    clock.pass_by(timedelta(days=10_000))
    await box.call("GET", "/2.0/users/me", 200, bearer=ever)


async def test_fields_narrow_the_user(box: Box) -> None:
    """``fields`` gives those beside type and id, also such as are not shown otherwise; unknown ones are left out."""
    token = await box.mint(await box.authorized())
    me = await box.call("GET", "/2.0/users/me", 200, bearer=token, params={"fields": "enterprise,login,unknown"})
    assert set(me) == {"type", "id", "enterprise", "login"}


async def test_a_file_is_deleted_only_in_the_version_that_is_meant(box: Box) -> None:
    """412 for another ``If-Match``, and the file stays."""
    token = await box.mint(await box.authorized())
    form = {"attributes": '{"name": "f", "parent": {"id": "0"}}'}
    uploaded = await box.call("POST", "/api/2.0/files/content", 201, bearer=token, data=form, files={"file": b"x"})
    path = f"/2.0/files/{uploaded['entries'][0]['id']}"

    await box.call("DELETE", path, 412, bearer=token, headers={"If-Match": "7"})
    await box.call("DELETE", path, 204, bearer=token, headers={"If-Match": "0"})


@pytest.mark.parametrize("name", [None, "", 7, []])
async def test_a_folder_needs_a_name(box: Box, name: object) -> None:
    """400, and 404 for a parent that is not there."""
    token = await box.mint(await box.authorized())
    await box.call("POST", "/2.0/folders", 400, bearer=token, json={"name": name, "parent": {"id": "0"}})
    await box.call("POST", "/2.0/folders", 400, bearer=token, json={"name": "New", "parent": name})
    await box.call("POST", "/2.0/folders", 404, bearer=token, json={"name": "New", "parent": {"id": "17"}})
