"""A Box without a Console API, as the real one: people do its steps by hand, and everything else is as ever."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.reconcile.people import CONSOLE_BY_PERSON, ELSEWHERE, People
from tests.sandbox.described import DOCUMENT
from tests.sandbox.world import ADMIN, APPS, CONSOLE, Box, ManualClock, in_process

from box_sandbox import SandboxConfig

DISABLED = "Unauthorized - Cannot authorize with this service"
CONSOLE_PATHS = [template.replace("{id}", "1").replace("{slot}", "primary") for template in DOCUMENT["paths"]]


@pytest.fixture
async def people(clock: ManualClock) -> AsyncIterator[People]:
    """People at a Box without a Console API."""
    config = SandboxConfig(CONSOLE, ADMIN, console_enabled=False, reveal_issued_tokens=True, now=clock)
    async with in_process(config, described=False) as box:
        yield People(box)


# Without a Console API


@pytest.mark.parametrize("path", [*CONSOLE_PATHS, "/console", "/console/v1"])
@pytest.mark.parametrize("bearer", [CONSOLE, ADMIN, None])
async def test_there_is_no_console_api(people: People, path: str, bearer: str | None) -> None:
    """404 for every method and whoever asks, just as for any path that never existed."""
    await people.create()
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"):
        response = await people.box.respond(method, path, bearer=bearer)
        assert response.status_code == 404
    there = await people.box.call("GET", path, 404, bearer=bearer)
    nowhere = await people.box.call("GET", "/nowhere", 404, bearer=bearer)
    assert {**there, "request_id": ""} == {**nowhere, "request_id": ""}


async def test_a_key_is_shown_once(people: People) -> None:
    """In one answer that nobody may keep; afterwards its fingerprint only."""
    app = await people.authorized()
    path = f"{CONSOLE_BY_PERSON}/{app['id']}/tokens/secondary"
    response = await people.box.respond("POST", path, bearer=ADMIN, json={"expires_in_days": 60})
    assert (response.status_code, response.headers["cache-control"]) == (201, "no-store")
    shown = str(await people.app_of(app)) + str(await people.call("GET", CONSOLE_BY_PERSON, 200))
    assert response.json()["token"] not in shown
    (issued,) = (await people.call("GET", "/sandbox/v1/issued-tokens", 200))["entries"]
    assert (issued["kind"], issued["slot"], issued["fingerprint"] in shown) == ("app_token", "secondary", True)


@pytest.mark.parametrize("handle", ["id", "name", "client_id"])
async def test_an_app_has_three_handles(people: People, handle: str) -> None:
    """Its id, its name, its client id; after it is renamed the new name, after it is deleted none."""
    app = await people.create("Invoice Viewer")
    assert (await people.call("GET", f"{CONSOLE_BY_PERSON}/{app[handle]}", 200))["id"] == app["id"]
    renamed = await people.call("PATCH", f"{CONSOLE_BY_PERSON}/{app[handle]}", 200, {"name": "Ledger"})
    assert await people.call("GET", f"{CONSOLE_BY_PERSON}/{renamed[handle]}", 200) == renamed
    await people.call("DELETE", f"{CONSOLE_BY_PERSON}/{renamed[handle]}", 204)
    error = await people.call("GET", f"{CONSOLE_BY_PERSON}/{renamed[handle]}", 404)
    assert error["code"] == "app_not_found"
    assert await people.create("Ledger")


async def test_all_of_it_is_for_the_admin(people: People) -> None:
    """401 for a console's credential, a token and nothing."""
    app = await people.authorized()
    key, path = await people.generate(app), f"{CONSOLE_BY_PERSON}/{app['id']}"
    calls = [("POST", CONSOLE_BY_PERSON), ("GET", CONSOLE_BY_PERSON), ("GET", path), ("PATCH", path), ("DELETE", path)]
    calls += [("POST", path + rest) for rest in ("/authorization", "/authorization/decision", "/developer-token")]
    calls += [("POST", path + "/tokens/primary"), ("DELETE", path + "/tokens/primary"), ("PUT", path + "/cors-domains")]
    calls += [("GET", path + "/client-secret"), ("POST", path + "/client-secret"), ("GET", "/sandbox/v1/users")]
    calls += [("POST", "/sandbox/v1/users"), ("PUT", "/sandbox/v1/access-token-seconds")]
    calls += [("PUT", "/sandbox/v1/clock")]
    for method, each in calls:
        for bearer in (CONSOLE, key, None):
            await people.box.call(method, each, 401, bearer=bearer, json={})
    assert await people.me(key)


