"""The health that Argo CD shows, state by state, with a real Lua."""

import copy
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from lupa import lua51
from tests.gitops.argo import EXAMPLES, SCRIPT, health
from tests.gitops.corpus import APPS, OUTAGE, READY
from tests.gitops.enterprises import ASSISTED, ENTERPRISES
from tests.gitops.record import Json, State, manifest
from tests.unit.api.test_crds import APP, ENTERPRISE, root_of
from tests.unit.pretend import NOON, World, decide
from tests.unit.status_invariants import NOT_GOOD, OF_READY_ALONE, check_status
from tests.unit.strategies import previous_conditions, worlds

from box_app_operator.model.conditions import Reason, merge_conditions, parse_conditions
from kube_sandbox.kinds.schema import Schema

STATES = [*APPS, *ENTERPRISES]
EVERY = pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
SCHEMAS = {"BoxCustomApp": Schema(root_of(APP)), "BoxEnterprise": Schema(root_of(ENTERPRISE))}

BEHIND_AUTHORIZED = {Reason.AWAITING_AUTHORIZATION}
"""A reason of TokenReady that Ready never has, because Authorized is not True either and comes first."""
OF_READY = {Reason.READY, *OF_READY_ALONE, *(each for reasons in NOT_GOOD.values() for each in reasons)}
OF_AN_ENTERPRISE = {
    *(Reason.READY, Reason.BOX_UNAVAILABLE, Reason.CREDENTIAL_MISSING, Reason.CREDENTIAL_REJECTED),
    *(Reason.CREDENTIAL_FORBIDDEN, Reason.CA_INVALID, Reason.INVALID_SPEC, Reason.DELETING),
}


@EVERY
def test_the_states_are_what_the_operator_writes(state: State) -> None:
    """They fit the schema, to the last field; those of apps keep every invariant of a status."""
    body = copy.deepcopy(state.body)
    schema = SCHEMAS[body["kind"]]
    if body["kind"] == "BoxEnterprise" and state.reason == Reason.INVALID_SPEC:
        # That is what is wrong with it.
        body["spec"] = ASSISTED

    assert schema.prune(body) == []
    assert list(schema.check(body)) == []
    if body["kind"] == "BoxCustomApp" and body["status"] != {"observedGeneration": -1}:
        check_status(None, body)


def test_there_is_a_state_for_every_reason() -> None:
    """Whatever an app or an enterprise can say is held against the script; and no reason is left over."""
    assert {state.reason for state in APPS} - {""} == OF_READY - BEHIND_AUTHORIZED
    assert {state.reason for state in ENTERPRISES} - {""} == OF_AN_ENTERPRISE


@EVERY
def test_the_health_is_as_it_should_be(state: State) -> None:
    """Waiting for people is Suspended, what the author must mend is Degraded."""
    assert health(state.body).status == state.argo


@EVERY
def test_the_message_says_what_to_do(state: State) -> None:
    """It is there; for whoever waits for people it has every step, and where."""
    found, status = health(state.body), state.body.get("status", {})

    assert found.message.strip()
    if found.status == "Suspended" and state.is_of_this_spec and not state.body["spec"].get("suspend"):
        steps = status.get("nextSteps", [])
        assert parse_conditions(status)["Ready"].message in found.message
        assert [step for step in steps[1:] if step["what"] not in found.message] == []
        assert [step for step in steps if f"Where: {step['where']}" not in found.message] == []
    if found.status == "Degraded":
        assert found.message == parse_conditions(status)["Stalled"].message
    if found.status in ("Healthy", "Progressing") and state.is_of_this_spec:
        waits = parse_conditions(status).get("Reconciling", parse_conditions(status)["Ready"])
        assert found.message == waits.message


def test_the_first_step_is_said_once() -> None:
    """Ready has it already, in its own words or in the same."""
    for state in APPS:
        first = next(iter(state.body.get("status", {}).get("nextSteps", [])), {"what": "nothing"})
        assert health(state.body).message.count(first["what"]) <= 1, state.name


def test_what_is_not_known_waits_for_nobody() -> None:
    """Whatever the reason was about: the operator asks again by itself."""
    body = copy.deepcopy(next(state.body for state in APPS if state.name == "pending"))
    next(each for each in body["status"]["conditions"] if each["type"] == "Ready")["status"] = "Unknown"

    assert health(body).status == "Progressing"


def test_an_object_that_is_about_to_go_does_not_say_what_it_said_before() -> None:
    """What it said is of a time when it was to stay."""
    going = [state for state in APPS if "about to go" in state.name]

    assert {health(state.body).message for state in going} == {"It is being deleted."}


def test_whoever_looks_in_vain_for_a_status_is_told_where_to_look() -> None:
    """No operator runs, or it watches other namespaces."""
    assert "does it run" in health(manifest()).message


