"""A Secret is not the operator's alone: what others put there stays, and what the spec drops goes."""

from typing import Any

import pytest
from tests.e2e.policies import Rival
from tests.e2e.rotating import (
    SECRET,
    annotate,
    await_handled,
    await_pass,
    await_retired,
    await_warning,
    issued,
    live,
    request_rotation,
    restart_operator,
    rotate,
    say_of_token,
    token_in,
    warnings,
)
from tests.e2e.story import approve, await_one_token, make_ready, secret_path, stated, values

from playground import Playground
from playground.output import until
from playground.play import condition, secret_manifest

ALSO_ON = ("embedded",)
"""Patches, finalizers and owners are things that the imitation has its own code for."""
AT_ONCE = {"rotation": {"overlap": "0s", "retire": "AfterOverlap"}}
HOLD = "wave.example.com/watch"


def change(play: Playground, ns: str, **secret: Any) -> None:
    """Change ``spec.tokens.secret``; None takes a field away."""
    play.cluster.patch(play.path(ns, "viewer"), {"spec": {"tokens": {"secret": secret}}})


def make_owner(play: Playground, ns: str, name: str = "wave-owner", **reference: Any) -> dict[str, Any]:
    """An object that a Secret may belong to; returns the owner reference."""
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": ns, "name": name}}
    made = play.cluster.send("POST", f"/api/v1/namespaces/{ns}/configmaps", manifest).raise_for_status().json()
    return {"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": made["metadata"]["uid"], **reference}


# What others put there


def add_what_is_theirs(play: Playground, ns: str) -> None:
    """All that another controller may put on a Secret."""
    owners = [*play.secret(ns, SECRET)["metadata"]["ownerReferences"], make_owner(play, ns)]
    metadata = {
        "finalizers": [HOLD],
        "ownerReferences": owners,
        "labels": {"wave": "yes"},
        "annotations": {"wave.example.com/hash": "1", "boxapps.dev/of-somebody": "x"},
    }
    play.cluster.patch(f"{secret_path(ns)}?fieldManager=wave", {"metadata": metadata, "data": {"WAVE": "d2F2ZQ=="}})


def assert_theirs_is_there(play: Playground, ns: str) -> None:
    """Nothing of it is gone."""
    secret = play.secret(ns, SECRET)
    meta = secret["metadata"]
    assert meta["finalizers"] == [HOLD]
    assert [(owner["kind"], owner["name"]) for owner in meta["ownerReferences"]] == [
        ("BoxCustomApp", "viewer"),
        ("ConfigMap", "wave-owner"),
    ]
    assert meta["labels"]["wave"] == "yes"
    assert (meta["annotations"]["wave.example.com/hash"], meta["annotations"]["boxapps.dev/of-somebody"]) == ("1", "x")
    assert values(secret)["WAVE"] == "wave"
    if play.cluster.plane is not None:
        assert {"wave", "box-app-operator"} <= {entry["manager"] for entry in meta["managedFields"]}


def test_what_others_put_there_survives_every_write(play: Playground, ns: str) -> None:
    """Finalizers, owners, labels, annotations, keys, managedFields: through a mend, another spec and a rotation.

    Row: another controller's finalizers and owner references on the Secret.
    """
    make_ready(play, ns, tokens=AT_ONCE)
    add_what_is_theirs(play, ns)
    await_pass(play, ns)
    assert_theirs_is_there(play, ns)

    play.cluster.patch(secret_path(ns), {"metadata": {"labels": {"boxapps.dev/app": None}}})
    until(lambda: play.secret(ns, SECRET)["metadata"]["labels"].get("boxapps.dev/app"), 20, "the label to be back")
    assert_theirs_is_there(play, ns)

    change(play, ns, labels={"team": "a"})
    until(lambda: play.secret(ns, SECRET)["metadata"]["labels"].get("team"), 20, "the label of the spec")
    assert_theirs_is_there(play, ns)

    rotate(play, ns)
    await_retired(play, ns)
    assert_theirs_is_there(play, ns)
    assert warnings(play, ns, "SecretChangedBack") == []


def test_a_secret_that_a_finalizer_holds_is_kept_up(play: Playground, ns: str) -> None:
    """While it cannot go it has a live token; once it is gone another one comes, with another token.

    Row: another controller's finalizers on the Secret.
    """
    make_ready(play, ns, tokens=AT_ONCE)
    play.cluster.patch(secret_path(ns), {"metadata": {"finalizers": [HOLD]}})
    play.cluster.delete(secret_path(ns))

    rotate(play, ns)

    held = play.secret(ns, SECRET)
    assert held["metadata"]["finalizers"] == [HOLD]
    assert held["metadata"]["deletionTimestamp"]
    before = await_one_token(play, ns)
    play.cluster.patch(secret_path(ns), {"metadata": {"finalizers": None}})
    until(lambda: (play.secret(ns, SECRET) or held)["metadata"]["uid"] != held["metadata"]["uid"], 20, "another Secret")
    assert await_one_token(play, ns) != before