@pytest.mark.parametrize(
    ("text", "domains"),
    [
        ("https://a.com", ["https://a.com"]),
        ("https://a.com,http://localhost:3000", ["https://a.com", "http://localhost:3000"]),
        (" https://a.com ,  https://*.b.com", ["https://a.com", "https://*.b.com"]),
        ("", []),
        ("  ", []),
    ],
)
async def test_the_field_of_the_cors_domains(people: People, text: str, domains: list[str]) -> None:
    """Origins with commas between them replace the whole list, and are enforced."""
    app = await people.authorized()
    key, path = await people.generate(app), f"{CONSOLE_BY_PERSON}/{app['id']}/cors-domains"
    await people.call("PUT", path, 200, {"domains": "https://old.com"})

    assert (await people.call("PUT", path, 200, {"domains": text}))["cors_domains"] == domains
    for origin in ("https://old.com", "https://a.com"):
        response = await people.box.respond("GET", "/2.0/users/me", bearer=key, headers={"Origin": origin})
        assert response.status_code == (200 if origin in domains else 403)


@pytest.mark.parametrize(
    "text", ["a.com", "https://a.com/", "https://a.com,", "https://a.com https://b.com", "*", 7, []]
)
async def test_a_wrong_field_changes_nothing(people: People, text: object) -> None:
    """400, and the list is as before."""
    app = await people.create()
    await people.call("PUT", f"{CONSOLE_BY_PERSON}/{app['id']}/cors-domains", 400, {"domains": text})
    assert await people.app_of(app) == app


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "Taken"},
        {"name": "New", "kind": "jwt"},
        {"name": "New", "kind": ["app_token"]},
        {"name": "New", "enterprise_id": "acme"},
        {"name": "New", "enterprise_id": 7},
        {"name": "New", "user_access": True},
        {"name": "New", "kind": "client_credentials", "user_access": "yes"},
    ],
)
async def test_an_app_that_cannot_be_is_not_made(people: People, body: dict[str, Any]) -> None:
    """400, or 409 for a name that is taken, and no app."""
    taken = await people.create("Taken")
    await people.call("POST", CONSOLE_BY_PERSON, 409 if body.get("name") == "Taken" else 400, body)
    assert (await people.call("GET", CONSOLE_BY_PERSON, 200))["entries"] == [taken]


async def test_other_wrong_fields_are_refused(people: People) -> None:
    """400 for a slot, an expiry, a decision, a number of seconds or a user that cannot be."""
    path = f"{CONSOLE_BY_PERSON}/{(await people.authorized())['id']}"
    for body in ({}, {"expires_in_days": 31}, {"expires_in_days": "never"}):
        await people.call("POST", f"{path}/tokens/primary", 400, body)
    await people.call("POST", f"{path}/tokens/third", 400, {"expires_in_days": 30})
    await people.call("DELETE", f"{path}/tokens/third", 400)
    await people.call("POST", f"{path}/authorization/decision", 400, {"decision": "approve"})
    for seconds in (None, 0, -1, 1.5, "60", True):
        await people.call("PUT", "/sandbox/v1/access-token-seconds", 400, {"seconds": seconds})
    for seconds in (None, "60", True, 1e9):
        await people.call("PUT", "/sandbox/v1/clock", 400, {"offset_seconds": seconds})
    for body in ({}, {"login": "dana"}, {"login": 7}, {"login": "d@acme.example", "name": 7}):
        await people.call("POST", "/sandbox/v1/users", 400, body)
    await people.user("dana@acme.example")
    await people.call("POST", "/sandbox/v1/users", 409, {"login": "Dana@acme.example"})


