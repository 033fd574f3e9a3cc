"""The sandbox's Console API, operation by operation; each answer is held against ``docs/console-api.yaml``."""

import asyncio
from typing import Any

import pytest
from jsonschema import ValidationError
from openapi_spec_validator import validate
from tests.sandbox.described import DOCUMENT, UndescribedError, check, validator
from tests.sandbox.world import ADMIN, APPS, CONSOLE, Box, only_some_tests_run, unseen

OPERATIONS = [
    (method, template) for template, item in DOCUMENT["paths"].items() for method in item if method != "parameters"
]


def path_of(template: str, app: str = "404", slot: str = "primary") -> str:
    """The path of an operation."""
    return template.replace("{id}", app).replace("{slot}", slot)


def test_the_description_is_valid_openapi() -> None:
    """The file is OpenAPI 3.1."""
    validate(DOCUMENT)


def test_the_examples_are_as_described() -> None:
    """Every example of the description validates against the schema beside it."""
    found = list(_examples(DOCUMENT["paths"], "#/paths")) + list(
        _examples(DOCUMENT["components"]["responses"], "#/components/responses")
    )
    assert len(found) > 15
    for pointer, example in found:
        validator(f"{pointer}/schema").validate(example)


def _examples(node: Any, pointer: str) -> Any:
    if not isinstance(node, dict):
        return
    if "schema" in node and "example" in node:
        yield pointer, node["example"]
    if "schema" in node:
        for each in node.get("examples", {}).values():
            name = each.get("$ref", "").rpartition("/")[2]
            yield pointer, DOCUMENT["components"]["examples"][name]["value"] if name else each["value"]
    for name, child in node.items():
        escaped = str(name).replace("/", "~1").replace("{", "%7B").replace("}", "%7D")
        yield from _examples(child, f"{pointer}/{escaped}")


async def test_an_undescribed_answer_fails_the_check(box: Box) -> None:
    """The check that all other tests rely on does find what is wrong."""
    response = await box.respond("GET", APPS)

    for body in (b"{}", b'{"entries": [{}], "next_marker": null, "cursor": "1"}', b'{"entries": [], "cursor": "1"}'):
        with pytest.raises(ValidationError):
            check(response, body)
    response.status_code = 418
    with pytest.raises(UndescribedError):
        check(response, response.content)


@pytest.mark.parametrize(("method", "template"), OPERATIONS)
async def test_nobody_gets_in_without_a_credential(box: Box, method: str, template: str) -> None:
    """Every operation refuses a missing, an unknown and a non-ASCII credential with 401."""
    await box.call(method, path_of(template), 401, bearer=None)
    await box.call(method, path_of(template), 401, bearer="somebody")
    await box.call(
        method, path_of(template), 401, bearer=None, headers={b"Authorization": "Bearer é".encode("latin-1")}
    )


@pytest.mark.parametrize(("method", "template"), [each for each in OPERATIONS if "{id}" in each[1]])
async def test_an_app_that_is_not_there_is_told_so(box: Box, method: str, template: str) -> None:
    """Every operation of an app answers 404 ``app_not_found`` for an unknown and for a deleted one."""
    gone = await box.register()
    await box.call("DELETE", f"{APPS}/{gone['id']}", 204)

    for app in ("404", gone["id"]):
        body = {"decision": "enable", "name": "New", "domains": [], "expires_in_days": None}
        error = await box.call(method, path_of(template, app), 404, bearer=ADMIN, json=body)
        assert error["code"] == "app_not_found"


@pytest.mark.parametrize(("method", "template"), OPERATIONS)
async def test_every_operation_is_under_the_rate_limit(box: Box, method: str, template: str) -> None:
    """429 with Retry-After, and 5xx, are described for every operation."""
    box.order(kind="status", status=429, retry_after=7)
    box.order(kind="status", status=503, retry_after=7)
    box.order(kind="status", status=500)

    response = await box.respond(method, path_of(template))
    assert (response.status_code, response.headers["retry-after"]) == (429, "7")
    assert (await box.respond(method, path_of(template))).json()["code"] == "unavailable"
    assert (await box.respond(method, path_of(template))).json()["code"] == "internal_server_error"


async def test_a_new_app_is_empty(box: Box) -> None:
    """A new app is not submitted, holds no token, has no domains, and shows only what is described."""
    app = await box.register("Viewer", "billing/viewer/uid")

    assert app["authorization"] == {
        "state": "not_submitted",
        "enabled": False,
        "submitted_at": None,
        "decided_at": None,
    }
    assert app["tokens"] == {"primary": None, "secondary": None}
    assert (app["cors_domains"], app["reference"]) == ([], "billing/viewer/uid")
    assert set(app) <= set(DOCUMENT["components"]["schemas"]["App"]["properties"])