@pytest.mark.parametrize("kind", ["BoxCustomApp", "BoxEnterprise"])
def test_the_config_map_carries_this_script(kind: str) -> None:
    """Under the key that Argo CD looks for; and nothing else is in it that could overwrite anything."""
    found = yaml.safe_load((EXAMPLES / "argocd" / "argocd-cm.yaml").read_text())
    keys = [f"resource.customizations.health.boxapps.dev_{each}" for each in ("BoxCustomApp", "BoxEnterprise")]

    assert (found["kind"], found["metadata"]["name"]) == ("ConfigMap", "argocd-cm")
    assert list(found["data"]) == keys
    assert found["data"][f"resource.customizations.health.boxapps.dev_{kind}"] == SCRIPT


@pytest.mark.parametrize(
    "script",
    ["return string.upper('x')", "return ('x'):upper()", "return os.getenv('HOME')", "return python.eval('1')"],
)
def test_the_script_has_no_more_than_argo_cd_gives_it(script: str) -> None:
    """Otherwise what works here would fail there."""
    with pytest.raises(lua51.LuaError):
        health(READY, f"{script} .. 1")


def test_an_answer_that_argo_cd_would_not_take_is_none() -> None:
    """A word that is no health, or no table."""
    for script in ("return {status = 'Fine'}", "return 'Healthy'"):
        with pytest.raises(AssertionError):
            health(READY, script)


def judge(body: Json) -> str:
    """The health of an app whose status is of this spec, in words of its own; "?" where the reason decides."""
    conditions = parse_conditions(body["status"])
    if "deletionTimestamp" in body["metadata"]:
        return "Progressing"
    if body["spec"]["suspend"]:
        return "Suspended"
    if "Stalled" in conditions:
        return "Degraded"
    if conditions["Ready"].status == "False" or ("Reconciling" in conditions and conditions["Ready"].status == "True"):
        return "?"
    return "Healthy" if conditions["Ready"].status == "True" else "Progressing"


@settings(max_examples=150, derandomize=True, database=None, deadline=None)
@given(world=worlds(), previous=previous_conditions(), away=st.booleans())
def test_any_status_has_its_health(world: World, previous: dict[str, Any], away: bool) -> None:
    """Whatever was wanted and seen: the reason is one of the table, Degraded means Stalled, Unknown never Suspended."""
    steps = decide(world, previous).steps if away else ()
    plan, wish = decide(world, previous, dict.fromkeys(steps, OUTAGE)), world.desired
    if not any(condition.type == "Ready" for condition in plan.conditions):
        return
    meta = {"name": wish.name, "generation": 1, **({"deletionTimestamp": "now"} if wish.deleting else {})}
    spec = {"suspend": wish.suspended, "authorization": {"submit": wish.submit}}
    status = {"observedGeneration": 1, "conditions": merge_conditions(plan.conditions, (), 1, NOON)}
    body = {"kind": "BoxCustomApp", "metadata": meta, "spec": spec, "status": status}

    found, expected = health(body).status, judge(body)

    assert parse_conditions(status)["Ready"].reason in OF_READY
    assert found == expected or (expected == "?" and found in ("Progressing", "Suspended"))


FOR_PEOPLE = (
    *("AwaitingClientID", "AwaitingHuman", "Disabled", "PendingApproval", "SlotsOccupied", "AwaitingToken"),
    *("TokenExpired", "TokenRejected", "NotSubmitted", "ReauthorizationRequired"),
)
BROKEN = {
    "deletion": ("obj.metadata.deletionTimestamp ~= nil", "false"),
    "suspension": ("spec.suspend == true", "false"),
    "generation": ("status.observedGeneration ~= obj.metadata.generation", "false"),
    "stalled": ('stalled.status == "True"', "false"),
    "ready": ('is_ready and reconciling.status ~= "True"', "false"),
    "reconciling": ('and reconciling.status ~= "True"', ""),
    "what is waited for": ("is_ready and reconciling or ready", "ready"),
    "people": ("is_for_people(waits.reason)", "false"),
    "everything is people's": ("is_for_people(waits.reason)", "true"),
    **{reason: (f"{reason} = true", f"{reason} = false") for reason in FOR_PEOPLE},
    "steps for people": ("status.nextSteps ~= nil and #status.nextSteps > 0", "true"),
    "submission": ("spec.authorization ~= nil and spec.authorization.submit == false", "true"),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_every_rule_of_the_script_is_needed(rule: str) -> None:
    """Without it some state has another health, and the tests above fail."""
    assert SCRIPT.count(BROKEN[rule][0]) == 1
    broken = SCRIPT.replace(*BROKEN[rule])

    assert [state.name for state in STATES if health(state.body, broken).status != state.argo]
