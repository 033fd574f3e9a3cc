"""Every oracle complains of a state that is broken in its own way, and of no state that is well."""

import base64
import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.walk import oracles
from tests.walk.beat import PATIENCE, Deed, Waiting, await_rest
from tests.walk.known import is_known
from tests.walk.oracles import ORACLES
from tests.walk.report import Report, summary
from tests.walk.seen import Rest, Seen

TOKEN, ID = "t" * 32, "f" * 16
NAMES = ("BOX_APP_TOKEN", "BOX_CLIENT_ID", "BOX_TOKEN_SLOT", "BOX_TOKEN_EXPIRES_AT")
EXPIRES = "2026-03-01T00:00:00Z"


def condition(type_: str, reason: str, status: str = "True") -> dict[str, Any]:
    """A condition of the third generation."""
    since = {"lastTransitionTime": "2026-01-01T00:00:00Z", "message": "It is so."}
    return {"type": type_, "status": status, "reason": reason, "observedGeneration": 3, **since}


def secret_of(name: str, data: dict[str, str], **labels: str) -> dict[str, Any]:
    """A Secret of the object."""
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    own = {"app.kubernetes.io/managed-by": "box-app-operator", "boxapps.dev/app": "viewer"}
    meta = {"name": name, "labels": {**own, **labels}, "ownerReferences": [{"uid": "u-1", "name": "viewer"}]}
    return {"metadata": {**meta, "annotations": {"boxapps.dev/fingerprint": ID}}, "data": encoded}


def well() -> Seen:
    """An app of which all is well, with labels, CORS and a downscoped token."""
    active = {"slot": "primary", "fingerprint": ID, "issuedTime": "2025-12-31T00:00:00Z", "expiryTime": EXPIRES}
    facets = {"Registered": "Registered", "Authorized": "Authorized", "TokenReady": "Published", "CORSSynced": "Synced"}
    body = {
        "metadata": {"name": "viewer", "namespace": "a", "uid": "u-1", "generation": 3},
        "spec": {
            "displayName": "A viewer",
            "cors": {"domains": ["https://a.invalid"]},
            "tokens": {"secret": {"labels": {"team": "a"}}},
            "downscopedTokens": [{"secretName": "less", "scopes": ["item_read"]}],
        },
        "status": {
            "observedGeneration": 3,
            "conditions": [*(condition(*facet) for facet in facets.items()), condition("Ready", "Ready")],
            "tokens": {"active": active},
            "downscopedTokens": [{"secretName": "less", "fingerprint": "e" * 16}],
        },
    }
    token = {"token": TOKEN, "fingerprint": ID, "kind": "app_token", "live": True}
    less = {"token": "l" * 32, "fingerprint": "e" * 16, "kind": "downscoped", "live": True}
    secret = secret_of("viewer-box-token", dict.fromkeys(NAMES, "x") | {"BOX_APP_TOKEN": TOKEN}, team="a")
    app = {"id": "1", "name": "A viewer", "reference": "a/viewer/u-1", "cors_domains": ["HTTPS://A.invalid:443"]}
    app["authorization"] = {"state": "authorized", "enabled": True}  # type: ignore[assignment]
    secrets = (secret, secret_of("less", {"BOX_APP_TOKEN": "l" * 32}))
    return Seen(body, secrets, app, 1, (token, less), ("12:00:00 INFO a/viewer",))


Break = Callable[[dict[str, Any]], object]


def changed(seen: Seen, change: Break) -> Seen:
    """A copy whose object, first Secret, app and first token are changed."""
    parts = copy.deepcopy({"body": seen.body, "secrets": seen.secrets, "app": seen.app, "tokens": seen.tokens})
    change(parts)
    return replace(seen, **parts)


def ready_of(parts: dict[str, Any]) -> dict[str, Any]:
    """The condition Ready."""
    return parts["body"]["status"]["conditions"][-1]


def spec(**fields: Any) -> Break:
    """Another spec."""
    return lambda parts: parts["body"]["spec"].update(fields)


