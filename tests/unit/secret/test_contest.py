"""What somebody changes back each time: how it differs from an edit, how long it waits, what is believed meanwhile."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from tests.unit.examples import ONE, TWO, look, ready_world, said
from tests.unit.pretend import APP_ID, NOON, World, decide
from tests.unit.strategies import DESIRED

from box_app_operator.model.box import Refusal, RefusalKind, Slot, fingerprint_of
from box_app_operator.model.desired import Retire
from box_app_operator.model.observed import Contest
from box_app_operator.model.steps import PublishSecret, RevokeSlot
from box_app_operator.secret.contents import contents_of, differences
from box_app_operator.secret.contest import EACH_TIME, LONGEST_CALM, Upkeep, paused

LABEL = "label boxapps.dev/app"
OTHER = {"app.kubernetes.io/managed-by": "box-app-operator", "boxapps.dev/app": "other"}


def backoff(failures: int) -> float:
    """As the operator's own, without jitter."""
    return min(2.0**failures, 300.0)


GOOD = ready_world().secret
WANTED = contents_of(DESIRED, ready_world().observed, ONE, NOON)
BAD = replace(GOOD, labels=OTHER)


def changed(times: int, at: datetime = NOON) -> Upkeep:
    """A Secret whose label was put right so often, and changed back by somebody a moment later."""
    upkeep = Upkeep().wrote(GOOD, WANTED, at)
    for _ in range(times):
        upkeep = upkeep.found(BAD, WANTED, at).wrote(GOOD, WANTED, at)
    return upkeep


def test_an_edit_or_two_are_no_contest() -> None:
    """They are undone at once; only what comes back again and again is said."""
    assert changed(EACH_TIME - 1).contest(NOON).names == ()
    assert changed(EACH_TIME).contest(NOON).names == (LABEL,)


def test_what_the_answer_shows_changed_is_a_contest_at_once() -> None:
    """Nobody but an admission policy can be so quick."""
    assert Upkeep().wrote(BAD, WANTED, NOON).contest(NOON).names == (LABEL,)


def test_another_spec_is_no_change_of_somebody() -> None:
    """The Secret is as it was written, and is to become something else."""
    upkeep = Upkeep().wrote(GOOD, WANTED, NOON)
    other = replace(WANTED, labels={**WANTED.labels, "team": "b"})

    for _ in range(EACH_TIME + 1):
        upkeep = upkeep.found(GOOD, other, NOON)

    assert upkeep.contest(NOON).names == ()


def test_it_waits_ever_longer_and_less_long_than_it_is_remembered() -> None:
    """Otherwise every try would be the first one."""
    waits = []
    for times in range(1, 40):
        upkeep = changed(times)
        until = upkeep.paused_until((LABEL,), backoff, NOON)
        assert until is not None
        waits.append(until - NOON)
        assert upkeep.changes[LABEL].over_at - NOON >= 2 * waits[-1]

    assert waits == sorted(waits)
    assert waits[0] <= timedelta(seconds=2)
    assert waits[-1] == LONGEST_CALM / 2


def test_what_else_is_wrong_does_not_wait() -> None:
    """Somebody's edit of another label is undone at once, and an author's change is written at once."""
    upkeep = changed(10)

    assert upkeep.paused_until((LABEL,), backoff, NOON) is not None
    assert upkeep.paused_until((LABEL, "key BOX_CLIENT_ID"), backoff, NOON) is None
    assert upkeep.paused_until((), backoff, NOON) is None


def test_it_is_forgotten_when_it_stops() -> None:
    """The condition says nothing that is not so any more."""
    upkeep = changed(EACH_TIME)
    until = upkeep.contest(NOON).until

    assert upkeep.contest(until - timedelta(seconds=1)).names == (LABEL,)
    assert upkeep.contest(until).names == ()
    assert upkeep.paused_until((LABEL,), backoff, until) is None


def test_what_the_operator_recorded_is_believed_where_it_is_changed_each_time() -> None:
    """And nowhere else: a value that a person changed once is theirs to change."""
    key = "boxapps.dev/published-at"
    stripped = replace(GOOD, annotations={name: text for name, text in GOOD.annotations.items() if name != key})

    assert (
        Upkeep().wrote(stripped, WANTED, NOON).overruled(stripped, NOON).effective_annotations[key]
        == WANTED.annotations[key]
    )
    assert Upkeep().wrote(GOOD, WANTED, NOON).overruled(stripped, NOON) is stripped
    elsewhere = replace(stripped, fingerprints={"BOX_APP_TOKEN": TWO.fingerprint})
    assert Upkeep().wrote(stripped, WANTED, NOON).overruled(elsewhere, NOON) is elsewhere


def contested(world: World) -> World:
    """The world, with a label of its Secret that somebody changes each time."""
    contest = Contest((LABEL,), NOON + timedelta(minutes=30))
    secret = replace(world.secret, labels=OTHER)
    return look(world, secret=secret, contests={secret.name: contest})


