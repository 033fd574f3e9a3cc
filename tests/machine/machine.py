"""The life of one app as a state machine: passes that are interrupted anywhere, and a world that never keeps still.

Passes run the real reconciler with core and executor against a simulated Box and cluster. Between passes people edit
the spec, the Secret and Box, pods come and go, the clock jumps, news arrive late or not at all. In the end everything
must settle: exactly one live token, the one in the Secret.
"""

import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.fakes.box import CLIENTS
from tests.fakes.cluster import NAME, Pod
from tests.fakes.fates import CrashError, Fate
from tests.machine.person import CLIENT, IMPORT
from tests.machine.stage import Stage, credentials_of
from tests.unit.status_invariants import check_status

from box_app_operator.api.spec import ROTATE_ANNOTATION
from box_app_operator.model.box import AuthorizationState, Slot
from box_app_operator.model.desired import WorkloadRef
from box_app_operator.model.observed import WorkloadView

FATES = st.lists(st.sampled_from([Fate.OK, Fate.OK, *Fate]), max_size=8)
TOKEN_SPECS: tuple[dict[str, Any], ...] = (
    {},
    {"expiry": "30d"},
    {"expiry": "Never"},
    {"secret": {"name": "other"}},
    {"secret": {"keys": {"token": "TOKEN"}}},
    {"rotation": {"overlap": "0s"}},
    {"rotation": {"overlap": "1d", "retire": "AfterOverlap"}},
    {"rotation": {"every": "7d", "retireDeadline": "2d"}},
    {"rotation": {"restart": [{"kind": "Deployment", "name": "web"}, {"kind": "Deployment", "name": "gone"}]}},
)
DOWNSCOPED = {"secretName": "down", "scopes": ["base_preview"]}
BY_CREDENTIALS = {
    "authentication": "ClientCredentials",
    "clientCredentials": {"secretRef": {"name": "creds"}, "subject": {"type": "enterprise", "id": "1"}},
}


