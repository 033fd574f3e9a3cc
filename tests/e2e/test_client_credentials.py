"""The Client Credentials Grant: an access token in the Secret, obtained and renewed with the app's id and secret."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from tests.e2e import grants, rotating
from tests.e2e.conftest import Stage
from tests.e2e.grants import CREDENTIALS, Client, at_work, granted_by, hand_over, make_granted
from tests.e2e.pace import stretched
from tests.e2e.story import await_gone, box_app, delete, message_of, secret_path, stated

from playground import Playground
from playground.output import until
from playground.play import app_manifest, condition, secret_manifest

QUICK_SECONDS = 6
REFUSED = {
    "not-authorized": ("must authorize the app", "False", "PendingApproval"),
    "wrong-secret": ("it does not know this client id with this client secret", "False", "TokenRejected"),
    "unknown-user": ("it does not accept these credentials", "False", "TokenRejected"),
    "no-user-access": ("the app may not use this grant, or not for this subject", "False", "TokenRejected"),
}
"""What TokenReady says, and status and reason of Ready."""


@pytest.fixture(scope="module")
def enterprises(stage: Stage) -> None:
    """Enterprises of both modes."""
    grants.make_enterprises(stage.play)


@pytest.fixture(autouse=True)
def finished(play: Playground, ns: str, enterprises: None) -> Iterator[None]:
    """Nothing of a test goes on in the next one."""
    yield
    grants.finish(play, ns)


@pytest.fixture(params=grants.MODES)
def corp(request: pytest.FixtureRequest) -> str:
    """An enterprise that looks again every second."""
    return str(request.param).lower()


@pytest.fixture
def slow(corp: str) -> str:
    """An enterprise that hardly ever looks again: whatever happens has another cause."""
    return f"{corp}-slow"


def test_the_secret_has_the_usual_shape_and_its_token_works(play: Playground, ns: str, slow: str) -> None:
    """One call for the token, and none but GET to the console; the status knows no app id."""
    mark = play.box.mark()
    body = make_granted(play, ns, slow)

    grants.check_published(play, ns, body)
    assert [each["path"] for each in play.box.requests(mark) if each["method"] != "GET"] == ["/oauth2/token"]
    assert body["status"]["authorization"] == {"state": "Authorized"}
    assert body["status"].keys().isdisjoint({"appID", "nextSteps", "consoleURL"})
    active, again = body["status"]["tokens"]["active"], body["status"]["tokens"]["nextRotationTime"]
    issued, expiry = (datetime.fromisoformat(active[date]) for date in ("issuedTime", "expiryTime"))
    assert expiry - issued == timedelta(seconds=grants.LONG_SECONDS)
    assert 0.44 <= (datetime.fromisoformat(again) - issued) / (expiry - issued) <= 0.5


def test_a_token_may_act_as_a_user(play: Playground, ns: str, slow: str) -> None:
    """With subject type user, if the app may do that."""
    user = play.box.create_user(f"{ns}@example.com")

    make_granted(play, ns, slow, user)

    assert grants.use(play, rotating.token_in(play, ns)).json()["id"] == user["id"]


def test_another_subject_gives_another_token(play: Playground, ns: str, slow: str) -> None:
    """At once: while the spec names the service account, no pod is given a token that acts as a user."""
    make_granted(play, ns, slow, play.box.create_user(f"{ns}@example.com"))
    app, first = box_app(play, ns), rotating.token_in(play, ns)

    play.cluster.patch(play.path(ns, "viewer"), {"spec": granted_by(slow, app)})

    token = grants.await_other(play, ns, first, seconds=5)
    assert grants.use(play, token).json()["login"] == app["service_account"]["login"]


def test_a_token_is_never_called_another_apps(play: Playground, ns: str, slow: str) -> None:
    """While the other app gets no token, all that is said is true of the one that is there; then it is replaced."""
    make_granted(play, ns, slow)
    before, mine, other = play.secret(ns, rotating.SECRET), box_app(play, ns), grants.another(play, ns)

    hand_over(play, ns, other)

    body = rotating.await_pass(play, ns)
    grants.check_client(play, ns, mine)
    assert play.secret(ns, rotating.SECRET)["data"] == before["data"]
    assert other["client_id"] in body["status"]["nextSteps"][0]["what"]
    play.box.decide(other["name"], "authorize")
    rotating.await_pass(play, ns)
    grants.check_client(play, ns, other)


# What people have to do


@pytest.mark.also_on("namespaced")
@pytest.mark.parametrize("given", [None, {"clientID": "half-of-it"}, {"clientID": "x", "clientSecret": ""}])
def test_missing_credentials_are_waited_for(play: Playground, ns: str, slow: str, given: dict[str, str] | None) -> None:
    """The message names the Secret and its keys, Box is not asked; as soon as they are there all goes on by itself."""
    app, mark = grants.by_hand(play, ns), play.box.mark()
    if given is not None:
        play.cluster.ensure(secret_manifest(ns, CREDENTIALS, given))
    play.app(ns, "viewer", **granted_by(slow, app))
    body = play.await_condition(ns, "viewer", "AwaitingToken")
    assert [word for word in (CREDENTIALS, "'clientID'", "'clientSecret'") if word not in message_of(body)] == []
    assert message_of(body) == body["status"]["nextSteps"][0]["what"]
    assert grants.asked(play, mark) == 0

    hand_over(play, ns, app)

    play.await_condition(ns, "viewer", "Ready", seconds=5)
    assert "nextSteps" not in play.get(ns, "viewer")["status"]


def test_the_admin_is_waited_for(play: Playground, ns: str, corp: str) -> None:
    """PendingApproval says who must authorize what and where; after the approval the next look goes on."""
    app = grants.make_refused(play, ns, corp, "not-authorized")
    body = play.await_condition(ns, "viewer", "PendingApproval")
    authorized, step = condition(body, "Authorized") or {}, body["status"]["nextSteps"][0]
    assert (authorized["status"], authorized["reason"]) == ("False", "PendingApproval")
    assert app["client_id"] in step["what"] == message_of(body)
    assert step["where"].startswith("https://app.box.com/master/")
    assert body["status"]["authorization"] == {"state": "Pending"}

    play.box.decide(app["name"], "authorize")

    play.await_condition(ns, "viewer", "Ready", seconds=5)


@pytest.mark.parametrize("trouble", REFUSED)
def test_what_box_refuses_is_said_and_not_asked_for_again(play: Playground, ns: str, slow: str, trouble: str) -> None:
    """TokenReady and Ready say what Box said; nothing is published, and nobody asks again without a reason.

    The right secret in the Secret, or the right subject in the spec, is tried as soon as it is there.
    """
    mark = play.box.mark()

    app = grants.make_refused(play, ns, slow, trouble)

    grants.check_no_storm(play, ns, mark)
    assert play.secret(ns, rotating.SECRET) is None
    words, *ready = REFUSED[trouble]
    assert words in message_of(play.get(ns, "viewer"), "TokenReady")
    assert grants.ready_of(play, ns) == tuple(ready)
    if trouble == "not-authorized":
        return
    if trouble == "wrong-secret":
        hand_over(play, ns, app)
    else:
        play.cluster.patch(play.path(ns, "viewer"), {"spec": granted_by(slow, app)})
    play.await_condition(ns, "viewer", "Ready", seconds=5)


def test_no_wish_to_look_again_is_lost(play: Playground, ns: str, slow: str) -> None:
    """One that comes while Box is being asked for an earlier one is acted upon before it is called handled."""
    mark = play.box.mark()
    grants.make_refused(play, ns, slow, "not-authorized")
    play.box.fault({"kind": "latency", "seconds": 1.0, "path": "/oauth2/token", "count": None})
    rotating.annotate(play, ns, "viewer", "reconcile-requested-at", "while-nothing-happens")
    until(lambda: grants.asked(play, mark) == 2, 10, "the second call to begin")

    rotating.annotate(play, ns, "viewer", "reconcile-requested-at", "while-box-is-asked")

    until(lambda: "while-box-is-asked" in str(play.get(ns, "viewer")["status"]), 10, "it to be handled")
    # The watch for the Secret that is waited for may begin in between, with one more look.
    assert 3 <= grants.asked(play, mark) <= 4


@pytest.mark.also_on("namespaced")
def test_credentials_of_another_namespace_are_out_of_reach(play: Playground, ns: str, slow: str) -> None:
    """A name is no path."""
    spec = granted_by(slow, grants.by_hand(play, ns))
    spec["clientCredentials"]["secretRef"]["name"] = f"../../other/secrets/{CREDENTIALS}"

    assert play.cluster.create(app_manifest(ns, "viewer", **spec)).status_code == 422


# Renewal


def test_nobody_notices_that_the_token_is_renewed(play: Playground, ns: str, corp: str) -> None:
    """Not one 401, also through an outage and with another client secret; each costs the Secret and the status."""
    play.box.access_token_seconds(stretched(QUICK_SECONDS))
    make_granted(play, ns, corp)
    old = play.box.client_secret(f"{ns} viewer")

    with at_work(Client(play, ns)) as client:
        play.box.fault({"kind": "status", "status": 503, "path": "/oauth2/token", "count": 2})
        client.await_seen(3)
        start = play.cluster.audit_size()
        client.await_seen(5)
        hand_over(play, ns, box_app(play, ns), play.box.new_client_secret(f"{ns} viewer"))
        client.await_seen(7)

    written = [write.resource for write in play.cluster.writes(start) if write.namespace == ns]
    assert set(written) == {"secrets", "boxcustomapps/status"}
    assert len(written) <= 10
    assert grants.ready_of(play, ns) == ("True", "Ready")
    grants.check_untold(play, ns, old)


def test_a_request_gives_a_new_token_once_and_a_restart_none(play: Playground, ns: str, slow: str) -> None:
    """The previous token ends by itself. A restart writes only what a wish to look costs, and asks for no token."""
    make_granted(play, ns, slow)
    first = rotating.token_in(play, ns)

    rotating.rotate(play, ns)

    assert rotating.token_in(play, ns) != first
    assert grants.is_live(play, first)
    assert "retiring" not in rotating.tokens(play, ns)
    start, mark = grants.quiet(play, ns), play.box.mark()
    rotating.restart_operator(play)
    rotating.await_writes(play, ns, start)
    assert (grants.asked(play, mark), len(grants.obtained(play, ns))) == (0, 2)


def test_a_deleted_secret_comes_back_with_a_new_token(play: Playground, ns: str, slow: str) -> None:
    """Its value is lost; another is obtained at once."""
    make_granted(play, ns, slow)
    first = rotating.token_in(play, ns)

    play.cluster.delete(secret_path(ns, rotating.SECRET))

    assert grants.use(play, grants.await_other(play, ns, first)).is_success
    play.await_condition(ns, "viewer", "Ready")
    assert len(grants.obtained(play, ns)) == 2


@pytest.mark.parametrize("credentials", ["there", "gone"])
def test_an_edited_secret_keeps_its_token(play: Playground, ns: str, slow: str, credentials: str) -> None:
    """Labels and keys are mended without Box, and so without credentials; what others add stays."""
    make_granted(play, ns, slow)
    before = play.secret(ns, rotating.SECRET)
    if credentials == "gone":
        play.cluster.delete(secret_path(ns, CREDENTIALS))

    theirs = {"THEIRS": "ZXh0cmE=", "BOX_TOKEN_SLOT": "eA=="}
    play.cluster.patch(secret_path(ns, rotating.SECRET), {"metadata": {"labels": None}, "data": theirs})

    until(
        lambda: play.secret(ns, rotating.SECRET)["metadata"].get("labels") == before["metadata"]["labels"],
        10,
        "the labels",
    )
    assert play.secret(ns, rotating.SECRET)["data"] == {**before["data"], "THEIRS": "ZXh0cmE="}
    assert grants.ready_of(play, ns) == ("True", "Ready")


def test_a_disabled_app_is_said_and_recovers(play: Playground, ns: str, corp: str) -> None:
    """When the token is due Box says no; before and after its end pods get 401, Ready names the admin, and enabling
    mends it.
    """
    play.box.access_token_seconds(stretched(QUICK_SECONDS))
    make_granted(play, ns, corp)

    play.box.decide(f"{ns} viewer", "disable")

    for reason in ("TokenRejected", "TokenExpired"):
        body = play.await_condition(ns, "viewer", reason)
        assert message_of(body).startswith("Pods get 401: ")
        assert body["status"]["clientID"] in message_of(body)
        assert message_of(body) == message_of(body, "TokenReady")
    assert stated(body, "Authorized")["reason"] == "PendingApproval"
    play.box.decide(f"{ns} viewer", "enable")
    play.await_condition(ns, "viewer", "Ready", seconds=5)
    assert grants.use(play, rotating.token_in(play, ns)).is_success


# The end


@pytest.mark.parametrize("policy", ["RevokeTokens", "Retain"])
def test_deletion_revokes_the_published_token_or_not(play: Playground, ns: str, slow: str, policy: str) -> None:
    """With the client's credentials; the app stays."""
    make_granted(play, ns, slow, deletionPolicy=policy)
    token, mark, before = rotating.token_in(play, ns), play.box.mark(), box_app(play, ns)

    delete(play, ns)
    assert grants.is_live(play, token) == (policy == "Retain")
    revoked = [each["status"] for each in play.box.requests(mark) if each["path"] == "/oauth2/revoke"]
    assert revoked == ([200] if policy == "RevokeTokens" else [])
    assert box_app(play, ns) == before