async def test_what_people_do_is_told_to_those_who_listen(box: Box) -> None:
    """With a Console API, a person's change wakes the blocking call for changes."""
    people = People(box)
    cursor = (await box.call("GET", APPS, 200))["cursor"]
    waiting = asyncio.create_task(box.call("GET", f"{APPS}?changed_since={cursor}&wait=10", 200))
    app = await people.create("By Hand")
    assert [each["id"] for each in (await waiting)["entries"]] == [app["id"]]
    assert set(await box.app_of(app)) <= set(DOCUMENT["components"]["schemas"]["App"]["properties"])


# Client secrets of App Token apps


async def revoke(people: People, app: Any, secret: str | None, token: str, status: int) -> Any:
    """Ask Box to revoke a token."""
    form = {"client_id": app["client_id"], "token": token, **({} if secret is None else {"client_secret": secret})}
    return await people.box.call("POST", "/oauth2/revoke", status, bearer=None, data=form)


async def test_an_app_token_app_has_no_secret(people: People) -> None:
    """Nobody can show one, and nobody can revoke a key at ``/oauth2/revoke``, whatever they send in its place."""
    app = await people.authorized()
    key = await people.generate(app)
    await people.call("GET", f"{CONSOLE_BY_PERSON}/{app['id']}/client-secret", 404)
    for secret in (None, "", "unused"):
        assert (await revoke(people, app, secret, key, 400))["error"] == "invalid_client"
    assert await people.me(key)


async def test_a_test_can_give_an_app_a_secret(people: People) -> None:
    """With it keys are revoked, and their slots are empty; a newer one ends it; it makes no tokens."""
    app = await people.authorized()
    key, path = await people.generate(app), f"{CONSOLE_BY_PERSON}/{app['id']}/client-secret"
    old = (await people.call("POST", path, 201))["client_secret"]
    new = (await people.call("POST", path, 201))["client_secret"]

    assert (await people.call("GET", path, 200))["client_secret"] == new != old
    assert (await revoke(people, app, old, key, 400))["error"] == "invalid_client"
    await revoke(people, app, new, key, 200)
    assert await people.turned_away(key) is None
    assert (await people.app_of(app))["tokens"]["primary"] is None


# Developer tokens


async def test_a_developer_token_is_a_person(people: People) -> None:
    """It acts as whoever works at the console, whose files are not those of the service account."""
    app = await people.authorized()
    key, developer = await people.generate(app), await people.developer_token(app)
    me = await people.me(developer)

    assert (me["login"], me["name"]) == ("developer@1234567.example", "Developer")
    assert "AutomationUser" in (await people.me(key))["login"]
    assert await people.me(await people.developer_token(app)) == me
    body = {"name": "Mine", "parent": {"id": "0"}}
    folder = await people.box.call("POST", "/2.0/folders", 201, bearer=developer, json=body)
    await people.box.call("GET", f"/2.0/folders/{folder['id']}", 404, bearer=key)
    assert (await people.app_of(app))["tokens"]["secondary"] is None


async def test_a_developer_token_lasts_an_hour(people: People, clock: ManualClock) -> None:
    """60 minutes to the second."""
    token = await people.developer_token(await people.authorized())
    clock.pass_by(timedelta(minutes=60) - timedelta(seconds=1))
    assert await people.me(token)
    clock.pass_by(timedelta(seconds=1))
    assert await people.turned_away(token) is None


async def test_a_developer_token_is_for_developing(people: People) -> None:
    """It works before anybody decided about the app, and not when the admin said no, or the app is gone."""
    app = await people.create()
    token = await people.developer_token(app)
    assert await people.me(token)
    for decision in ("authorize", "disable", "decline"):
        await people.decide(app, decision)
        if decision == "authorize":
            assert await people.me(token)
        else:
            assert await people.turned_away(token) == DISABLED
    undecided = await people.create("Undecided")
    token = await people.developer_token(undecided)
    await people.call("DELETE", f"{CONSOLE_BY_PERSON}/{undecided['id']}", 204)
    assert await people.turned_away(token) == DISABLED