BROKEN: tuple[tuple[oracles.Oracle, Break], ...] = (
    (oracles.is_observed, lambda parts: parts["body"]["status"].update(observedGeneration=2)),
    (oracles.is_observed, lambda parts: ready_of(parts).update(observedGeneration=2)),
    (oracles.is_observed, lambda parts: parts["body"]["status"]["conditions"][0].update(observedGeneration=4)),
    (oracles.keeps_invariants, lambda parts: parts["body"]["status"]["conditions"].pop(0)),
    (oracles.kstatus_agrees, lambda parts: parts["body"]["status"].update(observedGeneration=2)),
    (oracles.secret_is_as_asked, lambda parts: parts.update(secrets=())),
    (oracles.secret_is_as_asked, spec(tokens={"secret": {"name": "other"}})),
    (oracles.secret_is_as_asked, spec(tokens={"secret": {"keys": {"slot": "SLOT"}}})),
    (oracles.secret_is_as_asked, lambda parts: parts["secrets"][0]["metadata"].pop("ownerReferences")),
    (oracles.token_is_live, lambda parts: parts["tokens"][0].update(live=False)),
    (oracles.token_is_live, lambda parts: parts["secrets"][0]["data"].update(BOX_APP_TOKEN="")),
    (oracles.token_is_live, spec(authentication="ClientCredentials")),
    (oracles.token_lives_as_asked, spec(tokens={"expiry": "30d", "secret": {"labels": {"team": "a"}}})),
    (oracles.token_lives_as_asked, lambda parts: parts["body"]["status"]["tokens"]["active"].pop("expiryTime")),
    (oracles.only_known_tokens_live, lambda parts: parts["tokens"][0].update(fingerprint="0" * 16)),
    (oracles.labels_are_equal, lambda parts: parts["secrets"][0]["metadata"]["labels"].update(left="over")),
    (oracles.labels_are_equal, lambda parts: parts["secrets"][0]["metadata"]["labels"].pop("team")),
    (oracles.labels_are_equal, lambda parts: parts["secrets"][0]["metadata"]["annotations"].update(left="over")),
    (oracles.cors_is_equal, lambda parts: parts["app"].update(cors_domains=[])),
    (oracles.cors_is_equal, spec(cors={})),
    (oracles.name_is_equal, spec(displayName="Another")),
    (oracles.downscoped_tokens_are_there, spec(downscopedTokens=[])),
    (oracles.downscoped_tokens_are_there, lambda parts: parts.update(secrets=parts["secrets"][:1])),
    (oracles.downscoped_tokens_are_there, lambda parts: parts["tokens"][1].update(live=False)),
    (oracles.nothing_is_lost, lambda parts: parts.update(secrets=())),
    (oracles.nothing_is_lost, lambda parts: [token.update(live=False) for token in parts["tokens"]]),
)


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda oracle: oracle.__name__)
def test_what_is_well_is_well(oracle: oracles.Oracle) -> None:
    """No oracle complains of an app of which all is well."""
    assert list(oracle(well())) == []


@pytest.mark.parametrize(("oracle", "change"), BROKEN, ids=lambda value: getattr(value, "__name__", ""))
def test_what_is_broken_is_found(oracle: oracles.Oracle, change: Break) -> None:
    """Each oracle complains of what it is there for."""
    assert list(oracle(changed(well(), change)))


@pytest.mark.parametrize("line", ["12:00:00 ERROR   a", "Traceback (most recent call last):", "this is a bug, please"])
def test_a_bug_in_the_log_is_found(line: str) -> None:
    """An error, a traceback, or the operator's own word for it."""
    assert list(oracles.no_bug(replace(well(), log=(line,)))) == [line]


def test_unrest_is_found() -> None:
    """Writes and calls that never end, and a generation that is never observed."""
    assert len(list(oracles.comes_to_rest(replace(well(), rest=Rest(True, ("patch a",), ("GET /b",)))))) == 2
    assert list(oracles.is_observed(replace(well(), rest=Rest(observed=False))))


