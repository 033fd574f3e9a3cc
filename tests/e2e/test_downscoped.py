"""Downscoped tokens: fewer rights, a short life, a Secret of their own, and made anew before anybody notices."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.e2e import grants, people, rotating
from tests.e2e.conftest import Stage
from tests.e2e.grants import Client, ask_for, at_work, await_listed, await_other, make_folder
from tests.e2e.pace import stretched
from tests.e2e.story import LABELS, box_app, delete, live_tokens, make_ready, message_of, secret_path, submit, values
from tests.e2e.test_deletion import GARBAGE_COLLECTION_SECONDS

from playground import Playground
from playground.output import until
from playground.play import condition, secret_manifest

NARROW = "viewer-narrow"
READ: dict[str, Any] = {"secretName": NARROW, "scopes": ["base_explorer", "item_download"]}
WRITE = {"secretName": "viewer-write", "scopes": ["base_upload"]}
REFUSED = {
    "scope": ({**READ, "scopes": ["item_reed"]}, "it does not know one of the scopes"),
    "resource": ({**READ, "resource": "https://api.box.com/2.0/folders/1"}, "there is no such file or folder"),
}
NOT_THE_CLIENTS = {"kind": "status", "status": 400, "code": "invalid_request", "path": "/oauth2/revoke"}
EDITS: dict[str, dict[str, Any]] = {
    "token": {"data": {"BOX_APP_TOKEN": "bm90IGEgdG9rZW4="}},
    "emptied": {"data": None},
    "annotations": {"metadata": {"annotations": None}},
    "labels": {"metadata": {"labels": None}},
    "expiry": {"data": {"BOX_TOKEN_EXPIRES_AT": "bmV2ZXI="}},
    "owner": {"metadata": {"ownerReferences": None}},
}


@pytest.fixture(scope="module")
def assisted(stage: Stage) -> str:
    """An enterprise without a console endpoint."""
    stage.play.enterprise("assisted", console={"mode": "Assisted"})
    return "assisted"


@pytest.fixture(autouse=True)
def finished(play: Playground, ns: str) -> Iterator[None]:
    """Nothing of a test goes on in the next one."""
    yield
    grants.finish(play, ns)


def limited_to(folder: str, **changes: Any) -> dict[str, Any]:
    """A downscoped token that may read a folder."""
    return {**READ, "resource": f"https://api.box.com/2.0/folders/{folder}", **changes}


def make_narrow(play: Playground, ns: str) -> str:
    """An app that is Ready, with a downscoped token; returns it."""
    make_ready(play, ns, downscopedTokens=[READ])
    return rotating.token_in(play, ns, NARROW)


# What they are


@pytest.mark.also_on("namespaced")
def test_each_is_in_a_secret_of_its_own(play: Playground, ns: str) -> None:
    """Ready means that they are there: owner, labels, token, expiry; the status lists them; one call for each."""
    mark = play.box.mark()
    body = make_ready(play, ns, downscopedTokens=[READ, WRITE], tokens={"secret": {"labels": {"team": "billing"}}})

    assert grants.asked(play, mark) == 2
    assert [each["secretName"] for each in body["status"]["downscopedTokens"]] == [NARROW, "viewer-write"]
    await_listed(play, ns, NARROW, "viewer-write")
    for name in (NARROW, "viewer-write"):
        meta, data = play.secret(ns, name)["metadata"], values(play.secret(ns, name))
        owner = meta["ownerReferences"][0]
        assert (owner["kind"], owner["uid"], owner["controller"]) == ("BoxCustomApp", body["metadata"]["uid"], True)
        assert meta["labels"] == LABELS
        assert set(data) == {"BOX_APP_TOKEN", "BOX_TOKEN_EXPIRES_AT"}
        assert data["BOX_TOKEN_EXPIRES_AT"] == rotating.notes(play, ns, name)["expires-at"].replace("+00:00", "Z")
        assert grants.use(play, data["BOX_APP_TOKEN"]).is_success


def test_it_has_fewer_rights(play: Playground, ns: str) -> None:
    """It reads the folder that it is limited to, no other, and cannot write; the App Token can do all of it."""
    make_ready(play, ns)
    folder, other = make_folder(play, ns), make_folder(play, ns, "other")
    ask_for(play, ns, limited_to(folder)).raise_for_status()
    narrow, full = await_other(play, ns, "", NARROW), rotating.token_in(play, ns)

    read = {each: grants.use(play, narrow, f"/2.0/folders/{each}").status_code for each in (folder, other, "0")}
    assert read == {folder: 200, other: 403, "0": 403}
    assert grants.upload(play, narrow, folder).status_code == 403
    assert grants.use(play, full, f"/2.0/folders/{other}").is_success
    assert grants.upload(play, full, folder).is_success


# When they are made anew


def test_nobody_notices_that_it_is_refreshed(play: Playground, ns: str) -> None:
    """Before it runs out; each time costs one call, the Secret and the status. The App Token stays."""
    make_ready(play, ns)
    folder, full = make_folder(play, ns), rotating.token_in(play, ns)
    half = stretched(4)
    play.box.access_token_seconds(2 * half)
    ask_for(play, ns, limited_to(folder, refreshBefore=f"{half}s")).raise_for_status()
    await_other(play, ns, "", NARROW)
    start, mark, client = grants.quiet(play, ns), play.box.mark(), Client(play, ns, NARROW, f"/2.0/folders/{folder}")

    with at_work(client):
        client.await_seen(4)

    def written() -> list[str]:
        return [write.resource for write in play.cluster.writes(start) if write.namespace == ns]

    costs = ["secrets", "boxcustomapps/status"]
    until(lambda: written() == costs * grants.asked(play, mark), 10, "nothing but Secret and status to be written")
    assert rotating.token_in(play, ns) == full


@pytest.mark.parametrize("parent", ["app-token", "client-credentials"])
def test_it_is_made_anew_after_a_rotation(play: Playground, ns: str, assisted: str, parent: str) -> None:
    """From the new token, whatever becomes of the old one."""
    if parent == "app-token":
        make_ready(play, ns, downscopedTokens=[READ])
    else:
        grants.make_granted(play, ns, assisted, downscopedTokens=[READ])
    before = rotating.token_in(play, ns, NARROW)

    active = rotating.rotate(play, ns)["status"]["tokens"]["active"]["fingerprint"]

    after = await_other(play, ns, before, NARROW)
    assert rotating.notes(play, ns, NARROW)["downscoped-from"] == active
    assert grants.use(play, after).is_success
    await_listed(play, ns, NARROW)


def test_a_disabled_app_recovers(play: Playground, ns: str) -> None:
    """While it is disabled Box makes no token; once it is enabled again the next one comes at once."""
    play.box.access_token_seconds(8)
    make_ready(play, ns, downscopedTokens=[{**READ, "refreshBefore": "4s"}])
    play.box.decide(f"{ns} viewer", "disable")
    play.await_condition(ns, "viewer", "Disabled", "Authorized")
    before, due = (
        rotating.token_in(play, ns, NARROW),
        datetime.fromisoformat(rotating.notes(play, ns, NARROW)["expires-at"]),
    )
    until(lambda: datetime.now(UTC) > due, 10, "the downscoped token to be over")
    rotating.await_pass(play, ns)
    assert rotating.token_in(play, ns, NARROW) == before

    play.box.decide(f"{ns} viewer", "enable")

    assert grants.use(play, await_other(play, ns, before, NARROW, seconds=3)).is_success


@pytest.mark.parametrize("operator", ["there", "away"])
def test_a_deleted_secret_comes_back(play: Playground, ns: str, operator: str) -> None:
    """With a new token, as soon as there is an operator."""
    before = make_narrow(play, ns)
    if operator == "away":
        play.operator.stop()

    play.cluster.delete(secret_path(ns, NARROW))

    if operator == "away":
        play.operator.start()
    assert grants.use(play, await_other(play, ns, before, NARROW)).is_success
    await_listed(play, ns, NARROW)


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_secret_is_mended(play: Playground, ns: str, edit: str) -> None:
    """Whatever a person does to it, the Secret becomes what it was, with a token that works."""
    make_narrow(play, ns)
    shape = grants.shape_of(play.secret(ns, NARROW))

    play.cluster.patch(secret_path(ns, NARROW), EDITS[edit])

    until(lambda: grants.shape_of(play.secret(ns, NARROW)) == shape, 10, f"the Secret to be mended after {edit}")
    assert grants.use(play, rotating.token_in(play, ns, NARROW)).is_success
    await_listed(play, ns, NARROW)
    assert len(grants.obtained(play, ns, "downscoped")) <= 2


@pytest.mark.parametrize("change", ["scopes", "resource"])
def test_another_wish_gives_another_token(play: Playground, ns: str, change: str) -> None:
    """Other scopes or another resource at once; another order of the scopes or another refreshBefore is no reason."""
    before = make_narrow(play, ns)
    ask_for(play, ns, {**READ, "scopes": READ["scopes"][::-1], "refreshBefore": "20m"}).raise_for_status()
    rotating.await_pass(play, ns)
    assert rotating.token_in(play, ns, NARROW) == before
    folder = make_folder(play, ns)

    ask_for(play, ns, {**WRITE, "secretName": NARROW} if change == "scopes" else limited_to(folder)).raise_for_status()

    after = await_other(play, ns, before, NARROW)
    assert grants.upload(play, after, folder).is_success == (change == "scopes")
    assert grants.use(play, after, "/2.0/folders/0").status_code == 403
    await_listed(play, ns, NARROW)


def test_nothing_happens_at_rest(play: Playground, ns: str) -> None:
    """No write but the one for the wish to look, and no call; not more after a restart, and the young token stays."""
    start, mark = rotating.make_quiet(play, ns, downscopedTokens=[READ]), play.box.mark()
    before = play.secret(ns, NARROW)
    rotating.await_writes(play, ns, start)
    assert {(each["method"], each["path"]) for each in play.box.requests(mark)} <= {("GET", "/console/v1/apps")}
    start = play.cluster.audit_size()

    rotating.restart_operator(play)

    rotating.await_writes(play, ns, start)
    assert grants.asked(play, mark) == 0
    assert play.secret(ns, NARROW) == before


# What people do, and do wrong


@pytest.mark.also_on("namespaced")
def test_an_entry_that_is_removed_takes_its_secret_along(play: Playground, ns: str) -> None:
    """Those of the others stay as they are; in the end none is left, and the App Token is as it was."""
    make_ready(play, ns, downscopedTokens=[READ, WRITE])
    before, full = play.secret(ns, NARROW), rotating.token_in(play, ns)

    ask_for(play, ns, READ).raise_for_status()

    until(lambda: play.secret(ns, "viewer-write") is None, 10, "the Secret to go")
    await_listed(play, ns, NARROW)
    assert play.secret(ns, NARROW) == before
    ask_for(play, ns).raise_for_status()
    until(lambda: play.secret(ns, NARROW) is None, 10, "the last Secret to go")
    await_listed(play, ns)
    assert rotating.token_in(play, ns) == full


def test_a_foreign_secret_is_left_alone(play: Playground, ns: str) -> None:
    """SecretConflict names it, Box is not asked; as soon as it is gone all goes on by itself."""
    make_ready(play, ns)
    play.cluster.ensure(secret_manifest(ns, NARROW, {"BOX_APP_TOKEN": "of-somebody-else"}))
    foreign, mark, full = play.secret(ns, NARROW), play.box.mark(), rotating.token_in(play, ns)

    ask_for(play, ns, READ).raise_for_status()

    body = play.await_condition(ns, "viewer", "SecretConflict")
    assert f"'{NARROW}'" in message_of(body, "TokenReady")
    assert "downscopedTokens" not in body["status"]
    assert grants.asked(play, mark) == 0
    assert (play.secret(ns, NARROW), rotating.token_in(play, ns)) == (foreign, full)
    assert grants.use(play, full).is_success
    play.cluster.delete(secret_path(ns, NARROW))
    play.await_condition(ns, "viewer", "Ready")
    await_listed(play, ns, NARROW)


def test_a_foreign_secret_holds_up_nothing_else(play: Playground, ns: str) -> None:
    """The App Token is rotated, and the other downscoped tokens are made."""
    make_ready(play, ns)
    play.cluster.ensure(secret_manifest(ns, NARROW, {"note": "of somebody else"}))
    ask_for(play, ns, READ, WRITE).raise_for_status()
    play.await_condition(ns, "viewer", "SecretConflict")

    await_other(play, ns, "", "viewer-write", seconds=5)
    rotating.rotate(play, ns)


@pytest.mark.parametrize("what", REFUSED)
def test_what_box_refuses_is_said_and_disturbs_nobody(play: Playground, ns: str, what: str) -> None:
    """Ready is False and names the Secret; all other tokens are as ever; Box is not asked time and again."""
    make_ready(play, ns)
    full, mark = rotating.token_in(play, ns), play.box.mark()
    wrong, words = REFUSED[what]

    ask_for(play, ns, wrong).raise_for_status()

    body = play.await_condition(ns, "viewer", "DownscopeRefused")
    assert f"'{NARROW}'" in message_of(body)
    assert words in message_of(body)
    assert condition(body, "Stalled") is not None
    grants.check_no_storm(play, ns, mark)
    assert words in rotating.await_warning(play, ns, "DownscopeRefused")
    ask_for(play, ns, wrong, WRITE).raise_for_status()
    await_listed(play, ns, "viewer-write")
    assert (rotating.token_in(play, ns), play.secret(ns, NARROW)) == (full, None)
    ask_for(play, ns, READ, WRITE).raise_for_status()
    await_listed(play, ns, NARROW, "viewer-write")
    assert words not in message_of(play.await_condition(ns, "viewer", "Ready"))


def test_ready_waits_for_the_first_one(play: Playground, ns: str) -> None:
    """Box is in trouble when it is asked for: whoever waits for Ready finds the Secret there."""
    play.box.fault({"kind": "status", "status": 500, "path": "/oauth2/token", "count": None})
    submit(play, ns, downscopedTokens=[READ])

    body = play.await_condition(ns, "viewer", "AwaitingToken")

    until(lambda: f"'{NARROW}'" in message_of(play.get(ns, "viewer")), 10, "the Secret to be named")
    assert grants.use(play, rotating.token_in(play, ns)).is_success
    assert condition(body, "Stalled") is None
    play.box.fault()
    play.await_condition(ns, "viewer", "Ready")
    await_listed(play, ns, NARROW)


def test_the_secret_of_the_app_token_is_not_taken(play: Playground, ns: str) -> None:
    """Whoever asks for a downscoped token in the same Secret is told so, and nothing happens."""
    make_ready(play, ns)
    full = rotating.token_in(play, ns)

    response = ask_for(play, ns, {**READ, "secretName": rotating.SECRET})

    assert response.status_code == 422
    assert "a Secret of its own" in response.json()["message"]
    assert live_tokens(play, box_app(play, ns)) == [full] == [rotating.token_in(play, ns)]


def test_the_secrets_go_with_the_app(play: Playground, ns: str) -> None:
    """Kubernetes collects them."""
    make_ready(play, ns, downscopedTokens=[READ, WRITE])

    delete(play, ns)

    left = (NARROW, "viewer-write", rotating.SECRET)
    until(lambda: not any(play.secret(ns, name) for name in left), GARBAGE_COLLECTION_SECONDS, "the Secrets to go")


@pytest.mark.parametrize("policy", ["RevokeTokens", "Retain"])
@pytest.mark.parametrize("box", ["willing", "unwilling", "away"])
def test_deletion_revokes_them_with_client_credentials(
    play: Playground, ns: str, assisted: str, box: str, policy: str
) -> None:
    """What Box does not let this client revoke ends by itself, and is not waited for."""
    grants.make_granted(play, ns, assisted, downscopedTokens=[READ, WRITE], deletionPolicy=policy)
    await_listed(play, ns, NARROW, "viewer-write")
    children = [rotating.token_in(play, ns, name) for name in (NARROW, "viewer-write")]
    full = rotating.token_in(play, ns)
    if box == "unwilling":
        # The first call is about the access token.
        play.box.fault(*[{"kind": "latency", "seconds": 0.0, "path": "/oauth2/revoke"}, *2 * [NOT_THE_CLIENTS]])
    elif box == "away":
        play.box.fault({"kind": "status", "status": 503, "path": "/oauth2/revoke", "count": 2})

    delete(play, ns)
    left = [grants.is_live(play, token) for token in (full, *children)]
    assert left == (3 * [True] if policy == "Retain" else [False, *2 * [box == "unwilling"]])


def test_deletion_revokes_them_with_a_client_secret(play: Playground, ns: str, assisted: str) -> None:
    """Of an app whose keys a person generated."""
    spec = {"enterpriseRef": {"name": assisted}, "clientSecretRef": {"name": "client", "key": "secret"}}
    people.make_ready(play, ns, downscopedTokens=[READ], **spec)
    value = play.box.new_client_secret(f"{ns} viewer")
    play.cluster.ensure(secret_manifest(ns, "client", {"secret": value}))
    child = await_other(play, ns, "", NARROW)

    delete(play, ns)
    assert not grants.is_live(play, child)