def test_a_controller_that_changes_something_back_each_time_stops_nothing(play: Playground, ns: str) -> None:
    """It is said once, with what differs; a rotation ends; and it is put right once nobody changes it any more.

    Row: another controller changes the Secret.
    """
    make_ready(play, ns, tokens=AT_ONCE)
    start = play.cluster.audit_size()
    theirs = {"metadata": {"labels": {"boxapps.dev/app": "theirs"}}}
    with Rival(play, secret_path(ns), theirs, lambda it: it["metadata"]["labels"]["boxapps.dev/app"] == "theirs"):
        message = await_warning(play, ns, "SecretChangedBack")
        assert "label boxapps.dev/app" in message
        assert "theirs" not in message
        until(lambda: message in say_of_token(play, ns), 20, "the condition to say so")

        await_handled(play, ns, request_rotation(play, ns))
        await_retired(play, ns)

        play.await_condition(ns, "viewer", "Ready")
        await_warning(play, ns, "SecretChangedBack")
        writes = [each for each in play.cluster.writes(start) if (each.resource, each.namespace) == ("secrets", ns)]
        assert len(writes) <= 30

    label = "boxapps.dev/app"
    until(lambda: play.secret(ns, SECRET)["metadata"]["labels"][label] == "viewer", 60, "the label to be put right")
    assert len(issued(play, ns)) == 2, play.logs()[-6000:]


def test_a_restored_secret_is_the_apps_own(play: Playground, ns: str) -> None:
    """Without owner and status, but with the label and a live token of the very app: nothing is generated.

    Row: ``SecretConflict`` never advises to delete a living token.
    """
    make_ready(play, ns)
    before = token_in(play, ns)
    play.operator.stop()
    play.cluster.patch(secret_path(ns), {"metadata": {"ownerReferences": None}})
    patch = [{"op": "remove", "path": "/status/tokens"}]
    status = f"{play.path(ns, 'viewer')}/status"
    play.cluster.send("PATCH", status, patch, "application/json-patch+json").raise_for_status()

    annotate(play, ns, "viewer", "reconcile-requested-at", "restored")
    play.operator.start()

    until(lambda: play.secret(ns, SECRET)["metadata"].get("ownerReferences"), 20, "the owner reference")
    assert await_one_token(play, ns) == before
    play.await_condition(ns, "viewer", "Ready")
    assert len(issued(play, ns)) == 1


# What the spec drops


@pytest.mark.parametrize("restarted", [False, True], ids=["running", "restarted"])
def test_labels_and_annotations_that_the_spec_drops_are_taken_away(play: Playground, ns: str, restarted: bool) -> None:
    """Those of others stay; and going back means as before.

    Row: labels and annotations dropped from the spec.
    """
    make_ready(play, ns)
    before = play.secret(ns, SECRET)["metadata"]
    change(play, ns, labels={"team": "a", "expose": "yes"}, annotations={"reflector/allowed": "true"})
    until(lambda: "expose" in play.secret(ns, SECRET)["metadata"]["labels"], 20, "the labels")
    play.cluster.patch(secret_path(ns), {"metadata": {"labels": {"wave": "yes"}, "annotations": {"wave": "yes"}}})
    if restarted:
        restart_operator(play)

    change(play, ns, labels={"team": "b", "expose": None}, annotations=None)

    def look() -> bool:
        meta = play.secret(ns, SECRET)["metadata"]
        labels = {**before["labels"], "team": "b", "wave": "yes"}
        return bool(meta["labels"] == labels and "reflector/allowed" not in meta["annotations"])

    until(look, 20, "what the spec dropped to be gone")
    change(play, ns, labels=None)
    wanted = {**before["annotations"], "wave": "yes"}
    until(lambda: play.secret(ns, SECRET)["metadata"]["labels"] == {**before["labels"], "wave": "yes"}, 20, "labels")
    assert play.secret(ns, SECRET)["metadata"]["annotations"] == wanted
    play.await_condition(ns, "viewer", "Ready")
    assert len(issued(play, ns)) == 1