def test_a_second_app_is_found() -> None:
    """None is wrong, and two are."""
    assert [len(list(oracles.registered_once(replace(well(), apps=count)))) for count in (0, 1, 2)] == [1, 0, 1]


def test_every_oracle_has_a_state_that_breaks_it() -> None:
    """Whoever adds an oracle shows that it can complain."""
    elsewhere = {oracles.no_bug, oracles.comes_to_rest, oracles.registered_once}
    assert {oracle for oracle, _ in BROKEN} | elsewhere == set(ORACLES)


def test_conditions_of_an_earlier_spec_claim_nothing() -> None:
    """``CORSSynced`` of generation 2 says nothing of what generation 3 asks for."""

    def change(parts: dict[str, Any]) -> None:
        parts["app"].update(cors_domains=[])
        parts["body"]["status"]["conditions"][3].update(observedGeneration=2)

    assert list(oracles.cors_is_equal(changed(well(), change))) == []


def test_a_refusal_must_name_its_field() -> None:
    """The field or its value; another part of the spec will not do."""

    def refused(message: str) -> list[str]:
        stalled = {**condition("Stalled", "InvalidSpec"), "message": message}
        seen = changed(well(), lambda parts: parts["body"]["status"]["conditions"].append(stalled))
        return list(oracles.refusal_names_the_field(seen, "labels", "bad key"))

    assert refused("Check spec.tokens.secret.")
    assert not refused("Check spec.tokens.secret.labels.")
    assert not refused("Kubernetes refuses 'bad key'.")
    assert list(oracles.refusal_names_the_field(well(), "labels", "")) == []


def test_what_another_token_brings_is_as_before() -> None:
    """Times, fingerprint and slot are every token's own; so is what a Secret tells of its past."""

    def another(parts: dict[str, Any]) -> None:
        active = {"slot": "secondary", "fingerprint": "a" * 16, "issuedTime": EXPIRES, "expiryTime": EXPIRES}
        parts["body"]["status"]["tokens"]["active"] = active
        parts["body"]["status"]["observedGeneration"] = 5
        parts["secrets"][0]["metadata"]["annotations"]["boxapps.dev/previous-fingerprint"] = ID
        parts["secrets"][0]["data"]["BOX_APP_TOKEN"] = base64.b64encode(b"n" * 32).decode()
        parts["tokens"][0].update(token="n" * 32, fingerprint="a" * 16)

    assert list(oracles.back_is_as_before(well(), changed(well(), another))) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda parts: parts["secrets"][0]["metadata"]["labels"].update(left="over"),
        lambda parts: parts.update(secrets=parts["secrets"][:1]),
        lambda parts: parts["body"]["status"]["conditions"][0].update(reason="Adopted"),
        lambda parts: parts["body"]["status"].update(nextSteps=[{"what": "Something."}]),
        lambda parts: parts["app"].update(cors_domains=["https://b.invalid"]),
        lambda parts: parts["app"]["authorization"].update(enabled=False),
        lambda parts: parts["tokens"][0].update(live=False),
    ],
)
def test_what_is_left_over_is_found(change: Break) -> None:
    """On the Secret, in the status, in Box."""
    assert list(oracles.back_is_as_before(well(), changed(well(), change)))


def test_deletion_is_judged() -> None:
    """Object, Secrets, tokens and app, each as the policy says."""
    gone = Seen({}, (), well().app, 1, ())

    def left(seen: Seen, policy: str, **fields: str) -> list[str]:
        return list(oracles.deletion_leaves_nothing(seen, {"displayName": "a", "deletionPolicy": policy, **fields}))

    assert not left(gone, "RevokeTokens")
    assert not left(replace(gone, app=None), "Delete")
    assert not left(replace(gone, tokens=well().tokens), "Retain")
    assert not left(gone, "Delete", authentication="ClientCredentials")
    access = ({**well().tokens[0], "kind": "client_credentials"},)
    assert not left(replace(gone, tokens=access, events=frozenset({"LeftToExpire"})), "RevokeTokens")
    assert not list(oracles.deletion_leaves_nothing(replace(gone, app=None), {"console": {}}))
    assert left(replace(gone, body=well().body), "Retain")
    assert left(replace(gone, secrets=well().secrets), "Retain")
    assert left(replace(gone, tokens=well().tokens), "RevokeTokens")
    assert left(replace(gone, tokens=well().tokens, events=frozenset({"LeftToExpire"})), "RevokeTokens")
    assert left(replace(gone, app=None), "RevokeTokens")
    assert left(gone, "Delete")