@pytest.mark.also_on("namespaced")
@pytest.mark.parametrize("gone", ["credentials", "namespace"])
def test_deletion_does_not_wait_for_what_is_gone(play: Playground, ns: str, slow: str, gone: str) -> None:
    """Without credentials the token ends by itself; of a namespace anything may go first."""
    make_granted(play, ns, slow)
    token = rotating.token_in(play, ns)
    play.cluster.delete(secret_path(ns, CREDENTIALS) if gone == "credentials" else f"/api/v1/namespaces/{ns}")

    delete(play, ns)
    assert gone == "namespace" or grants.is_live(play, token)
    assert gone == "namespace" or rotating.await_warning(play, ns, "LeftToExpire") in play.logs()


def test_deletion_waits_for_credentials_that_are_wrong(play: Playground, ns: str, corp: str) -> None:
    """It is said how to let go; with the right ones the next look does it."""
    make_granted(play, ns, corp)
    token = rotating.token_in(play, ns)
    hand_over(play, ns, box_app(play, ns), "not-the-secret")
    play.cluster.delete(play.path(ns, "viewer"))
    assert "boxapps.dev/force-delete" in message_of(play.await_condition(ns, "viewer", "Deleting"))

    hand_over(play, ns, box_app(play, ns))

    await_gone(play, ns)
    assert not grants.is_live(play, token)


@pytest.mark.parametrize("look", [True, False], ids=["refused", "not-tried"])
def test_deletion_does_not_wait_for_a_token_of_another_app(play: Playground, ns: str, slow: str, look: bool) -> None:
    """Box lets no client revoke the token of another; that it ends by itself is said."""
    make_granted(play, ns, slow)
    token, mark = rotating.token_in(play, ns), play.box.mark()
    hand_over(play, ns, grants.another(play, ns))
    if look:
        rotating.await_pass(play, ns)

    delete(play, ns)
    assert grants.is_live(play, token)
    assert not [each for each in play.box.requests(mark) if each["path"] == "/oauth2/revoke"]
    said = rotating.await_warning(play, ns, "LeftToExpire")
    assert box_app(play, ns)["client_id"] in said
    assert said in play.logs()