def test_it_is_said_with_names_and_never_values() -> None:
    """In the condition, in Ready and as an Event, in the same words; the token is there, so TokenReady is True."""
    plan = decide(contested(ready_world()))

    token, (notice,) = said(plan, "TokenReady"), plan.notices
    assert (token.status, token.reason) == ("True", "Published")
    assert notice.reason == "SecretChangedBack"
    assert token.message.endswith(notice.message)
    assert LABEL in notice.message
    assert "other" not in notice.message
    assert f"kubectl get secret {DESIRED.secret.name} -n {DESIRED.namespace} " in notice.message
    assert said(plan, "Ready").message == token.message
    assert plan.look_again_at == NOON + timedelta(minutes=30)


def test_it_holds_nothing_else_up() -> None:
    """While it waits to be put right the previous token is revoked, and the words stay the same."""
    at_once = replace(DESIRED.rotation, overlap=timedelta(), retire=Retire.AFTER_OVERLAP)
    world = contested(ready_world(replace(DESIRED, rotation=at_once), secondary=TWO))
    step = PublishSecret(ONE.fingerprint, (LABEL,))
    revoke = RevokeSlot(APP_ID, Slot.SECONDARY, TWO.fingerprint)
    before = decide(world)

    after = decide(world, refusals={step: paused(DESIRED, DESIRED.secret.name, (LABEL,), NOON)})

    assert (before.steps, after.steps) == ((step, revoke), (revoke,))
    assert after.conditions == before.conditions


@pytest.mark.parametrize("kind", [RefusalKind.TRANSIENT, RefusalKind.STALLED])
def test_a_refused_mend_holds_nothing_else_up(kind: RefusalKind) -> None:
    """Whether a policy refuses it or the author's label: the previous token ends."""
    at_once = replace(DESIRED.rotation, overlap=timedelta(), retire=Retire.AFTER_OVERLAP)
    world = ready_world(replace(DESIRED, rotation=at_once), secondary=TWO)
    world = look(world, secret=replace(world.secret, labels=OTHER))
    step = PublishSecret(ONE.fingerprint, (LABEL,))
    reason = "SecretRefused" if kind is RefusalKind.TRANSIENT else "InvalidSpec"

    plan = decide(world, refusals={step: Refusal(kind, reason, "the policy's own words")})

    assert plan.steps == (RevokeSlot(APP_ID, Slot.SECONDARY, TWO.fingerprint),)
    status, stalled = ("True", False) if kind is RefusalKind.TRANSIENT else ("False", True)
    assert said(plan, "TokenReady").status == status
    assert "the policy's own words" in said(plan, "TokenReady").message
    assert ("Stalled" in {each.type for each in plan.conditions}) is stalled
    assert [notice.message for notice in plan.notices] == ([] if stalled else ["the policy's own words"])


def test_labels_and_annotations_that_the_spec_drops_go() -> None:
    """The Secret tells which were the spec's; all others stay."""
    given = replace(DESIRED.secret, labels={"team": "a", "expose": "yes"}, annotations={"note": "x"})
    world = ready_world(replace(DESIRED, secret=given))
    there = world.secret
    there = replace(
        there, labels={**there.labels, "velero.io/backup": "b"}, annotations={**there.annotations, "n": "o"}
    )
    fewer = replace(DESIRED, secret=replace(given, labels={"team": "a"}, annotations={}))

    wanted = contents_of(fewer, replace(world.observed, secret=there), ONE, NOON)

    assert (wanted.gone_labels, wanted.gone_annotations) == ({"expose"}, {"note", "boxapps.dev/added-annotations"})
    assert differences(there, wanted) == (
        "label expose",
        *("annotation boxapps.dev/added-annotations", "annotation boxapps.dev/added-labels", "annotation note"),
    )


def test_keys_of_a_former_name_go_and_those_of_others_stay() -> None:
    """From the plain names to others, and back."""
    world = ready_world()
    keys = replace(DESIRED.secret.keys, token="TOKEN", slot="SLOT")
    there = world.secret
    there = replace(there, fingerprints={**there.fingerprints, "theirs": fingerprint_of("x")})

    wanted = contents_of(
        replace(DESIRED, secret=replace(DESIRED.secret, keys=keys)),
        replace(world.observed, secret=there),
        ONE,
        NOON,
    )

    assert wanted.gone_keys == {"BOX_APP_TOKEN", "BOX_TOKEN_SLOT"}
    back = replace(there, annotations=wanted.annotations, fingerprints={**wanted.fingerprints, "theirs": "x"})
    again = contents_of(DESIRED, replace(world.observed, secret=back), ONE, NOON)
    assert again.gone_keys == {"TOKEN", "SLOT"}
    assert again.gone_annotations == {"boxapps.dev/added-keys"}