class LifeOfAToken(Stage, RuleBasedStateMachine):
    """One BoxCustomApp, from its creation to rest."""

    only: str | None = None

    def __init__(self) -> None:
        RuleBasedStateMachine.__init__(self)
        Stage.__init__(self)

    @initialize(
        adopt=st.sampled_from([False, False, True]),
        key=st.booleans(),
        allowed=st.sampled_from(["yes", "yes", "with deletion", "no"]),
        ready=st.sampled_from([True, True, False]),
        mode=st.sampled_from(["Automated", "Automated", "Assisted", "ClientCredentials"]),
        secret=st.booleans(),
    )
    def create(self, adopt: bool, key: bool, allowed: str, ready: bool, mode: str, secret: bool) -> None:
        """The object appears; sometimes for an app that a person made, with a key of theirs; mostly it is Ready.

        Its mode stays what it is. Assisted, there may be a client secret, with which tokens can be revoked.
        """
        mode = self.only or mode
        self.granted, self.assisted = mode == "ClientCredentials", mode == "Assisted"
        self.adopted = adopt and mode == "Automated"
        client: dict[str, Any] = BY_CREDENTIALS if self.granted else {}
        self.kube.workloads[WorkloadRef("Deployment", "web")] = WorkloadView(WorkloadRef("Deployment", "web"))
        if self.adopted:
            app = self.box.register("Viewer", "")
            self.box.decide(app.id, AuthorizationState.AUTHORIZED, enabled=True)
            if key:
                self.box.generate(app.id, Slot.PRIMARY, None, by_hand=True)
            client = {"clientID": app.client_id}
            self.allow(allowed)
        if self.assisted:
            self.restart_operator()
            client = self.made_by_a_person(secret=secret)
        self.make(client)
        if ready:
            self.settle()

    def made_by_a_person(self, *, secret: bool) -> dict[str, Any]:
        """The spec for an app that the person creates in the Developer Console."""
        spec: dict[str, Any] = {"clientID": self.box.register("Viewer", "").client_id}
        if secret:
            self.kube.kept[CLIENT] = {"secret": "a secret"}
            spec["clientSecretRef"] = {"name": CLIENT, "key": "secret"}
        return {**spec, "tokens": {"importFrom": {"name": IMPORT}}}

    # What the operator does

    @rule(fates=FATES)
    def work(self, fates: list[Fate]) -> None:
        """It hears the news, and works until it is done or killed."""
        self.hear_news()
        self.work_unheard(fates)

    @rule(fates=FATES)
    def work_unheard(self, fates: list[Fate]) -> None:
        """A pass on what was known before."""
        self.fates.next = list(fates)
        try:
            self.run_pass()
        except CrashError:
            self.restart_operator()
        finally:
            self.fates.next = []
        after = self.kube.apps.get(NAME)
        if after is not None and after.get("status"):
            # Without the one before: under a clock that jumps times may go backwards.
            check_status(None, after)

    @rule()
    def hear(self) -> None:
        """The news arrive."""
        self.hear_news()

    @rule(fates=FATES, seconds=st.sampled_from([0, 10, 120, 3600, 3 * 86400]))
    def work_later(self, fates: list[Fate], seconds: int) -> None:
        """Time passes, it hears the news, and works."""
        self.pass_time(seconds)
        self.work(fates)

    @precondition(lambda self: NAME in self.kube.apps)
    @rule(fates=FATES)
    def rotate(self, fates: list[Fate]) -> None:
        """Somebody asks for a rotation, and it works."""
        self.ask_for_rotation()
        self.work(fates)

    @rule()
    def crash(self) -> None:
        """The process dies between two passes."""
        self.restart_operator()

    @rule()
    def arrive_late(self) -> None:
        """Calls whose answers were given up reach their goal."""
        self.fates.deliver_late()

    @rule(seconds=st.sampled_from([1, 10, 120, 3600, 86400, 7 * 86400, 26 * 86400, 61 * 86400]))
    def pass_time(self, seconds: int) -> None:
        """Time passes."""
        self.pass_seconds(seconds)

    @precondition(lambda self: not self.assisted)  # where a key's dates are the operator's own guess
    @rule(hours=st.sampled_from([0, 5, -5, 55 * 24, 70 * 24, -55 * 24]), fates=FATES)
    def set_the_clock(self, hours: int, fates: list[Fate]) -> None:
        """The operator's clock is put right, or wrong, and it works."""
        self.set_clock(timedelta(hours=hours))
        self.work(fates)

    # What people do to the object

    @precondition(lambda self: NAME in self.kube.apps)
    @rule(tokens=st.sampled_from(TOKEN_SPECS))
    def edit_tokens(self, tokens: dict[str, Any]) -> None:
        """Another spec.tokens."""
        self.edit(tokens={**tokens, "importFrom": {"name": IMPORT}} if self.assisted else tokens)

    @precondition(lambda self: NAME in self.kube.apps)
    @rule(
        change=st.sampled_from(
            [
                *({"cors": {"domains": ["https://a.example.com"]}}, {"cors": {}}, {"suspend": True}),
                *({"downscopedTokens": [DOWNSCOPED]}, {"downscopedTokens": []}),
            ]
        ),
        fates=FATES,
    )
    def edit_the_rest(self, change: dict[str, Any], fates: list[Fate]) -> None:
        """Another part of the spec; none of it is a reason for a token."""
        self.edit(**{"suspend": False, **change})
        self.work(fates)
        if NAME in self.kube.apps:
            self.edit(suspend=False)

    @precondition(lambda self: self.granted)
    @rule(client=st.sampled_from([*CLIENTS, None]))
    def hand_over(self, client: str | None) -> None:
        """Client credentials are put where the spec says, of one app or the other, or are taken away."""
        self.kube.kept = {"creds": credentials_of(client)} if client is not None else {}

    @precondition(lambda self: self.adopted)
    @rule(how=st.sampled_from(["yes", "with deletion", "no"]), fates=FATES)
    def decide_about_adoption(self, how: str, fates: list[Fate]) -> None:
        """The owner of the enterprise thinks again, and it works."""
        self.allow(how)
        self.work(fates)

    @precondition(lambda self: NAME in self.kube.apps)
    @rule()
    def ask_for_rotation(self) -> None:
        """A new value of the annotation."""
        self.requests += 1
        annotations = {ROTATE_ANNOTATION: str(self.requests)}
        self.kube.put_app(NAME, metadata={**self.body["metadata"], "annotations": annotations})

    @precondition(lambda self: NAME in self.kube.apps and not self.body["metadata"].get("deletionTimestamp"))
    @rule(policy=st.sampled_from(["RevokeTokens", "Delete"]), really=st.integers(0, 3))
    def delete(self, policy: str, really: int) -> None:
        """kubectl delete, now and then. What was on its way to Box before is over by then."""
        if really:
            return
        self.fates.late.clear()
        self.edit(deletionPolicy=policy, suspend=False)
        if not self.body["metadata"].get("finalizers"):
            self.kube.drop_app(NAME)
        else:
            self.kube.put_app(NAME, metadata={**self.body["metadata"], "deletionTimestamp": "2026-03-01T12:00:00Z"})

    @precondition(lambda self: NAME not in self.kube.apps and not self.adopted)
    @rule()
    def create_again(self) -> None:
        """A new object of the same name; its display name is another, for the old app may have stayed."""
        for app in list(self.box.apps):
            self.box.remove(app)
        for secret in list(self.kube.secrets):
            self.kube.drop_secret(secret)
        self.kube.kept.pop(IMPORT, None)
        made = self.made_by_a_person(secret=CLIENT in self.kube.kept) if self.assisted else {}
        self.make(BY_CREDENTIALS if self.granted else made)

    @rule(
        how=st.sampled_from(["delete", "empty", "edit", "owner", "labels"]),
        which=st.sampled_from(["viewer-box-token", "other", "down"]),
    )
    def tamper(self, how: str, which: str) -> None:
        """Somebody has a hand in the Secret."""
        secret = self.kube.secrets.get(which)
        if secret is None:
            return
        values = self.kube.data[which]
        match how:
            case "delete":
                # With the Secret goes what it told of an overlap.
                self.judge.forget_promises()
                self.kube.drop_secret(which)
            case "empty" if secret.owner_uid:
                self.kube.put_secret(secret, {})
            case "edit" if secret.owner_uid:
                self.kube.put_secret(secret, {**values, "BOX_APP_TOKEN": "nonsense"})
            case "owner" if (self.box.issued.keys() | self.box.children.keys()) & {*secret.fingerprints.values()}:
                self.judge.facts_lost = True
                self.kube.put_secret(replace(secret, owner_uid=None), values)
            case "labels":
                self.kube.put_secret(replace(secret, labels={}), values)

    @rule(
        how=st.sampled_from(["delete", "edit"]),
        times=st.integers(1, 5),
        which=st.sampled_from(["viewer-box-token", "viewer-box-token", "other"]),
        crash=st.booleans(),
    )
    def take_away(self, how: str, times: int, which: str, crash: bool) -> None:
        """Somebody takes each new token away again; perhaps the operator is another one every time."""
        for _ in range(times):
            self.tamper(how, which)
            self.work([])
            if crash:
                self.restart_operator()

    # What happens in Box and around

    @precondition(lambda self: self.app is not None)
    @rule(decision=st.sampled_from(["authorize", "authorize", "authorize", "decline", "disable", "reauthorize"]))
    def decide(self, decision: str) -> None:
        """The admin decides."""
        states = {"decline": AuthorizationState.DECLINED, "reauthorize": AuthorizationState.REAUTHORIZATION_REQUIRED}
        assert self.app is not None
        state = states.get(decision, AuthorizationState.AUTHORIZED)
        self.box.decide(self.app.id, state, enabled=decision == "authorize")

    @precondition(lambda self: self.app is not None and NAME in self.kube.apps)
    @rule(slot=st.sampled_from(Slot), generate=st.booleans())
    def at_the_console(self, slot: Slot, generate: bool) -> None:
        """A person revokes or generates a key by hand."""
        if self.body["metadata"].get("deletionTimestamp"):
            # The operator may have looked for the last time, and its removal of the finalizer be on its way.
            self.fates.deliver_late()
        if self.app is None or NAME not in self.kube.apps:
            return
        free = slot not in self.app.tokens
        usable = self.app.authorization == replace(
            self.app.authorization, state=AuthorizationState.AUTHORIZED, enabled=True
        )
        if generate and free and usable and self.assisted:
            self.person.hand_over(self.app, slot, 60)
        elif generate and free and usable:
            self.box.generate(self.app.id, slot, 60, by_hand=True)
        elif not generate:
            self.box.empty(self.app.id, slot)

    @precondition(lambda self: self.assisted)
    @rule()
    def tidy_keys_away(self) -> None:
        """The person deletes the Secret in which keys were handed over."""
        self.kube.kept.pop(IMPORT, None)

    @precondition(lambda self: self.assisted)
    @rule()
    def see_to_tasks(self) -> None:
        """The person does what the status asked for at last, be it old."""
        self.do_tasks()

    @rule(secret=st.sampled_from(["viewer-box-token", "viewer-box-token", "other"]))
    def start_pod(self, secret: str) -> None:
        """A pod starts and keeps what the Secret holds."""
        view = self.kube.secrets.get(secret)
        if view is not None:
            name = f"pod-{len(self.kube.pods)}-{self.time:%d%H%M%S}"
            # Under a clock that is wrong nobody can tell which pods were there before a publication.
            pending = frozenset(view.fingerprints.values()) if not self.offset else frozenset()
            self.kube.pods.append(Pod(name, secret, self.time, pending))

    @precondition(lambda self: self.kube.pods)
    @rule()
    def stop_pod(self) -> None:
        """The oldest pod ends."""
        self.kube.pods.pop(0)

    # What must hold

    @invariant()
    def no_value_is_visible(self) -> None:
        """I3: nothing that people can read holds the value of a token."""
        shown = self.judge.everything_visible()
        shown += " ".join(self.log.lines)
        assert not [issued.fingerprint for issued in self.box.issued.values() if issued.value in shown]
        assert "1!Child" not in shown

    @invariant()
    def each_life_has_one_app(self) -> None:
        """Nothing is registered twice."""
        references = [app.reference for app in self.box.apps.values() if app.reference]
        assert len(set(references)) == len(references)

    def teardown(self) -> None:
        """Everything comes to rest, once the world keeps still."""
        try:
            self.settle()
            self.no_value_is_visible()
        finally:
            logging.getLogger("box_app_operator").removeHandler(self.log)


class LifeByCredentials(LifeOfAToken):
    """A life with client id and secret: every fourth of the others is one."""

    only = "ClientCredentials"

    @rule(client=st.sampled_from(CLIENTS))
    def replace_credentials(self, client: str) -> None:
        """Those of one app or the other are put where the spec says, and everything comes to rest."""
        self.hand_over(client)
        self.settle()


class LifeByPeople(LifeOfAToken):
    """A life without a console endpoint: every fourth of the others is one."""

    only = "Assisted"
