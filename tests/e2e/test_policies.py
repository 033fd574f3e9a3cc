"""The Secret under somebody else's policy: what refuses it speaks for itself, and what changes it stops nothing.

Faults are put where they come from: at the API server, as admission policies, a webhook, a quota, and missing rights.
"""

import base64
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from tests.e2e import rotating
from tests.e2e.api_server import without_right
from tests.e2e.conftest import Stage
from tests.e2e.grants import obtained
from tests.e2e.policies import TEAM_RULE, denying, mutating, silent_webhook, without_room
from tests.e2e.story import LABELS, await_one_token, make_ready, stated, submit

from playground import Playground
from playground.cluster import Write
from playground.output import until
from playground.play import condition

PLANES = ("real",)
"""Admission, quotas and rights are the API server's own."""
HAS_TEAM = {"expression": "has(object.metadata.labels) && 'team' in object.metadata.labels", "message": TEAM_RULE}
AT_ONCE = {"rotation": {"overlap": "0s", "retire": "AfterOverlap"}}
"""``spec.tokens`` of an app whose previous token ends at once."""


def add(path: str, value: str) -> str:
    """A JSON patch in CEL that adds, or takes the place of."""
    return f'[JSONPatch{{op: "add", path: "{path}", value: "{value}"}}]'


def encoded(text: str) -> str:
    """As it stands in a Secret."""
    return base64.b64encode(text.encode()).decode()


def await_refused(play: Playground, ns: str, *words: str) -> dict[str, Any]:
    """Wait until the condition carries these words of the API server; the Event says the same, and nobody is blamed."""

    def look() -> dict[str, Any] | None:
        found = condition(play.get(ns, "viewer"), "TokenReady")
        said = found is not None and found["reason"] == "SecretRefused"
        return found if said and all(word in found["message"] for word in words) else None

    found = until(look, 30, f"the refusal of the Secret with {words}")
    assert rotating.await_warning(play, ns, "SecretRefused") in found["message"]
    body = play.get(ns, "viewer")
    ready = stated(body, "Ready")
    assert (ready["status"], ready["reason"], ready["message"]) == ("False", "SecretRefused", found["message"])
    assert condition(body, "Stalled") is None
    assert condition(body, "Reconciling") is not None
    return found


# What is refused


POLICY, CANNOT = ("'{ns}'", TEAM_RULE), ('cannot create resource "secrets"', 'in the namespace "{ns}"')
REFUSALS: dict[str, tuple[Callable[[Playground, str], AbstractContextManager[None]], tuple[str, ...]]] = {
    "invalid": (lambda play, ns: denying(play, ns, {**HAS_TEAM, "reason": "Invalid"}), POLICY),
    "forbidden": (lambda play, ns: denying(play, ns, {**HAS_TEAM, "reason": "Forbidden"}), POLICY),
    "quota": (without_room, ("exceeded quota: few, requested: count/secrets=1",)),
    "right": (lambda play, _: without_right(play, "create", "secrets"), CANNOT),
    "webhook": (silent_webhook, ('failed calling webhook "scan.example.com"',)),
}
"""Who refuses it, and their own words. A policy answers 422 by default; of a silent webhook the API server says 500."""


@pytest.mark.parametrize("who", REFUSALS)
def test_whoever_refuses_the_secret_is_quoted(play: Playground, ns: str, stage: Stage, who: str) -> None:
    """Whose policy, which quota and how much, which right to what and where; it goes on by itself with the same token.

    Row: a policy, a quota, or a missing right refuses a write of the Secret.
    """
    stage.aftermath.refusals_expected = who in ("forbidden", "quota", "right")
    refusal, words = REFUSALS[who]
    with refusal(play, ns):
        submit(play, ns)
        await_refused(play, ns, *(word.format(ns=ns) for word in words))
        assert len(rotating.live(play, ns)) == 1

    play.await_condition(ns, "viewer", "Ready")
    await_one_token(play, ns)
    assert len(rotating.issued(play, ns)) == 1


def test_a_policy_that_quotes_the_token_is_not_quoted(play: Playground, ns: str) -> None:
    """Never a value, whoever says it.

    Row: a policy refuses a write of the Secret.
    """
    loud = {"expression": "false", "messageExpression": "'no room for ' + string(object.data['BOX_APP_TOKEN'])"}
    with denying(play, ns, loud):
        submit(play, ns)
        found = await_refused(play, ns, "its message is not shown, because it quotes a value")

    play.await_condition(ns, "viewer", "Ready")
    token = rotating.token_in(play, ns)
    shown = [found["message"], play.logs(), json.dumps(play.events(ns, "viewer")), json.dumps(play.get(ns, "viewer"))]
    assert not [text for text in shown if token in text or encoded(token) in text]


def test_a_rotation_waits_for_a_policy(play: Playground, ns: str, stage: Stage) -> None:
    """The Secret keeps its live token, Ready stays True and says what waits; then the rotation ends, with one token.

    Row: a policy refuses a write of the Secret.
    """
    make_ready(play, ns, tokens=AT_ONCE)
    before = rotating.token_in(play, ns)
    with denying(play, ns, HAS_TEAM):
        request = rotating.request_rotation(play, ns)
        assert TEAM_RULE in rotating.await_warning(play, ns, "SecretRefused")
        until(lambda: TEAM_RULE in rotating.say_of_token(play, ns), 20, "the condition to say so")
        ready = stated(play.get(ns, "viewer"), "Ready")
        assert ready["status"] == "True"
        assert rotating.token_in(play, ns) == before
        assert rotating.live(play, ns) == rotating.issued(play, ns)

    rotating.await_handled(play, ns, request)
    rotating.await_retired(play, ns)
    assert rotating.token_in(play, ns) != before
    assert len(rotating.issued(play, ns)) == 2