def test_keys_of_a_former_name_are_taken_away(play: Playground, ns: str) -> None:
    """And keys of others stay, unless they hold a token that is not the active one any more.

    Row: another controller adds to the Secret.
    """
    make_ready(play, ns, tokens={**AT_ONCE, "secret": {"keys": {"token": "TOKEN"}}})
    first = values(play.secret(ns, SECRET))["TOKEN"]
    mine = {"WAVE": "d2F2ZQ==", "ALIAS": play.secret(ns, SECRET)["data"]["TOKEN"]}
    play.cluster.patch(secret_path(ns), {"data": mine})
    await_pass(play, ns)
    assert values(play.secret(ns, SECRET))["ALIAS"] == first

    change(play, ns, keys=None)

    plain = {"BOX_APP_TOKEN", "BOX_CLIENT_ID", "BOX_TOKEN_SLOT", "BOX_TOKEN_EXPIRES_AT"}
    until(lambda: set(values(play.secret(ns, SECRET))) == plain | {"WAVE", "ALIAS"}, 20, "the former key to be gone")
    rotate(play, ns)
    await_retired(play, ns)
    until(lambda: set(values(play.secret(ns, SECRET))) == plain | {"WAVE"}, 20, "no previous token to be left")
    assert first not in values(play.secret(ns, SECRET)).values()


# Whose Secret it is


def _conflicting(play: Playground, ns: str, whose: str) -> dict[str, Any]:
    """A Secret of the wanted name that is somebody else's."""
    manifest = secret_manifest(ns, SECRET, {"BOX_APP_TOKEN": "of-somebody"})
    if whose == "controlled":
        manifest["metadata"]["ownerReferences"] = [make_owner(play, ns, controller=True)]
    elif whose == "published":
        manifest["metadata"]["annotations"] = {"boxapps.dev/fingerprint": "0" * 16}
        manifest["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "box-app-operator"}
    return manifest


WHOSE = {
    "controlled": "is controlled by ConfigMap 'wave-owner'",
    "published": "has no controller, and holds what was published for another BoxCustomApp",
    "nobody's": "has no controller, and this BoxCustomApp did not make it",
}


@pytest.mark.parametrize("whose", WHOSE)
def test_a_conflict_names_the_owner_before_anybody_is_asked(play: Playground, ns: str, whose: str) -> None:
    """Nothing is registered or submitted; the Secret stays as it is, and nobody is told to delete it.

    Row: ``SecretConflict`` names the owner, comes before the admin is asked, never advises to delete a living token.
    """
    play.cluster.create(_conflicting(play, ns, whose)).raise_for_status()
    foreign, mark = play.secret(ns, SECRET), play.box.mark()

    play.app(ns, "viewer")

    body = play.await_condition(ns, "viewer", "SecretConflict")
    token, ready, stalled = (condition(body, type_) for type_ in ("TokenReady", "Ready", "Stalled"))
    assert token is not None
    assert ready is not None
    assert stalled is not None
    assert WHOSE[whose] in token["message"]
    assert "spec.tokens.secret.name" in token["message"]
    assert "delete" not in token["message"].lower()
    assert ready["message"] == stalled["message"] == token["message"] == await_warning(play, ns, "SecretConflict")
    assert play.secret(ns, SECRET) == foreign
    # The enterprise's own looks, which do not wait for an app, may fall into this time.
    looks = {("GET", "/console/v1/apps"), ("GET", "/2.0/users/me")}
    assert {(call["method"], call["path"]) for call in play.box.requests(mark)} <= looks

    change(play, ns, name="viewer-own")

    approve(play, ns)
    assert play.secret(ns, SECRET) == foreign
    assert len(live(play, ns)) == 1


def test_a_conflict_of_a_downscoped_token_comes_before_anybody_is_asked(play: Playground, ns: str) -> None:
    """Its field is named.

    Row: ``SecretConflict`` comes before the admin is asked.
    """
    play.cluster.ensure(secret_manifest(ns, "viewer-narrow", {"note": "mine"}))

    play.app(ns, "viewer", downscopedTokens=[{"secretName": "viewer-narrow", "scopes": ["item_download"]}])

    body = play.await_condition(ns, "viewer", "SecretConflict")
    ready = stated(body, "Ready")
    assert "'viewer-narrow'" in ready["message"]
    assert "spec.downscopedTokens[].secretName" in ready["message"]
    assert play.box.app(f"{ns} viewer") is None


def test_without_a_console_nobody_is_sent_to_the_admin_in_vain(play: Playground, ns: str) -> None:
    """No task is shown while the Secret's name is taken, and all of them once it is free.

    Row: ``SecretConflict`` comes before the admin is asked.
    """
    play.enterprise(f"{ns}-assisted", console={"mode": "Assisted"})
    play.cluster.ensure(secret_manifest(ns, SECRET, {"note": "mine"}))
    keys = {"importFrom": {"name": "viewer-keys"}}
    play.app(ns, "viewer", enterpriseRef={"name": f"{ns}-assisted"}, tokens=keys)

    body = play.await_condition(ns, "viewer", "SecretConflict")
    assert "nextSteps" not in body["status"]

    play.cluster.delete(secret_path(ns))

    body = play.await_condition(ns, "viewer", "AwaitingClientID")
    assert body["status"]["nextSteps"]
