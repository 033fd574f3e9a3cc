"""A status is text that people can edit: what cannot be read counts as not remembered, and nothing stumbles over it."""

import copy
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.api.test_crds import APP, root_of
from tests.unit.core.test_status import body_of, report
from tests.unit.examples import ONE, TWO, app_for, look, ready_world, troubled
from tests.unit.observability.test_gauges import exported
from tests.unit.pretend import CLIENT_ID, NOON, World, decide, decided, run_its_course
from tests.unit.status_invariants import check_status

from box_app_operator.api.remembered import parse_remembered, shown_conditions, status_of
from box_app_operator.api.spec import RECONCILE_ANNOTATION
from box_app_operator.cache.cluster import Store
from box_app_operator.cache.due import due_first
from box_app_operator.core.status import build_status
from box_app_operator.model.box import AppID, AuthorizationState, ClientID, Fingerprint, Slot
from box_app_operator.model.conditions import merge_conditions, parse_conditions
from box_app_operator.model.observed import RememberedStatus
from kube_sandbox.kinds.schema import Schema

Json = dict[str, Any]
Path = tuple[str | int, ...]

SCHEMA = Schema(root_of(APP))


def rotated_world() -> World:
    """Another token was published, and the previous one is phased out."""
    world = ready_world(secondary=TWO)
    remembered = replace(world.observed.remembered, retiring=TWO.fingerprint)
    return look(world, remembered=remembered)


def pending_world() -> World:
    """The admin is waited for."""
    return look(ready_world(), app=decided(app_for(), AuthorizationState.PENDING), secret=None)


WORLDS = {"ready": ready_world(), "rotated": rotated_world(), "pending": pending_world()}


def whole(world: World) -> Json:
    """The object with the status that a pass over this world wrote."""
    body = body_of(world)
    written = report(world, {**body, "metadata": {**body["metadata"], "resourceVersion": "1"}})
    assert written is not None
    written["metadata"]["creationTimestamp"] = world.desired.created_at
    written["status"] |= {"lastHandledReconcileAt": "one", "lastHandledRotateAt": "two"}
    return written


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """Where everything in a JSON value stands, itself included."""
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, child in children:
        yield from paths(child, (*path, name))


ODD_TEXTS = [
    "",
    "Primary",
    "True",
    "2026-01-01",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "2026-02-30T00:00:00Z",
    "../../x",
    "a\nb",
    "é\u202e",
    "x" * 40,
]
NONSENSE = st.recursive(
    st.sampled_from([None, True, False, 0, -1, 10**30, 1.5, *ODD_TEXTS]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["type", "slot", "x"]), inner, max_size=2)
    ),
    max_leaves=3,
)


@st.composite
def edited(draw: st.DrawFn) -> tuple[World, Json]:
    """A world, and its object after somebody edited the status: lines removed, values replaced."""
    world = WORLDS[draw(st.sampled_from(list(WORLDS)))]
    body = copy.deepcopy(whole(world))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from([("status", *path) for path in paths(body.get("status"))]))
        _edit(body, path, remove=draw(st.booleans()), value=draw(NONSENSE))
    return world, body


def _edit(body: Any, path: Path, *, remove: bool, value: Any) -> None:
    for name in path[:-1]:
        body = body[name]
    if remove and path[-1] in (body if isinstance(body, dict) else range(len(body))):
        del body[path[-1]]
    elif not remove:
        body[path[-1]] = value


def remembering(world: World, body: Json) -> World:
    """The world as the next pass sees it."""
    return look(world, remembered=parse_remembered(body))


def plain(status: Json) -> Json:
    """A status without since when, and without what was handled."""
    kept = {name: value for name, value in status.items() if not name.startswith("lastHandled")}
    kept["conditions"] = [
        {name: value for name, value in condition.items() if name != "lastTransitionTime"}
        for condition in status["conditions"]
    ]
    return kept


@given(edited())
def test_the_next_pass_writes_the_status_as_it_was(case: tuple[World, Json]) -> None:
    """Whatever was edited: Box, the Secret and the spec tell it again, and nothing else is done about it."""
    world, body = case
    seen = remembering(world, body)
    if world is WORLDS["rotated"] and seen.observed.remembered.retiring is None:
        # Of a live token of unknown value nobody remembers whose it was: that it is revoked is a rule of its own.
        return
    plan = decide(seen, parse_conditions(status_of(body)))

    assert plan.steps == decide(world).steps
    after = {**body, "status": build_status(body, seen.desired, seen.observed, plan, NOON)}
    check_status(None, after)
    assert plain(after["status"]) == plain(whole(world)["status"])


@given(edited(), st.sampled_from(["BoxUnavailable", "EnterpriseNotReady", "EnterpriseNotFound", "InvalidSpec"]))
def test_what_is_kept_fits_the_schema(case: tuple[World, Json], reason: str) -> None:
    """While nothing can be looked at the status stays, without what cannot be read: the API server takes it."""
    world, body = case
    problem = troubled(reason, stalled=reason == "InvalidSpec").observed.problem
    away = replace(world, observed=replace(world.observed, problem=problem, remembered=parse_remembered(body)))
    plan = decide(away, parse_conditions(status_of(body)), now=NOON + timedelta(days=1))

    after = {**body, "status": build_status(body, away.desired, away.observed, plan, NOON)}

    assert SCHEMA.prune(copy.deepcopy(after)) == []
    assert (
        list(SCHEMA.check({"metadata": after["metadata"], "spec": {"displayName": "x"}, "status": after["status"]}))
        == []
    )