async def test_a_repeated_key_gives_the_same_app(box: Box) -> None:
    """200 and the app as it is now, whatever the body says; two keys at once make one app each."""
    app = await box.register("Viewer")
    await box.call("PATCH", f"{APPS}/{app['id']}", 200, json={"name": "Renamed"})

    again = await box.call("POST", APPS, 200, json={"name": "Other"}, headers={"Idempotency-Key": "Viewer"})
    assert (again["id"], again["name"]) == (app["id"], "Renamed")

    both = await asyncio.gather(
        *(box.respond("POST", APPS, json={"name": "Twin"}, headers={"Idempotency-Key": "twin"}) for _ in range(2))
    )
    assert sorted(response.status_code for response in both) == [200, 201]


async def test_an_app_is_handed_over_by_whoever_saw_it_last(box: Box) -> None:
    """Only with its present revision, which the change ends; the key of its creation is forgotten."""
    app = await box.register("Viewer")
    path, other = f"{APPS}/{app['id']}", {"reference": "another", "name": "Viewer"}
    await box.call("PATCH", path, 400, json=other)
    seen = {"If-Match": f'"{app["revision"]}"'}
    await box.call("PATCH", path, 409, json={**other, "name": (await box.register("Taken"))["name"]}, headers=seen)

    taken = await box.call("PATCH", path, 200, json=other, headers=seen)

    assert (taken["reference"], taken["revision"] > app["revision"]) == ("another", True)
    error = await box.call("PATCH", path, 412, json={"reference": "a third"}, headers=seen)
    assert error["code"] == "precondition_failed"
    assert (await box.call("GET", path, 200))["reference"] == "another"
    fresh = await box.call("POST", APPS, 201, json={"name": "New"}, headers={"Idempotency-Key": "Viewer"})
    assert fresh["id"] != app["id"]


async def test_a_key_of_a_deleted_app_makes_a_new_one(box: Box) -> None:
    """A key, and a name, are free again once the app is gone."""
    app = await box.register("Viewer")
    await box.call("DELETE", f"{APPS}/{app['id']}", 204)

    assert (await box.register("Viewer"))["id"] != app["id"]


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_a_name_that_is_taken_is_refused(box: Box, method: str) -> None:
    """409 for the name of another app, in whatever case, and for a name of somebody else in Box; one's own is free."""
    box.sandbox.taken_names = {"Elsewhere"}
    await box.register("First")
    own = await box.register("Own")
    path = APPS if method == "POST" else f"{APPS}/{own['id']}"

    for name in ("First", "fIRST", "elsewhere"):
        error = await box.call(method, path, 409, json={"name": name}, headers={"Idempotency-Key": "new"})
        assert error["code"] == "app_name_taken"
    await box.call("PATCH", f"{APPS}/{own['id']}", 200, json={"name": "OWN"})


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("name", ["", "  ", "x" * 201, None, 7, ["a"]])
async def test_a_name_that_is_none_is_refused(box: Box, method: str, name: object) -> None:
    """400 ``app_name_invalid``."""
    own = await box.register("Own")
    path = APPS if method == "POST" else f"{APPS}/{own['id']}"

    error = await box.call(method, path, 400, json={"name": name}, headers={"Idempotency-Key": "new"})
    assert error["code"] == "app_name_invalid"


@pytest.mark.parametrize("key", [None, "", "k" * 256])
async def test_an_app_is_not_made_without_a_key(box: Box, key: str | None) -> None:
    """400 without a usable Idempotency-Key, and no app."""
    headers = {"Idempotency-Key": key} if key is not None else {}
    await box.call("POST", APPS, 400, json={"name": "Viewer"}, headers=headers)

    assert (await box.call("GET", APPS, 200))["entries"] == []


NO_OBJECTS = [b"[]", b'"text"', b"{", b"\xff", b'{"name": "\\ud800"}', b"[" * 20_000, b"null"]


@pytest.mark.parametrize("content", NO_OBJECTS, ids=range(len(NO_OBJECTS)))
@pytest.mark.parametrize(("method", "template"), [each for each in OPERATIONS if each[0] in ("post", "patch", "put")])
async def test_a_body_that_is_no_object_is_refused(box: Box, method: str, template: str, content: bytes) -> None:
    """400 ``bad_request``, whatever it is; submitting has no body and ignores one."""
    app = await box.authorized()
    headers = {"Idempotency-Key": "new", "Content-Type": "application/json"}
    status = 202 if template.endswith("/authorization") else 400

    path = path_of(template, app["id"])
    error = await box.call(method, path, status, bearer=ADMIN, headers=headers, content=content)
    assert status == 202 or error["code"] == "bad_request"


