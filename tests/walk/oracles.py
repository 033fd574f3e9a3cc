"""What must be true of an app, whatever its spec says. Each oracle yields one line for each thing that is wrong."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from tests.gitops.kstatus import kstatus
from tests.unit.status_invariants import violations
from tests.walk.seen import MANAGED_BY, OURS, Seen, data_of, differences, essence

Oracle = Callable[[Seen], Iterator[str]]
DAYS = {"30d": 30, "60d": 60, "Never": None}
KINDS = {"AppToken": "app_token", "ClientCredentials": "client_credentials"}
BUGS = (" ERROR ", " CRITICAL ", "Traceback", "this is a bug")


def no_bug(seen: Seen) -> Iterator[str]:
    """No error, no traceback and no word of a bug in the log."""
    yield from (line for line in seen.log if any(mark in line for mark in BUGS))


def is_observed(seen: Seen) -> Iterator[str]:
    """The status speaks of the newest generation, as does ``Ready``, and no condition of one that is yet to come."""
    observed, newest = seen.status.get("observedGeneration"), seen.generation
    if observed != newest or not seen.rest.observed:
        yield f"status.observedGeneration is {observed}, and the spec's generation {newest}"
    for each in seen.status.get("conditions") or ():
        if each["type"] in ("Ready", "Stalled", "Reconciling") and each.get("observedGeneration") != observed:
            yield f"{each['type']} has observedGeneration {each.get('observedGeneration')}, the status {observed}"
        if each.get("observedGeneration", 0) > newest:
            yield f"{each['type']} has observedGeneration {each['observedGeneration']}, which is yet to come"


def comes_to_rest(seen: Seen) -> Iterator[str]:
    """Once everything is done nothing is written any more, and Box is asked no more."""
    yield from (f"never ends: {what}" for what in (*seen.rest.writes, *seen.rest.calls))


def keeps_invariants(seen: Seen) -> Iterator[str]:
    """The numbered invariants of every status."""
    yield from violations(None, seen.body)


def kstatus_agrees(seen: Seen) -> Iterator[str]:
    """Flux and others take the object for done exactly when it is Ready and nothing else that was asked for is open."""
    word, done = kstatus(seen.body), seen.says("Ready") and not _lacks_something(seen)
    if (word == "Current") != done:
        yield f"kstatus says {word}, and the object is {'done' if done else 'not done'}"


def _lacks_something(seen: Seen) -> bool:
    """Does a condition beside ``Ready`` say that not all of the spec can be had?"""
    return seen.says("Reconciling") or seen.says("Stalled")


def secret_is_as_asked(seen: Seen) -> Iterator[str]:
    """``TokenReady``: the Secret of the spec's name has the spec's keys and belongs to the object."""
    if not seen.says("TokenReady"):
        return
    secret = seen.secret(seen.secret_name)
    if secret is None:
        yield f"TokenReady is True, and there is no Secret {seen.secret_name}"
        return
    have, wanted = set(data_of(secret)), set(seen.key_names.values())
    if have != wanted:
        yield f"the Secret has the keys {sorted(have)}, and the spec asks for {sorted(wanted)}"
    owners = [owner["uid"] for owner in secret["metadata"].get("ownerReferences") or ()]
    if seen.body["metadata"]["uid"] not in owners:
        yield "the Secret does not belong to the object"


def token_is_live(seen: Seen) -> Iterator[str]:
    """``TokenReady``: Box accepts the token in the Secret, and it is of the app and of the kind that the spec names."""
    secret = seen.secret(seen.secret_name)
    if not seen.says("TokenReady") or secret is None:
        return
    token = seen.live.get(data_of(secret).get(seen.key_names["token"], ""))
    if token is None:
        yield "TokenReady is True, and Box accepts no such token"
        return
    wanted = KINDS[seen.spec.get("authentication", "AppToken")]
    if token["kind"] != wanted:
        yield f"TokenReady is True with a token of the kind {token['kind']}, and the spec asks for {wanted}"


def token_lives_as_asked(seen: Seen) -> Iterator[str]:
    """Ready: the active token's lifetime is the one of ``tokens.expiry``. Access tokens have Box's own."""
    active = (seen.status.get("tokens") or {}).get("active")
    if not seen.says("Ready") or active is None or seen.spec.get("authentication") == "ClientCredentials":
        return
    if seen.status.get("nextSteps"):
        # A person was asked for another one.
        return
    days = _days(active)
    if days != DAYS[seen.at("tokens", "expiry") or "60d"]:
        yield f"the token lives {days} days, and spec.tokens.expiry is {seen.at('tokens', 'expiry')}"


def _days(token: Mapping[str, Any]) -> int | None:
    if "expiryTime" not in token:
        return None
    begin, end = (datetime.fromisoformat(token[name]) for name in ("issuedTime", "expiryTime"))
    return round((end - begin).total_seconds() / 86400)


def only_known_tokens_live(seen: Seen) -> Iterator[str]:
    """Ready: of the object's own tokens none is live but those of its status and of its Secrets."""
    if not seen.says("Ready"):
        return
    shown = seen.status.get("tokens") or {}
    known = {(shown.get(role) or {}).get("fingerprint") for role in ("active", "retiring")}
    known |= {entry["fingerprint"] for entry in seen.status.get("downscopedTokens") or ()}
    for token in seen.live.values():
        if token["fingerprint"] not in known and token["kind"] != "downscoped":
            yield f"token {token['fingerprint']} ({token['kind']}) is live, and nothing speaks of it"


