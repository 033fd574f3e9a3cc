"""A spec that this version cannot read: the status says which field, and the object can still be deleted."""

import copy
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.link import Surroundings
from tests.gitops.enterprises import ASSISTED, AUTOMATED, manifest
from tests.unit.api.test_crds import APP, ENTERPRISE, root_of
from tests.unit.api.test_remembered import NONSENSE, paths
from tests.unit.examples import ready_world, said, troubled
from tests.unit.pretend import World, decide, run_its_course
from tests.unit.strategies import DESIRED

from box_app_operator.api.enterprise import Enterprise, EnterpriseSpec, parse_enterprise
from box_app_operator.api.spec import FINALIZER, parse_desired
from box_app_operator.core.deletion import give_up
from box_app_operator.enterprise.connection import EnterpriseLink
from box_app_operator.model.conditions import Reason
from box_app_operator.model.desired import DeletionPolicy, Desired
from box_app_operator.model.steps import DeleteApp, RemoveFinalizer, RevokeSlot
from kube_sandbox.kinds.schema import Schema

Json = dict[str, Any]

SPEC: Json = {
    "enterpriseRef": {"name": "default"},
    "displayName": "Acme Viewer",
    "authorization": {"submit": True},
    "authentication": "AppToken",
    "clientSecretRef": {"name": "client", "key": "secret"},
    "tokens": {
        "secret": {
            "name": "viewer-box-token",
            "labels": {"team": "a"},
            "annotations": {"note": "b"},
            "keys": {"token": "T", "clientID": "C", "slot": "S", "expiresAt": "E"},
        },
        "expiry": "60d",
        "rotation": {
            "renewBefore": "10d",
            "every": "30d",
            "overlap": "1h",
            "retire": "AfterOverlap",
            "retireDeadline": "7d",
            "restart": [{"kind": "Deployment", "name": "web"}],
        },
        "importFrom": {"name": "keys"},
    },
    "downscopedTokens": [{"secretName": "less", "scopes": ["item_preview"], "resource": "r", "refreshBefore": "5m"}],
    "cors": {"domains": ["https://a.example.com"]},
    "deletionPolicy": "Delete",
    "suspend": False,
}
"""Every field but those of an app that somebody adopts, and of client credentials."""
CREDENTIALS = {"secretRef": {"name": "creds"}, "subject": {"type": "user", "id": "1"}}
ENTERPRISE_SPEC: Json = {
    "enterpriseID": "1",
    "console": AUTOMATED,
    "platform": {"url": "https://box", "caSecretRef": {"namespace": "n", "name": "ca", "key": "pem"}},
    "allowedNamespaces": {
        "from": "Selector",
        "selector": {
            "matchLabels": {"team": "a"},
            "matchExpressions": [{"key": "team", "operator": "In", "values": ["a"]}],
        },
    },
    "adoption": [{"clientID": "c" * 16, "namespace": "n", "name": "a", "allowDelete": True}],
    "resyncInterval": "10m",
    "rateLimit": {"requestsPerMinute": 600},
}
SCHEMAS = {"BoxCustomApp": Schema(root_of(APP)), "BoxEnterprise": Schema(root_of(ENTERPRISE))}


def app(spec: Any, **meta: Any) -> Json:
    """The BoxCustomApp of this spec, as an earlier pass left it."""
    return {
        "metadata": {
            "namespace": DESIRED.namespace,
            "name": DESIRED.name,
            "uid": DESIRED.uid,
            "generation": 2,
            "creationTimestamp": DESIRED.created_at,
            "finalizers": [FINALIZER],
            **meta,
        },
        "spec": spec,
        "status": {"clientID": "c" * 32, "tokens": {"secretName": "viewer-box-token"}},
    }


def going(spec: Any, **meta: Any) -> Desired:
    """What the object of this spec asks for once it was deleted."""
    return parse_desired(app(spec, deletionTimestamp="2026-03-01T12:00:00Z", **meta))


def _can_be_sent(value: Any) -> bool:
    """An API server takes no number beyond 64 bits, and the rules of a schema cannot count so far."""
    text = json.dumps(value)
    return "null" not in text and str(10**30) not in text


@st.composite
def spoiled(draw: st.DrawFn, spec: Json) -> Json:
    """A spec of which one value is of another type, or no word that this version knows. A null is no value at all."""
    body = {"spec": copy.deepcopy(spec)}
    path = draw(st.sampled_from([path for path in paths(body) if path]))
    where: Any = body
    for name in path[:-1]:
        where = where[name]
    where[path[-1]] = draw(NONSENSE.filter(_can_be_sent))
    return body