async def test_fields_of_the_wrong_type_are_refused(box: Box) -> None:
    """400 for every one, and nothing changes."""
    app = await box.authorized()
    path, key = f"{APPS}/{app['id']}", {"Idempotency-Key": "new"}

    for reference in (7, None, [], "x" * 513):
        await box.call("POST", APPS, 400, json={"name": "New", "reference": reference}, headers=key)
    for body in ({}, {"expires_in_days": 31}, {"expires_in_days": "30"}, {"expires_in_days": []}):
        await box.call("POST", f"{path}/tokens/primary", 400, json=body)
    for body in ({}, {"domains": "https://a.com"}, {"domains": {}}, {"domains": None}):
        await box.call("PUT", f"{path}/cors_domains", 400, json=body)
    for body in ({}, {"decision": "approve"}, {"decision": ["enable"]}):
        await box.call("POST", f"{path}/authorization/decision", 400, bearer=ADMIN, json=body)
    assert (await box.app_of(app))["revision"] == app["revision"]


@pytest.mark.parametrize("method", ["post", "delete"])
async def test_there_are_two_slots(box: Box, method: str) -> None:
    """400 for any other."""
    app = await box.authorized()
    await box.call(method, f"{APPS}/{app['id']}/tokens/third", 400)


async def test_submitting_is_idempotent(box: Box) -> None:
    """One submission; an app that waits or is authorized stays as it is, a declined one is submitted anew."""
    app = await box.register()
    path = f"{APPS}/{app['id']}/authorization"

    first = await box.call("POST", path, 202)
    assert first["authorization"]["state"] == "pending"
    assert await box.call("POST", path, 202) == first
    authorized = await box.decide(app)
    assert await box.call("POST", path, 202) == authorized
    for decision in ("decline", "require_reauthorization"):
        await box.decide(app, decision)
        again = (await box.call("POST", path, 202))["authorization"]
        assert (again["state"], again["decided_at"]) == ("pending", None)


@pytest.mark.parametrize(
    ("decision", "state", "enabled"),
    [
        ("authorize", "authorized", True),
        ("decline", "declined", False),
        ("enable", "authorized", True),
        ("disable", "authorized", False),
        ("require_reauthorization", "reauthorization_required", True),
    ],
)
async def test_the_admin_decides(box: Box, decision: str, state: str, enabled: bool) -> None:
    """What each decision makes of an authorized app."""
    decided = (await box.decide(await box.authorized(), decision))["authorization"]
    assert (decided["state"], decided["enabled"]) == (state, enabled)


async def test_the_operator_may_not_decide(box: Box) -> None:
    """403 for the operator's credential, for a known and an unknown app; nothing changes."""
    app = await box.register()
    for number in (app["id"], "404"):
        path = f"{APPS}/{number}/authorization/decision"
        error = await box.call("POST", path, 403, bearer=CONSOLE, json={"decision": "authorize"})
        assert error["code"] == "forbidden"
    assert await box.app_of(app) == app


async def test_no_token_without_authorization(box: Box) -> None:
    """403 ``app_not_authorized`` before, after and while the authorization is not there, or the app is disabled."""
    app = await box.register()
    path = f"{APPS}/{app['id']}/tokens/primary"

    for decision in (None, "enable", "decline", "authorize", "disable", "require_reauthorization"):
        if decision is not None:
            await box.decide(app, decision)
        if decision != "authorize":
            error = await box.call("POST", path, 403, json={"expires_in_days": 30})
            assert error["code"] == "app_not_authorized"


async def test_a_token_is_shown_once(box: Box) -> None:
    """The value is in one answer that nobody may keep; everything else shows the fingerprint."""
    app = await box.authorized()
    path = f"{APPS}/{app['id']}/tokens/primary"

    response = await box.respond("POST", path, json={"expires_in_days": 60})
    value, slot = response.json()["token"], response.json()["slot"]
    assert (response.status_code, slot, response.headers["cache-control"]) == (201, "primary", "no-store")
    shown = await box.app_of(app)
    assert value not in str(shown)
    assert shown["tokens"]["primary"]["expires_at"] == "2026-04-30T09:00:00Z"
    assert (await box.call("GET", "/2.0/users/me", 200, bearer=value))["login"] == app["service_account"]["login"]