class FakeBeat:
    """An operator that does the same in every sweep from one on, or until one."""

    def __init__(self, deeds: Callable[[int], list[Deed]]) -> None:
        self.sweeps = 0
        self._deeds = deeds

    def next(self) -> list[Deed]:
        """One sweep."""
        self.sweeps += 1
        return self._deeds(self.sweeps)


def rest_of(deeds: Callable[[int], list[Deed]], *, observed: int = 0, may_ask: bool = False) -> tuple[Rest, int]:
    """How one comes to rest whose spec is observed after so many sweeps, and after how many."""
    beat = FakeBeat(deeds)
    one = Waiting(lambda about: "a" in about, lambda: beat.sweeps >= observed, lambda: may_ask)
    return await_rest(beat, {"a": one})["a"], beat.sweeps  # type: ignore[arg-type]


WRITE, CALL = Deed(True, "patch", frozenset("a")), Deed(False, "GET", frozenset("a"))
OTHER = Deed(True, "patch", frozenset("b"))


def test_rest_is_three_sweeps_in_which_nothing_happens() -> None:
    """After the last deed, and not before the spec is observed; what others do is not waited for."""
    assert rest_of(lambda _: [OTHER]) == (Rest(), 3)
    assert rest_of(lambda sweep: [WRITE] if sweep <= 5 else []) == (Rest(), 8)
    assert rest_of(lambda _: [], observed=7) == (Rest(), 7)


def test_what_never_rests_is_told() -> None:
    """Writes always, calls unless Box is waited for, and a spec that is never observed."""
    (write, _), (call, _), (ask, _) = (
        rest_of(lambda _, deed=deed: [deed], may_ask=may)
        for deed, may in ((WRITE, True), (CALL, False), (CALL, True))  # type: ignore[misc]
    )
    assert write.writes
    assert call.calls
    assert ask == Rest()
    assert rest_of(lambda _: [], observed=PATIENCE + 1) == (Rest(observed=False), PATIENCE)


def test_known_findings_are_matched_by_pattern(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the name of the oracle and by the edit."""
    monkeypatch.setattr("tests.walk.known.KNOWN", (("is_observed", "spec.a = *"),))
    assert is_known("is_observed", "spec.a = 1 (least)")
    assert not is_known("is_observed", "spec.b = 1 (least)")
    assert not is_known("no_bug", "spec.a = 1 (least)")


def test_the_report_counts_by_field(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line for each walk, one for each field when the whole is asked for, and one for findings of one kind."""
    monkeypatch.setattr("tests.walk.report.walks", {})
    report = Report("One", 7)
    report.count("spec.a", "tried", "accepted")
    report.count("spec.a", "tried", "refused")
    for edit in ("spec.a = 1", "spec.a = 2"):
        report.find("no_bug", "spec.a", edit, "a line", known=False)
    report.find("no_bug", "spec.b", "spec.b = 1", "a line", known=True)
    one, found, known = summary(whole=False)
    assert one == "One: 2 fields, values: 2 tried, 1 refused, 1 accepted, 0 left out, 3 findings; seed 7"
    assert found == "  FOUND: no_bug: spec.a = 1: a line (and 1 more of spec.a)"
    assert known == "  known: no_bug: spec.b = 1: a line"
    assert report.news() == [found.strip()]
    assert "spec.a" in list(summary(whole=True))[2]