def fits(kind: str, body: Json) -> bool:
    """Has everything the type, and is every word one, that the schema has? Its other rules are not asked."""
    causes = SCHEMAS[kind].check({"metadata": {"name": "viewer"}, **body})
    return not [text for _, text in causes if "must be of type" in text or "Unsupported value" in text]


@given(spoiled(SPEC))
def test_an_app_that_cannot_be_read_is_invalid_and_nothing_worse(body: Json) -> None:
    """Whatever stands in whichever field; and what fits the schema's types is read."""
    desired = parse_desired(app(body["spec"]))

    if not fits("BoxCustomApp", body):
        assert desired.invalid is not None
        assert "cannot be read" in desired.invalid


@given(spoiled(SPEC))
def test_an_app_that_cannot_be_read_can_be_deleted(body: Json) -> None:
    """The tokens end and the object goes; it stays only when nobody knows in which Box to look, and says so."""
    world, desired = ready_world(), going(body["spec"])
    world = replace(world, desired=replace(desired, secret=world.desired.secret))
    if not desired.enterprise:
        plan = decide(replace(world, observed=troubled("EnterpriseNotFound", stalled=False).observed))
        assert plan.steps in ((), (RemoveFinalizer(),))
        return

    end = run_its_course(world).end

    assert not end.desired.has_finalizer
    assert end.observed.app is None or end.live() == {}


@given(spoiled(SPEC))
def test_an_app_that_cannot_be_read_can_be_forced_to_go(body: Json) -> None:
    """At once, whatever answers or does not."""
    desired = going(body["spec"], annotations={"boxapps.dev/force-delete": "true"})
    world = World(desired, troubled("BoxUnavailable", stalled=False).observed)

    assert decide(world).steps == (RemoveFinalizer(),)


@pytest.mark.parametrize("policy", ["Orphan", 5, None, {"kind": "Retain"}, "delete"])
def test_a_policy_that_cannot_be_read_revokes_tokens(policy: Any) -> None:
    """It deletes nothing that cannot be had back, and leaves no token live; None is what the schema says of absence."""
    desired = going({**SPEC, "deletionPolicy": policy})
    world = replace(ready_world(), desired=replace(desired, secret=DESIRED.secret))

    course = run_its_course(world)

    assert desired.deletion_policy is DeletionPolicy.REVOKE_TOKENS
    assert [type(step) for step in course.steps] == [RevokeSlot, RemoveFinalizer]


def test_a_policy_that_can_be_read_counts() -> None:
    """Although the rest of the spec cannot be read."""
    desired = going({**SPEC, "tokens": {"expiry": "90d"}})
    world = replace(ready_world(), desired=replace(desired, secret=DESIRED.secret))

    assert [type(step) for step in run_its_course(world).steps] == [DeleteApp, RemoveFinalizer]


@pytest.mark.parametrize(
    "spec", [{**SPEC, "enterpriseRef": "acme"}, {**SPEC, "enterpriseRef": {"name": 5}}, "text", None]
)
def test_no_other_enterprise_takes_the_place_of_one_that_cannot_be_read(spec: Any) -> None:
    """In the default one the app is not there, and would count as gone from Box with its tokens live."""
    desired = going(spec)
    assert desired.enterprise == ""
    seen = replace(ready_world().observed, known=False, app=None)
    problem = replace(troubled("InvalidSpec", stalled=True).observed.problem, message=desired.invalid or "")  # type: ignore[type-var]

    plan = decide(World(replace(desired, secret=DESIRED.secret), replace(seen, problem=problem)))

    assert plan.steps == ()
    assert (desired.invalid or "?").rstrip(".") in said(plan, "Ready").message
    assert give_up(desired) in said(plan, "Ready").message