async def test_an_occupied_slot_is_not_overwritten(box: Box) -> None:
    """409 ``slot_occupied``, also for an expired token, and the old token works on; the other slot is free."""
    app = await box.authorized()
    value = await box.mint(app)

    error = await box.call("POST", f"{APPS}/{app['id']}/tokens/primary", 409, json={"expires_in_days": None})
    assert error["code"] == "slot_occupied"
    await box.call("GET", "/2.0/users/me", 200, bearer=value)
    await box.mint(app, "secondary", None)
    await box.call("POST", f"/sandbox/v1/apps/{app['id']}/tokens/primary/expire", 200, bearer=ADMIN)
    await box.call("POST", f"{APPS}/{app['id']}/tokens/primary", 409, json={"expires_in_days": None})


async def test_a_slot_is_revoked_only_if_it_is_meant(box: Box) -> None:
    """412 for another fingerprint and the token works on; 204 for its own, for none, for ``*``, and again."""
    app = await box.authorized()
    path = f"{APPS}/{app['id']}/tokens/primary"

    for match in ("its own", "*", None):
        value = await box.mint(app)
        own = (await box.app_of(app))["tokens"]["primary"]["fingerprint"]
        error = await box.call("DELETE", path, 412, headers={"If-Match": '"0123456789abcdef"'})
        assert error["code"] == "precondition_failed"
        await box.call("GET", "/2.0/users/me", 200, bearer=value)

        headers = {"If-Match": f'"{own}"' if match == "its own" else match} if match else {}
        await box.call("DELETE", path, 204, headers=headers)
        await box.call("GET", "/2.0/users/me", 401, bearer=value)
        await box.call("DELETE", path, 204, headers={"If-Match": f'"{own}"'})


ORIGINS = ["https://app.acme.com", "https://*.internal.acme.com", "http://localhost:3000", "HTTPS://App.Acme.com:8443"]
NO_ORIGINS = ["acme.com", "https://acme.com/", "https://acme.com/a", "https://u@acme.com", "ftp://acme.com", "", "*", 7]


async def test_cors_domains_are_replaced(box: Box) -> None:
    """The whole list, in its order, and away again; no authorization is needed."""
    app = await box.register()
    path = f"{APPS}/{app['id']}/cors_domains"

    assert (await box.call("PUT", path, 200, json={"domains": ORIGINS}))["cors_domains"] == ORIGINS
    assert (await box.call("PUT", path, 200, json={"domains": []}))["cors_domains"] == []


@pytest.mark.parametrize("origin", NO_ORIGINS)
async def test_what_is_no_origin_is_named(box: Box, origin: object) -> None:
    """400 ``invalid_origin`` names it, and nothing changes."""
    app = await box.register()
    path = f"{APPS}/{app['id']}/cors_domains"

    error = await box.call("PUT", path, 400, json={"domains": [ORIGINS[0], origin]})
    assert (error["code"], error["context_info"]["origin"]) == ("invalid_origin", origin)
    assert str(origin) in error["message"]
    assert await box.app_of(app) == app


async def test_deleting_an_app_ends_its_tokens(box: Box) -> None:
    """204, and none of its tokens works any more."""
    app = await box.authorized()
    value = await box.mint(app)

    await box.call("DELETE", f"{APPS}/{app['id']}", 204)
    await box.call("GET", "/2.0/users/me", 401, bearer=value)


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", APPS), ("POST", APPS + "/1"), ("GET", APPS + "/1/tokens/primary")]
)
async def test_a_method_that_is_not_there_is_405(box: Box, method: str, path: str) -> None:
    """405 in Box's shape, with the methods that are there."""
    response = await box.respond(method, path)
    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")
    assert "allow" in response.headers


@pytest.mark.parametrize("path", ["/console/v1/nothing", "/console/v2/apps", APPS + "/", "/2.0/nothing", "/"])
async def test_a_path_that_is_not_there_is_404(box: Box, path: str) -> None:
    """404 in Box's shape; a slash at the end is another path, and nobody is redirected."""
    response = await box.respond("GET", path)
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


async def test_head_is_get(box: Box) -> None:
    """HEAD works wherever GET does, and is guarded like it."""
    path = f"{APPS}/{(await box.register())['id']}"
    assert (await box.respond("HEAD", path)).status_code == 200
    assert (await box.respond("HEAD", path, bearer=None)).status_code == 401


def test_all_that_is_described_was_seen(request: pytest.FixtureRequest) -> None:
    """The tests of this file have seen every described status of every operation but the listing."""
    if only_some_tests_run(request.config):
        pytest.skip("only meaningful after all tests of this file")
    assert unseen(listing=False) == set()