def test_a_policy_refuses_the_secret_of_a_downscoped_token(play: Playground, ns: str) -> None:
    """Box makes one token, however often its Secret is refused.

    Row: a policy refuses a write of the Secret.
    """
    make_ready(play, ns)
    start = play.cluster.audit_size()
    narrow = {"secretName": "viewer-narrow", "scopes": ["item_download"]}
    rule = {"expression": "!(object.metadata.name in ['viewer-narrow', 'probe'])", "message": "no such Secret here"}
    with denying(play, ns, rule):
        play.cluster.patch(play.path(ns, "viewer"), {"spec": {"downscopedTokens": [narrow]}})
        await_refused(play, ns, "'viewer-narrow'", "no such Secret here")
        until(lambda: [each.code >= 400 for each in _writes(play, ns, start)].count(True) > 2, 30, "some more tries")

    play.await_condition(ns, "viewer", "Ready")
    assert len(obtained(play, ns, "downscoped")) == 1


def _writes(play: Playground, ns: str, start: int) -> list[Write]:
    """What the operator wrote, or tried to, to Secrets of a namespace since an offset of the audit log."""
    return [each for each in play.cluster.writes(start) if (each.resource, each.namespace) == ("secrets", ns)]


# What is changed


ADDED = {
    "label": add("/metadata/labels/cost-center", "4711"),
    "annotation": add("/metadata/annotations/boxapps.dev~1checked", "yes"),
    "key": add("/data/client-secret", encoded("theirs")),
}


@pytest.mark.parametrize("patches", ADDED.values(), ids=ADDED)
def test_what_a_policy_adds_is_nobodys_concern(play: Playground, ns: str, patches: str) -> None:
    """What is ours is right: all is well, and nothing is written again.

    Row: an admission policy adds to the Secret, or labels it.
    """
    with mutating(play, ns, patches):
        start = play.cluster.audit_size()
        make_ready(play, ns)
        rotating.await_pass(play, ns)
        rotating.rotate(play, ns)
        rotating.await_pass(play, ns)

    assert rotating.warnings(play, ns, "SecretChangedBack") == []
    assert "is reverted" not in rotating.say_of_token(play, ns)
    assert [write.verb for write in _writes(play, ns, start)] == ["create", "patch"]


NOTES = "annotations under boxapps.dev/"
CHANGES = {
    "managed-by": (add("/metadata/labels/app.kubernetes.io~1managed-by", "x"), "label app.kubernetes.io/managed-by"),
    "app-label": (add("/metadata/labels/boxapps.dev~1app", "other"), "label boxapps.dev/app"),
    "client-id": (add("/data/BOX_CLIENT_ID", encoded("other")), "key BOX_CLIENT_ID"),
    "owner": (
        'has(object.metadata.ownerReferences) ? [JSONPatch{op: "remove", path: "/metadata/ownerReferences"}] : []',
        "the owner reference",
    ),
    "fingerprint": (add("/metadata/annotations/boxapps.dev~1fingerprint", "other"), NOTES),
    "annotations": (
        'object.metadata.annotations.transformList(k, v, k.startsWith("boxapps.dev/") || k == "probe",'
        ' JSONPatch{op: "remove", path: "/metadata/annotations/" + jsonpatch.escapeKey(k)})',
        NOTES,
    ),
}
MAX_WRITES = 30
"""A fight without a pause makes hundreds within the seconds that a test takes."""


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_policy_changes_each_time_is_said_and_stops_nothing(play: Playground, ns: str, change: str) -> None:
    """Ready, with what differs and never a value, as one Event; rotation and revocation go on; no fight.

    Row: an admission policy changes the Secret.
    """
    patches, name = CHANGES[change]
    with mutating(play, ns, patches):
        start = play.cluster.audit_size()
        make_ready(play, ns, tokens={**AT_ONCE, "secret": {"labels": {"team": "a"}}})
        message = rotating.await_warning(play, ns, "SecretChangedBack")
        assert f"Secret '{rotating.SECRET}' is reverted each time: " in message
        assert name in message
        assert "other" not in message
        assert message in rotating.say_of_token(play, ns)

        rotating.await_handled(play, ns, rotating.request_rotation(play, ns))

        await_one_token(play, ns)
        until(lambda: len(rotating.live(play, ns)) == 1, 20, "the previous token to end")
        assert len(rotating.issued(play, ns)) == 2
        play.await_condition(ns, "viewer", "Ready")
        rotating.await_pass(play, ns)
        assert len(_writes(play, ns, start)) <= MAX_WRITES
        rotating.await_warning(play, ns, "SecretChangedBack")

    until(lambda: _is_right(play, ns), 60, "the Secret to be put right once nobody changes it")
    assert len(rotating.issued(play, ns)) == 2


def _is_right(play: Playground, ns: str) -> bool:
    secret, body = play.secret(ns, rotating.SECRET), play.get(ns, "viewer")
    meta = secret["metadata"]
    return (
        meta["labels"] == {**LABELS, "team": "a"}
        and (meta.get("annotations") or {}).get("boxapps.dev/fingerprint")
        == body["status"]["tokens"]["active"]["fingerprint"]
        and [owner["name"] for owner in meta.get("ownerReferences") or ()] == ["viewer"]
        and base64.b64decode(secret["data"]["BOX_CLIENT_ID"]).decode() == body["status"]["clientID"]
    )