def labels_are_equal(seen: Seen) -> Iterator[str]:
    """``TokenReady``: labels and annotations of the Secret are the spec's and the operator's, and no others."""
    secret = seen.secret(seen.secret_name)
    if not seen.says("TokenReady") or secret is None:
        return
    for part in ("labels", "annotations"):
        have = secret["metadata"].get(part) or {}
        foreign = {key: value for key, value in have.items() if not key.startswith(OURS) and key != MANAGED_BY}
        yield from differences(seen.at("tokens", "secret", part) or {}, foreign, part)


def cors_is_equal(seen: Seen) -> Iterator[str]:
    """``CORSSynced`` with its reason Synced or NotConfigured: Box has the spec's origins, where that can be known."""
    wanted = seen.at("cors", "domains") or []
    if not seen.says("CORSSynced") or seen.app is None or seen.spec.get("authentication") == "ClientCredentials":
        return
    have = seen.app["cors_domains"]
    if {_origin(text) for text in have} != {_origin(text) for text in wanted}:
        yield f"CORSSynced is True, Box has {have}, and the spec asks for {wanted}"


def _origin(text: str) -> str:
    text = text.lower()
    return text.removesuffix(":80" if text.startswith("http://") else ":443")


def name_is_equal(seen: Seen) -> Iterator[str]:
    """``Registered``: the app has the spec's name in Box, where the operator is who gives it."""
    if not seen.says("Registered") or seen.app is None or not seen.app.get("reference"):
        return
    if seen.app["name"] != seen.spec["displayName"]:
        yield f"Registered is True, Box has the name {seen.app['name']!r}, the spec {seen.spec['displayName']!r}"


def downscoped_tokens_are_there(seen: Seen) -> Iterator[str]:
    """Ready: every downscoped token of the spec is in its Secret and live, and no other one is listed."""
    if not seen.says("Ready"):
        return
    wanted = {entry["secretName"] for entry in seen.spec.get("downscopedTokens") or ()}
    listed = {entry["secretName"] for entry in seen.status.get("downscopedTokens") or ()}
    if wanted != listed:
        yield f"the status lists the downscoped tokens {sorted(listed)}, and the spec {sorted(wanted)}"
    for name in wanted:
        secret = seen.secret(name)
        values = data_of(secret).values() if secret is not None else ()
        if not any(value in seen.live for value in values):
            yield f"no live downscoped token is in the Secret {name}"


def nothing_is_lost(seen: Seen) -> Iterator[str]:
    """Whatever the spec says: a Secret of the object holds a token that Box accepts, as it did before the edit."""
    mine = [secret for secret in seen.secrets if seen.body["metadata"]["uid"] in str(secret["metadata"])]
    if not any(value in seen.live for secret in mine for value in data_of(secret).values()):
        yield "no Secret of the object holds a live token any more"


def registered_once(seen: Seen) -> Iterator[str]:
    """Box never has two apps for one object."""
    if seen.apps != 1:
        yield f"Box has {seen.apps} apps for this object"


ORACLES: tuple[Oracle, ...] = (
    no_bug,
    is_observed,
    comes_to_rest,
    keeps_invariants,
    kstatus_agrees,
    secret_is_as_asked,
    token_is_live,
    token_lives_as_asked,
    only_known_tokens_live,
    labels_are_equal,
    cors_is_equal,
    name_is_equal,
    downscoped_tokens_are_there,
    nothing_is_lost,
    registered_once,
)


def refusal_names_the_field(seen: Seen, leaf: str, value: Any) -> Iterator[str]:
    """A refusal that an edit brought about names the field, or the value that stands there.

    Args:
        leaf: the last name of the field's path.
    """
    stalled = seen.condition("Stalled")
    if stalled is None or stalled["reason"] != "InvalidSpec":
        return
    named = leaf in stalled["message"] or (isinstance(value, str) and value and value in stalled["message"])
    if not named:
        yield f"the message names neither {leaf} nor its value: {stalled['message']}"


def back_is_as_before(before: Seen, after: Seen) -> Iterator[str]:
    """With the spec as it was everything is as it was: nothing is left over, and nothing is missing."""
    yield from differences(essence(before), essence(after))


def deletion_leaves_nothing(seen: Seen, spec: Mapping[str, Any]) -> Iterator[str]:
    """With the object go its Secrets and its tokens; the app stays or goes as the policy says.

    Args:
        seen: what is left; its body is empty.
        spec: what the object asked for in the end.
    """
    policy = spec.get("deletionPolicy", "RevokeTokens")
    if seen.body:
        yield f"the object is still there, with the finalizers {seen.body['metadata'].get('finalizers')}"
    yield from (f"the Secret {secret['metadata']['name']} is left" for secret in seen.secrets)
    # What nobody can revoke any more ends by itself, and an Event says when. Downscoped tokens do so within the hour.
    excused = {"downscoped", *(["client_credentials"] if "LeftToExpire" in seen.events else [])}
    kinds = [token["kind"] for token in seen.live.values() if policy != "Retain"]
    yield from (f"a token of the kind {kind} is live" for kind in kinds if kind not in excused)
    # Of an app with client credentials the operator has the credentials, and no right to delete it.
    goes = policy == "Delete" and spec.get("authentication") != "ClientCredentials"
    if "displayName" in spec and (seen.app is None) != goes:
        yield f"the app in Box is {'gone' if seen.app is None else 'there'}, and the policy is {policy}"