# Enterprises


async def test_an_app_of_another_enterprise_says_so(people: People) -> None:
    """``users/me`` names the enterprise of the service account and of the developer."""
    ours, theirs = await people.authorized(), await people.authorized("Theirs", enterprise_id=ELSEWHERE)
    for app, enterprise in ((ours, "1234567"), (theirs, ELSEWHERE)):
        for token in (await people.generate(app), await people.developer_token(app)):
            assert (await people.me(token, "enterprise"))["enterprise"]["id"] == enterprise
    logins = {(await people.me(await people.developer_token(app)))["login"] for app in (ours, theirs)}
    assert logins == {"developer@1234567.example", f"developer@{ELSEWHERE}.example"}


async def test_the_console_api_works_for_one_enterprise(box: Box) -> None:
    """Apps of another one are neither listed nor found nor told, but their names are taken."""
    people = People(box)
    cursor = (await box.call("GET", APPS, 200))["cursor"]
    theirs = await people.create("Theirs", enterprise_id=ELSEWHERE)

    assert (await box.call("GET", APPS, 200))["entries"] == []
    assert (await box.call("GET", f"{APPS}?changed_since={cursor}", 200))["entries"] == []
    assert (await box.call("GET", f"{APPS}?client_id={theirs['client_id']}", 200))["entries"] == []
    await box.call("GET", f"{APPS}/{theirs['id']}", 404)
    await box.call("POST", APPS, 409, json={"name": "Theirs"}, headers={"Idempotency-Key": "key"})


# The age of tokens


async def test_short_lived_tokens_can_be_made_shorter(people: People, clock: ManualClock) -> None:
    """The next downscoped token lives as long as was said; keys and earlier tokens do not care."""
    key = await people.generate(await people.authorized())

    async def downscope() -> Any:
        grant = {"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "scope": "item_preview"}
        form = {**grant, "subject_token": key}
        return await people.box.call("POST", "/oauth2/token", 200, bearer=None, data=form)

    long = await downscope()
    await people.call("PUT", "/sandbox/v1/access-token-seconds", 204, {"seconds": 30})
    short = await downscope()
    assert (long["expires_in"], short["expires_in"]) == (4175, 30)
    clock.pass_by(timedelta(seconds=30))
    assert await people.turned_away(short["access_token"]) is None
    assert await people.me(long["access_token"])
    assert await people.me(key)


async def test_what_was_done_by_hand_outlives_a_restart(clock: ManualClock, tmp_path: Path) -> None:
    """Kinds, enterprises, secrets, users and what their tokens reach."""
    file = tmp_path / "box.sqlite"
    config = SandboxConfig(CONSOLE, ADMIN, console_enabled=False, state_file=file, now=clock)
    async with in_process(config, described=False) as box:
        people = People(box)
        app = await people.create(kind="client_credentials", user_access=True, enterprise_id=ELSEWHERE)
        user = await people.user(enterprise_id=ELSEWHERE)
        secret, token = await people.secret(app), await people.developer_token(app)
        body = {"name": "Mine", "parent": {"id": "0"}}
        folder = await box.call("POST", "/2.0/folders", 201, bearer=token, json=body)
    async with in_process(config, described=False) as box:
        people = People(box)
        assert await people.app_of(app) == app
        assert await people.secret(app) == secret
        assert user in (await people.call("GET", "/sandbox/v1/users", 200))["entries"]
        assert await box.call("GET", f"/2.0/folders/{folder['id']}", 200, bearer=token)
        new = await box.call("POST", "/2.0/folders", 201, bearer=token, json={**body, "name": "New"})
        assert int(new["id"]) > int(folder["id"])
        assert (await people.user("other@acme.example"))["id"] not in (user["id"], (await people.me(token))["id"])
