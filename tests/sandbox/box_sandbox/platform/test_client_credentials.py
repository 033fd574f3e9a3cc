"""The Client Credentials Grant: what an app with client id and secret gets, and what it is refused."""

from datetime import timedelta
from typing import Any

import pytest
import requests
from box_sdk_gen import (
    BoxCCGAuth,
    BoxClient,
    BoxRetryStrategy,
    CCGConfig,
    CreateFolderParent,
    NetworkSession,
)
from tests.reconcile.people import CONSOLE_BY_PERSON, ELSEWHERE, People
from tests.sandbox.conftest import Loopback
from tests.sandbox.world import APPS, Box, ManualClock

ENTERPRISE = "1234567"
KIND = {"kind": "client_credentials"}
DISABLED = "Unauthorized - Cannot authorize with this service"
GRANT_TYPE = "The grant type is unauthorized for this client_id"
SUBJECT_TYPE = 'The "box_subject_type" value is unauthorized for this client_id'


@pytest.fixture
def people(box: Box) -> People:
    """Developer and admin."""
    return People(box)


async def form_of(people: People, app: Any, **changes: str | None) -> dict[str, str]:
    """What the app sends for a token of its service account; None leaves a field out."""
    form = {
        "grant_type": "client_credentials",
        "client_id": app["client_id"],
        "client_secret": await people.secret(app),
        "box_subject_type": "enterprise",
        "box_subject_id": app["enterprise_id"],
        **changes,
    }
    return {name: value for name, value in form.items() if value is not None}


async def asked(people: People, form: dict[str, str], status: int = 200) -> Any:
    """The answer to a request for a token."""
    return await people.box.call("POST", "/oauth2/token", status, bearer=None, data=form)


async def token_of(people: People, app: Any, user: Any = None) -> str:
    """A token of the service account, or of a user."""
    subject = {"box_subject_type": "user", "box_subject_id": user["id"]} if user else {}
    return str((await asked(people, await form_of(people, app, **subject)))["access_token"])


async def refused(people: People, form: dict[str, str]) -> tuple[str, str]:
    """The code and the text that a request for a token is refused with."""
    error = await asked(people, form, 400)
    assert set(error) == {"error", "error_description"}
    return error["error"], error["error_description"]


async def test_the_service_account_is_the_subject_of_the_enterprise(people: People) -> None:
    """The answer has exactly what Box describes, nobody may keep it, and the token acts as the service account."""
    app = await people.authorized(**KIND)
    response = await people.box.respond("POST", "/oauth2/token", bearer=None, data=await form_of(people, app))
    body = response.json()
    token = body.pop("access_token")

    assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
    assert body == {"expires_in": 4175, "token_type": "bearer", "restricted_to": []}
    assert (await people.me(token))["login"] == app["service_account"]["login"]
    assert (await people.me(token, "enterprise"))["enterprise"]["id"] == ENTERPRISE


async def test_a_user_is_a_subject_of_an_app_that_may(people: People) -> None:
    """The token acts as that user, whose files are theirs."""
    app = await people.authorized(**KIND, user_access=True)
    dana, kim = await people.user("dana@acme.example", name="Dana"), await people.user("kim@acme.example")
    tokens = [await token_of(people, app), await token_of(people, app, dana), await token_of(people, app, kim)]

    me = await people.me(tokens[1])
    assert (me["id"], me["login"], me["name"]) == (dana["id"], "dana@acme.example", "Dana")
    for token in tokens:
        body = {"name": "Invoices", "parent": {"id": "0"}}
        folder = await people.box.call("POST", "/2.0/folders", 201, bearer=token, json=body)
        for other in tokens:
            status = 200 if other == token else 404
            await people.box.call("GET", f"/2.0/folders/{folder['id']}", status, bearer=other)