@given(edited())
def test_the_object_can_be_deleted(case: tuple[World, Json]) -> None:
    """Its finalizer goes, and no token stays live; with force-delete also while nobody answers."""
    world, body = case
    going = remembering(replace(world, desired=replace(world.desired, deleting=True)), body)

    end = run_its_course(going, parse_conditions(status_of(body))).end

    assert not end.desired.has_finalizer
    assert end.live() == {}
    forced = replace(
        going,
        desired=replace(going.desired, force_delete=True),
        observed=troubled("BoxUnavailable", stalled=False).observed,
    )
    assert not run_its_course(forced).end.desired.has_finalizer


@given(edited())
def test_nothing_that_reads_a_status_stumbles(case: tuple[World, Json]) -> None:
    """Metrics, the order of work, the store, and whose claim to an app is older."""
    _, body = case
    body["metadata"]["resourceVersion"] = "1"
    store = Store()

    app = store.put_app(body)

    assert due_first([app], NOON) == [app]
    assert exported(body)
    assert store.claims(CLIENT_ID) in ([], [app])
    assert merge_conditions((), status_of(body).get("conditions", ()), 1, NOON) == []


@pytest.mark.parametrize("status", [None, [], "text", 7, True, {}, {"tokens": 7}, {"conditions": {"type": "Ready"}}])
def test_a_status_that_is_none_remembers_nothing(status: Any) -> None:
    """Removed as a whole, or something else in its place."""
    assert parse_remembered({"metadata": {}, "status": status}) == RememberedStatus()
    assert shown_conditions({"status": status}) == []


def test_every_line_is_read_by_itself() -> None:
    """The fingerprint counts without the slot, the slot without the date."""
    active = {"fingerprint": ONE.fingerprint, "slot": "Primary", "issuedTime": "yesterday"}
    retiring = {"fingerprint": TWO.fingerprint, "slot": "secondary", "issuedTime": "2026-02-01T00:00:00Z"}
    status = {"appID": "1", "clientID": "c", "tokens": {"active": active, "retiring": retiring, "restarted": ["a", 1]}}

    found = parse_remembered({"metadata": {}, "status": status})

    assert (found.app_id, found.client_id) == (AppID("1"), ClientID("c"))
    assert (found.active, found.retiring) == (Fingerprint(ONE.fingerprint), Fingerprint(TWO.fingerprint))
    assert found.slots == {TWO.fingerprint: Slot.SECONDARY}
    assert found.dates.keys() == {TWO.fingerprint}
    assert found.restarted == ("a",)


def sample(node: Json, name: str = "") -> Any:
    """A value with every field of a schema."""
    known = {"slot": "primary", "fingerprint": "0" * 16, "appID": "1", "status": "True"}
    match node["type"]:
        case "object":
            return {key: sample(child, key) for key, child in node["properties"].items()}
        case "array":
            return [sample(node["items"], name)]
        case "integer":
            return 1
        case "boolean":
            return True
    return "2026-01-01T00:00:00Z" if node.get("format") == "date-time" else known.get(name, "text")


def test_every_field_of_the_schema_is_remembered() -> None:
    """A field that is new in the schema would otherwise be lost while Box is out of reach."""
    status = sample(root_of(APP)["properties"]["status"])

    assert status_of({"status": status}) == status


@pytest.mark.parametrize(
    ("looked_at", "asked", "is_current"),
    [(3, None, True), (3, "handled", True), (3, "new", False), (2, None, False)],
    ids=["now", "handled", "asked-again", "earlier-spec"],
)
def test_domains_count_as_tried_only_for_the_spec_they_were_tried_for(
    looked_at: int, asked: Any, is_current: Any
) -> None:
    """The status may be of this spec and the condition of an earlier one: Box was out of reach then.

    That they were as the spec asked stays known: what differs from them in Box somebody changed there.
    """
    condition = {"type": "CORSSynced", "status": "True", "reason": "Synced", "observedGeneration": looked_at}
    known = {"corsDomains": ["https://a"], "conditions": [condition], "lastHandledReconcileAt": "handled"}
    notes = {RECONCILE_ANNOTATION: asked} if asked else {}

    remembered = parse_remembered({"metadata": {"generation": 3, "annotations": notes}, "status": known})

    assert (remembered.origins, remembered.is_current) == (("https://a",), is_current)


def test_only_origins_are_sent_to_box_as_origins() -> None:
    """Whatever somebody wrote among the domains: a header cannot hold it."""
    status = {"corsDomains": ["https://a", "https://a\nX: y", "https://ü"]}

    assert parse_remembered({"metadata": {}, "status": status}).allowed == ("https://a",)