@pytest.mark.parametrize(
    ("spec", "field", "expected"),
    [
        ({"clientID": 7}, "client_id", "c" * 32),
        ({"clientID": None}, "client_id", None),
        ({"tokens": {"secret": {"name": 7}}}, "secret.name", "viewer-box-token"),
        ({"tokens": {"secret": {"name": None}}}, "secret.name", "viewer-box-token"),
    ],
)
def test_whose_app_it_is_is_known_from_the_status(spec: Json, field: str, expected: Any) -> None:
    """An adopted app must not count as registered, and the Secret is the one that was published."""
    found: Any = parse_desired(app({"displayName": "x", **spec}))
    for name in field.split("."):
        found = getattr(found, name)

    assert found == expected


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (
            {"tokens": {"expiry": "90d"}},
            "spec.tokens.expiry cannot be read: this version of the operator expects 30d or 60d or Never there, "
            "not '90d'.",
        ),
        ({"authentication": "JWT"}, "spec.authentication cannot be read"),
        (
            {
                "authentication": "ClientCredentials",
                "clientCredentials": {**CREDENTIALS, "subject": {"type": "group", "id": "1"}},
            },
            "spec.clientCredentials.subject.type cannot be read",
        ),
        ({"tokens": {"rotation": {"retire": "LetItGo"}}}, "expects WhenUnused or AfterOverlap there, not 'LetItGo'"),
        ({"tokens": {"rotation": {"overlap": "1w"}}}, "expects a duration such as 10m, 1h30m or 7d there, not '1w'"),
        (
            {"tokens": {"rotation": {"restart": [{"kind": "CronJob", "name": "x"}]}}},
            "spec.tokens.rotation.restart[0].kind",
        ),
        ({"cors": {"domains": ["https://a", 5]}}, "spec.cors.domains[1] cannot be read"),
        (
            {"cors": ["https://a"]},
            "spec.cors cannot be read: this version of the operator expects an object there, not a list",
        ),
        ({"suspend": "yes"}, "expects true or false there, not 'yes'"),
        ({"displayName": None}, "spec.displayName cannot be read"),
        (
            {"enterpriseRef": {}},
            "spec.enterpriseRef.name cannot be read: this version of the operator expects a text there, not nothing",
        ),
        ({"clientID": ["t" * 32]}, "not a list"),
        ({"deletionPolicy": "t" * 32}, "not a text of 32 characters"),
    ],
)
def test_the_message_names_the_field_and_what_is_read_there(spec: Json, words: str) -> None:
    """And shows what it found, unless that is so long that it might be a token."""
    invalid = parse_desired(app({"displayName": "x", **spec})).invalid or ""

    assert words in invalid
    assert "t" * 32 not in invalid
    assert invalid.endswith("Correct it, or install the version of the operator that the manifest was written for.")


def test_a_spec_that_cannot_be_read_is_no_spec_without_it() -> None:
    """Nothing is done for it: neither the name nor the domains of Box follow what was read of it."""
    world = World(
        parse_desired(app({**SPEC, "tokens": {"expiry": "90d"}})), troubled("InvalidSpec", stalled=True).observed
    )

    plan = decide(world)

    assert plan.steps == ()
    assert said(plan, "Registered").reason == said(plan, "Stalled").reason == Reason.INVALID_SPEC


# BoxEnterprise


@given(spoiled(ENTERPRISE_SPEC))
def test_an_enterprise_that_cannot_be_read_is_invalid_and_nothing_worse(body: Json) -> None:
    """Whatever stands in whichever field; and what fits the schema's types is read."""
    spec = parse_enterprise(manifest(body["spec"])).spec

    if not fits("BoxEnterprise", body):
        assert spec.invalid is not None
        assert "cannot be read" in spec.invalid


@pytest.mark.parametrize(
    "allowed",
    [
        "All",
        {},
        {"from": "Some", "selector": {}},
        {"from": "Selector"},
        {"from": "Selector", "selector": "team=a"},
        {"from": "Selector", "selector": {"matchLabels": {"team": 5}}},
        {"from": "Selector", "selector": {"matchExpressions": [{"key": "team", "operator": "Like"}]}},
    ],
)
def test_namespaces_that_cannot_be_read_are_not_all_namespaces(allowed: Any) -> None:
    """What limits access fails closed."""
    assert parse_enterprise(manifest({**ENTERPRISE_SPEC, "allowedNamespaces": allowed})).spec.invalid is not None


def _enterprise(spec: EnterpriseSpec, generation: int) -> Enterprise:
    return replace(parse_enterprise(manifest(ASSISTED)), spec=spec, generation=generation)


async def test_a_change_that_cannot_be_read_ends_the_way_to_box_at_once() -> None:
    """Before anything else was tried: the spec may have been tightened, and no app may use what it said before."""
    good = parse_enterprise(manifest(ENTERPRISE_SPEC)).spec
    bad = parse_enterprise(manifest({**ENTERPRISE_SPEC, "rateLimit": {"requestsPerMinute": "few"}})).spec
    link = EnterpriseLink(_enterprise(good, 1), Surroundings().for_links(), lambda: None)
    assert link.problem is None

    link.change(_enterprise(bad, 2))

    assert link.problem is not None
    assert link.problem.reason == Reason.ENTERPRISE_NOT_READY
    assert "spec.rateLimit.requestsPerMinute cannot be read" in link.problem.message
    link.change(_enterprise(good, 3))
    assert link.problem is None