WRONG = [
    ({"client_id": None}, "invalid_request", "Client id was not found in the headers or body"),
    ({"client_id": "nobody"}, "invalid_client", "The client credentials are invalid"),
    ({"client_secret": None}, "invalid_client", "The client credentials are invalid"),
    ({"client_secret": ""}, "invalid_client", "The client credentials are invalid"),
    ({"client_secret": "wrong"}, "invalid_client", "The client credentials are invalid"),
    ({"box_subject_type": None}, "unauthorized_client", SUBJECT_TYPE),
    ({"box_subject_type": "robot"}, "unauthorized_client", SUBJECT_TYPE),
    ({"box_subject_id": None}, "invalid_grant", "Grant credentials are invalid"),
    ({"box_subject_id": ELSEWHERE}, "invalid_grant", "Grant credentials are invalid"),
    ({"box_subject_type": "user"}, "invalid_grant", "Grant credentials are invalid"),
    ({"grant_type": "client_credential"}, "invalid_request", "Invalid grant_type parameter or parameter missing"),
    ({"grant_type": "authorization_code"}, "unauthorized_client", GRANT_TYPE),
]


@pytest.mark.parametrize(("changes", "error", "text"), WRONG, ids=[str(each[0]) for each in WRONG])
async def test_a_wrong_request_gets_no_token(
    people: People, changes: dict[str, str | None], error: str, text: str
) -> None:
    """400 in OAuth's shape, with the code and the text that Box has for it."""
    app = await people.authorized(**KIND, user_access=True)
    assert await refused(people, await form_of(people, app, **changes)) == (error, text)


async def test_an_app_without_the_setting_acts_as_no_user(people: People) -> None:
    """``unauthorized_client`` for the type of the subject, whoever the user is."""
    app, user = await people.authorized(**KIND), await people.user()
    for number in (user["id"], "17"):
        form = await form_of(people, app, box_subject_type="user", box_subject_id=number)
        assert await refused(people, form) == ("unauthorized_client", SUBJECT_TYPE)


async def test_a_user_of_another_enterprise_is_no_subject(people: People) -> None:
    """``invalid_grant``; an app of that enterprise may, and its own enterprise is the one that it names."""
    stranger = await people.user(enterprise_id=ELSEWHERE)
    ours = await people.authorized(**KIND, user_access=True)
    theirs = await people.authorized("Theirs", **KIND, user_access=True, enterprise_id=ELSEWHERE)

    form = await form_of(people, ours, box_subject_type="user", box_subject_id=stranger["id"])
    assert (await refused(people, form))[0] == "invalid_grant"
    assert (await people.me(await token_of(people, theirs, stranger)))["id"] == stranger["id"]
    assert (await people.me(await token_of(people, theirs), "enterprise"))["enterprise"]["id"] == ELSEWHERE


async def test_the_secret_belongs_to_one_app(people: People) -> None:
    """``invalid_client`` with another app's secret, and with one that was replaced."""
    app, other = await people.authorized(**KIND), await people.authorized("Other", **KIND)
    form = await form_of(people, app, client_secret=await people.secret(other))
    assert (await refused(people, form))[0] == "invalid_client"
    old = await form_of(people, app)
    await people.call("POST", f"{CONSOLE_BY_PERSON}/{app['id']}/client-secret", 201)
    assert (await refused(people, old))[0] == "invalid_client"
    assert await token_of(people, app)


async def test_an_app_token_app_has_another_grant_type(people: People) -> None:
    """``unauthorized_client``, with a secret that a test gave it and without."""
    app = await people.authorized()
    form = {"grant_type": "client_credentials", "client_id": app["client_id"], "client_secret": ""}
    assert await refused(people, form) == ("unauthorized_client", GRANT_TYPE)
    await people.call("POST", f"{CONSOLE_BY_PERSON}/{app['id']}/client-secret", 201)
    assert await refused(people, await form_of(people, app)) == ("unauthorized_client", GRANT_TYPE)


@pytest.mark.parametrize("decision", [None, "decline", "require_reauthorization", "disable"])
async def test_an_app_that_may_not_gets_no_token(people: People, decision: str | None) -> None:
    """``unauthorized_client`` before the authorization and without it."""
    app = await people.create(**KIND)
    if decision is not None:
        await people.decide(app)
        await people.decide(app, decision)
    text = "This app is not authorized by the enterprise admin"
    assert await refused(people, await form_of(people, app)) == ("unauthorized_client", text)


