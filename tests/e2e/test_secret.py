"""The Secret heals: what people do to it is undone, and no token that got lost stays live."""

from typing import Any

import pytest
from tests.e2e.story import await_one_token, make_ready, secret_path, values

from playground import Playground
from playground.output import until

SECRET = "viewer-box-token"
EDITS: dict[str, dict[str, Any]] = {
    "token": {"data": {"BOX_APP_TOKEN": "bm90IGEgdG9rZW4="}},
    "emptied": {"data": None},
    "client-id": {"data": {"BOX_CLIENT_ID": "bm9uc2Vuc2U="}},
    "labels": {"metadata": {"labels": None}},
    "owner": {"metadata": {"ownerReferences": None}},
    "labels-and-owner": {"metadata": {"labels": None, "ownerReferences": None}},
    "fingerprint": {"metadata": {"annotations": None}},
}
KEEPS_TOKEN = ("client-id", "labels", "owner", "labels-and-owner", "fingerprint")


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_secret_is_mended(play: Playground, ns: str, edit: str) -> None:
    """The same token where it is still known, a new one where it was lost; never two live ones."""
    make_ready(play, ns)
    before = play.secret(ns, SECRET)

    play.cluster.patch(f"/api/v1/namespaces/{ns}/secrets/{SECRET}", EDITS[edit])

    until(lambda: _mended(play, ns), 15, f"the Secret to be mended after {edit}")
    token = await_one_token(play, ns)
    assert (token == values(before)["BOX_APP_TOKEN"]) == (edit in KEEPS_TOKEN)
    # The status is written after the Secret: it follows, within a moment.
    fingerprint = play.secret(ns, SECRET)["metadata"]["annotations"]["boxapps.dev/fingerprint"]
    until(lambda: _active(play, ns) == fingerprint, 10, "the status to name the token")
    play.await_condition(ns, "viewer", "Ready")


def _active(play: Playground, ns: str) -> str | None:
    """The fingerprint of the active token, as the status has it."""
    tokens = play.get(ns, "viewer")["status"].get("tokens") or {}
    return (tokens.get("active") or {}).get("fingerprint")


def _mended(play: Playground, ns: str) -> bool:
    """Is the Secret as the design says, apart from the token's value?"""
    secret = play.secret(ns, SECRET)
    if secret is None:
        return False
    meta = secret["metadata"]
    return (
        set(secret.get("data") or {}) == {"BOX_APP_TOKEN", "BOX_CLIENT_ID", "BOX_TOKEN_SLOT", "BOX_TOKEN_EXPIRES_AT"}
        and len(values(secret)["BOX_APP_TOKEN"]) == 32
        and values(secret)["BOX_CLIENT_ID"] == play.get(ns, "viewer")["status"]["clientID"]
        and (meta.get("labels") or {}).get("boxapps.dev/app") == "viewer"
        and "boxapps.dev/fingerprint" in (meta.get("annotations") or {})
        and [owner["name"] for owner in meta.get("ownerReferences") or ()] == ["viewer"]
    )


@pytest.mark.also_on("namespaced")
@pytest.mark.parametrize("away", [False, True], ids=["running", "away"])
def test_a_deleted_secret_comes_back_with_a_new_token(play: Playground, ns: str, away: bool) -> None:
    """The value cannot be read back from Box: a new token is minted in the other slot, and the lost one revoked.

    When the operator was away the first look after its start finds out.
    """
    body = make_ready(play, ns)
    before = values(play.secret(ns, SECRET))
    if away:
        play.operator.stop()

    play.cluster.delete(secret_path(ns))

    if away:
        play.operator.start()
    until(lambda: play.secret(ns, SECRET), 10, "the Secret")
    token = await_one_token(play, ns)
    assert token != before["BOX_APP_TOKEN"]
    assert values(play.secret(ns, SECRET))["BOX_TOKEN_SLOT"] != body["status"]["tokens"]["active"]["slot"]


@pytest.mark.parametrize("fate", ["revoke_key", "expire_key"])
def test_a_token_that_is_over_is_replaced(play: Playground, ns: str, fate: str) -> None:
    """Somebody pressed Revoke; or it expired, before which rotation comes: the Secret holds a live token again."""
    slot, before = make_ready(play, ns)["status"]["tokens"]["active"]["slot"], values(play.secret(ns, SECRET))

    getattr(play.box, fate)(f"{ns} viewer", slot)

    until(lambda: values(play.secret(ns, SECRET)) != before, 10, "another token")
    await_one_token(play, ns)


def test_a_key_generated_by_hand_is_revoked(play: Playground, ns: str) -> None:
    """A live token of unknown value in the other slot is an orphan on an app that the operator registered (rule 5)."""
    body = make_ready(play, ns)
    before = values(play.secret(ns, SECRET))
    other = {"primary": "secondary", "secondary": "primary"}[body["status"]["tokens"]["active"]["slot"]]

    play.box.call("POST", f"/console/v1/apps/{body['status']['appID']}/tokens/{other}", {"expires_in_days": 30})

    await_one_token(play, ns)
    assert values(play.secret(ns, SECRET)) == before