async def test_a_deleted_app_is_no_client(people: People) -> None:
    """``invalid_client``, and the tokens that it had are turned away."""
    app = await people.authorized(**KIND)
    form, token = await form_of(people, app), await token_of(people, app)
    await people.call("DELETE", f"{CONSOLE_BY_PERSON}/{app['id']}", 204)
    assert (await refused(people, form))[0] == "invalid_client"
    assert await people.turned_away(token) == DISABLED


async def test_a_token_rests_while_the_app_is_disabled(people: People) -> None:
    """401 with Box's words for it, also for the token of a user; the same tokens work again afterwards."""
    app = await people.authorized(**KIND, user_access=True)
    tokens = [await token_of(people, app), await token_of(people, app, await people.user())]
    await people.decide(app, "disable")
    assert [await people.turned_away(token) for token in tokens] == [DISABLED, DISABLED]
    await people.decide(app, "enable")
    assert all([await people.me(token) for token in tokens])


async def test_a_token_expires(people: People, clock: ManualClock) -> None:
    """When it was said; two tokens live side by side, each its own time."""
    app = await people.authorized(**KIND)
    first = await token_of(people, app)
    clock.pass_by(timedelta(seconds=4174))
    second = await token_of(people, app)
    assert await people.me(first)
    clock.pass_by(timedelta(seconds=1))
    assert await people.turned_away(first) is None
    assert await people.me(second)


async def test_a_token_is_revoked_with_the_credentials(people: People) -> None:
    """By its own app only; another token of the app lives on."""
    app, other = await people.authorized(**KIND), await people.authorized("Other", **KIND)
    token, second = await token_of(people, app), await token_of(people, app)

    async def revoke(client: Any, status: int) -> Any:
        form = {"client_id": client["client_id"], "client_secret": await people.secret(client), "token": token}
        return await people.box.call("POST", "/oauth2/revoke", status, bearer=None, data=form)

    assert (await revoke(other, 400))["error"] == "invalid_request"
    await revoke(app, 200)
    assert await people.turned_away(token) is None
    assert await people.me(second)
    assert (await revoke(app, 400))["error"] == "invalid_token"


async def test_a_token_is_downscoped(people: People) -> None:
    """The child acts as the same user and reaches no further."""
    app, user = await people.authorized(**KIND, user_access=True), await people.user()
    token = await token_of(people, app, user)
    body = {"name": "Invoices", "parent": {"id": "0"}}
    folder = await people.box.call("POST", "/2.0/folders", 201, bearer=token, json=body)
    grant = {"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "scope": "item_preview"}
    resource = f"https://api.box.com/2.0/folders/{folder['id']}"
    child = (await asked(people, {**grant, "subject_token": token, "resource": resource}))["access_token"]

    assert (await people.me(child))["id"] == user["id"]
    await people.box.call("GET", f"/2.0/folders/{folder['id']}", 200, bearer=child)
    await people.box.call("GET", "/2.0/folders/0", 403, bearer=child)
    await people.box.call("POST", "/2.0/folders", 403, bearer=child, json={**body, "name": "New"})


async def test_an_app_with_client_credentials_has_no_keys(people: People) -> None:
    """Generating one is refused by hand and over the Console API, which shows empty slots."""
    app = await people.authorized(**KIND)
    for path in (CONSOLE_BY_PERSON, APPS):
        error = await people.call("POST", f"{path}/{app['id']}/tokens/primary", 400, {"expires_in_days": 30})
        assert error["code"] == "bad_request"
    assert (await people.box.app_of(app))["tokens"] == {"primary": None, "secondary": None}


async def test_a_refusal_can_be_ordered(people: People) -> None:
    """In OAuth's shape with the code that a test wants, because Box gives more than one for the same trouble."""
    form = await form_of(people, await people.authorized(**KIND))
    people.box.order(kind="status", path="/oauth2/token", status=400, code="invalid_grant")
    assert await refused(people, form) == ("invalid_grant", "Ordered by a test")
    people.box.order(kind="status", path="/oauth2/token", status=503)
    assert (await asked(people, form, 503))["code"] == "unavailable"
    await asked(people, form)


async def test_the_secret_is_told_to_nobody_who_did_not_ask(people: People) -> None:
    """Neither the list nor the app shows it."""
    app = await people.authorized(**KIND)
    secret = await people.secret(app)
    shown = [app, await people.app_of(app), await people.box.app_of(app)]
    assert secret not in str([*shown, await people.call("GET", CONSOLE_BY_PERSON, 200)])


# Box's official SDK, unmodified


@pytest.fixture
def robot(loopback: Loopback) -> dict[str, Any]:
    """An authorized app with client credentials, with its secret."""
    body = {"name": "Robot", "kind": "client_credentials", "user_access": True}
    app = loopback.call("POST", CONSOLE_BY_PERSON, 201, json=body)
    loopback.call("POST", f"{CONSOLE_BY_PERSON}/{app['id']}/authorization/decision", json={"decision": "authorize"})
    secret = loopback.call("GET", f"{CONSOLE_BY_PERSON}/{app['id']}/client-secret")["client_secret"]
    return {**app, "client_secret": secret}


def auth_of(robot: dict[str, Any], **subject: str) -> BoxCCGAuth:
    """The SDK's own authentication."""
    return BoxCCGAuth(CCGConfig(robot["client_id"], robot["client_secret"], **subject))


def test_the_sdk_gets_a_token_by_itself(robot: dict[str, Any], session: NetworkSession) -> None:
    """It asks for a token, acts as the service account, and works with its files."""
    client = BoxClient(auth=auth_of(robot, enterprise_id=ENTERPRISE), network_session=session)
    assert client.users.get_user_me().login == robot["service_account"]["login"]
    folder = client.folders.create_folder("Invoices", CreateFolderParent(id="0"))
    entries = client.folders.get_folder_items("0").entries or []
    assert [entry.id for entry in entries] == [folder.id]


def test_the_sdk_acts_as_a_user(loopback: Loopback, robot: dict[str, Any], session: NetworkSession) -> None:
    """As the managed user that it was told."""
    user = loopback.call("POST", "/sandbox/v1/users", 201, json={"login": "dana@acme.example"})
    auth = auth_of(robot, enterprise_id=ENTERPRISE).with_user_subject(user["id"])
    me = BoxClient(auth=auth, network_session=session).users.get_user_me()
    assert (me.id, me.login) == (user["id"], "dana@acme.example")


def test_the_sdk_gets_a_new_token_when_one_is_over(
    robot: dict[str, Any], session: NetworkSession, clock: ManualClock
) -> None:
    """With its own retries it takes 401 for a token to be replaced, and goes on."""
    auth = auth_of(robot, enterprise_id=ENTERPRISE)
    client = BoxClient(auth=auth, network_session=session.with_retry_strategy(BoxRetryStrategy()))
    client.users.get_user_me()
    first = auth.token_storage.get()
    clock.pass_by(timedelta(hours=2))
    assert client.users.get_user_me().login == robot["service_account"]["login"]
    second = auth.token_storage.get()
    assert first is not None
    assert second is not None
    assert first.access_token != second.access_token


def test_the_sdk_downscopes_and_revokes(robot: dict[str, Any], session: NetworkSession) -> None:
    """The child outlives the token that was revoked."""
    auth = auth_of(robot, enterprise_id=ENTERPRISE)
    child = auth.downscope_token(["item_preview"], network_session=session)
    token = auth.retrieve_token(network_session=session).access_token
    auth.revoke_token(network_session=session)
    url = f"{session.base_urls.base_url}/2.0/users/me"
    statuses = [
        requests.get(url, headers={"Authorization": f"Bearer {each}"}, timeout=10).status_code
        for each in (token, child.access_token)
    ]
    assert statuses == [401, 200]
