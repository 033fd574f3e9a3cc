"""One app, one operator, a simulated Box and cluster; and what must hold once everything came to rest."""

import logging
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from tests.fakes.box import CLIENTS, FakeBox
from tests.fakes.cluster import NAME, NAMESPACE, FakeCluster, manifest
from tests.fakes.fates import Fate, Fates
from tests.fakes.link import FakeLink, OneEnterprise
from tests.machine.judge import Judge, Pace
from tests.machine.person import Person

from box_app_operator.api.spec import FORCE_DELETE_ANNOTATION, ROTATE_ANNOTATION, parse_desired
from box_app_operator.controller.reconciler import Reconciler
from box_app_operator.core.plan import Delays
from box_app_operator.model.box import AdoptionEntry, AuthorizationState, BoxApp, Fingerprint
from box_app_operator.model.desired import AppKey
from box_app_operator.modes.assisted.slots import ASKED_FOR

KEY = AppKey(NAMESPACE, NAME)
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
MAX_LOOKS = 160 + 14 * 24
"""More passes than anything needs to settle: a day each, for an overlap that began under a clock that was ahead, and
one an hour while pods may still use a Secret of a former name."""
MAX_RENEWALS = 3400
"""Access tokens are renewed twice an hour: so many passes more until the last deadline is over, under a clock too that
was 55 days ahead when it began."""

T = TypeVar("T")


def credentials_of(client: str) -> dict[str, str]:
    """What the Secret with the credentials of a client holds."""
    return {"clientID": client, "clientSecret": "a secret"}


def finish(work: Coroutine[Any, Any, T]) -> T:
    """Run something that never really waits."""
    try:
        work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    work.close()
    raise AssertionError("it waits for something that no simulation provides")


class Log(logging.Handler):
    """Hears what the operator says; an error in it is a bug."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.bugs: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        text = self.format(record)
        self.lines.append(text)
        if record.levelno >= logging.ERROR:
            self.bugs.append(text)


class Stage(OneEnterprise):
    """Everything that a life of a token happens on."""

    adopted = granted = assisted = False
    link: FakeLink

    def __init__(self) -> None:
        self.time = START
        self.seconds = 0.0
        self.offset = timedelta()
        self.fates = Fates()
        self.box, self.kube = FakeBox(self.fates, self.true_time), FakeCluster(self.fates)
        self.person = Person(self.box, self.kube)
        self.entries: list[AdoptionEntry] = []
        self.judge = Judge(
            self.box, self.kube, lambda: (app := self.store.apps.get(KEY)) and app.body, lambda: self.link.listing,
            self._notices, lambda: self.entries, self._held, self.now, self.monotonic,
        )  # fmt: skip
        self.log = Log()
        logging.getLogger("box_app_operator").addHandler(self.log)
        self.requests = self.lives = 0
        self.done: Any = ()
        self.restart_operator()

    def true_time(self) -> datetime:
        """Box's clock, and that of the pods."""
        return self.time

    def now(self) -> datetime:
        """The operator's clock."""
        return self.time + self.offset

    def monotonic(self) -> float:
        """Seconds that really passed."""
        return self.seconds

    def pass_seconds(self, seconds: float) -> None:
        """Time passes. Nobody leaves a request to revoke a key alone for so long that it is believed to be done."""
        until = self.time + timedelta(seconds=seconds)
        for task in self._tasks():
            overdue = datetime.fromisoformat(task["since"]) + ASKED_FOR <= until
            if self.app is not None and task["kind"] == "RevokeKey" and overdue:
                self.person.do(self.app, task)
        self.time = until
        self.seconds += seconds

    def _tasks(self) -> list[dict[str, Any]]:
        """What the status asks people for."""
        body = self.kube.apps.get(NAME) or {}
        return list((body.get("status") or {}).get("nextSteps") or ()) if self.assisted else []

    def set_clock(self, offset: timedelta) -> None:
        """Somebody sets the operator's clock: so far ahead, or behind.

        What was promised under a clock that was wrong is not held against the operator.
        """
        self.offset = offset
        self.judge.forget_promises()
        for pod in self.kube.pods:
            pod.holds = frozenset()

    def restart_operator(self) -> None:
        """A new process: it lists everything and remembers nothing."""
        self.judge.forget_pace()
        self.store = self.kube.listed()
        self.link = FakeLink(self.box, self.box, adoption=tuple(self.entries))  # type: ignore[arg-type]  # not all of Box
        if self.assisted:
            self.link.has_console, self.link.console = False, None
        finish(self.link.listing.refresh(self.box, 0))
        self.reconciler = Reconciler(
            self.store, self, self.kube, self.kube, self.kube, self,
            delays=Delays(), status_pause=timedelta(seconds=30), backoff=lambda _: 5.0, passed=lambda _: None,
        )  # fmt: skip

    def _notices(self) -> str:
        memory = self.reconciler._memory_of(KEY)
        return " ".join(notice.reason for notice in memory.notices) if memory else ""

    def _held(self) -> Fingerprint | None:
        memory = self.reconciler._memory_of(KEY)
        return memory.pending.fingerprint if memory is not None and memory.pending is not None else None

    def allow(self, how: str) -> None:
        """The owner of the enterprise: "yes", "with deletion" or "no" to the adoption of the app."""
        self.entries.clear()
        if how != "no" and self.app is not None:
            self.entries.append(AdoptionEntry(self.app.client_id, NAMESPACE, NAME, how == "with deletion"))
        self.link.adoption = tuple(self.entries)

    @property
    def body(self) -> dict[str, Any]:
        """The object as it is."""
        return self.kube.apps[NAME]

    @property
    def app(self) -> BoxApp | None:
        """The object's app in Box."""
        return next(iter(self.box.apps.values()), None)

    def hear_news(self) -> None:
        """The news arrive."""
        self.kube.tell(self.store)
        if finish(self.link.listing.refresh(self.box, 0)):
            self.reconciler.clear_human_refusals(KEY)

    def run_pass(self) -> float | None:
        """One pass, after which no rule may be broken; returns the seconds after which it wants another."""
        # A look that was cut off may have ended before anything was read.
        whole = all(fate is Fate.OK for fate in self.fates.next)
        again = finish(self.reconciler.reconcile(KEY))
        self.judge.looked |= whole
        assert not self.judge.broken, self.judge.broken
        assert not self.log.bugs, self.log.bugs
        return again

    def make(self, client: dict[str, Any]) -> None:
        """A new life of the object, perhaps with the client id of an app to be adopted, or by client credentials."""
        self.lives += 1
        self.judge.pace = Pace()
        self.kube.put_app(NAME, **manifest(f"life-{self.lives}", "2026-03-01T12:00:00Z", **client))

    def edit(self, **change: Any) -> None:
        """Another spec."""
        metadata = {**self.body["metadata"], "generation": self.body["metadata"]["generation"] + 1}
        self.kube.put_app(NAME, metadata=metadata, spec={**self.body["spec"], **change})

    def settle(self) -> None:
        """The admin authorizes, nobody suspends, everything is heard, and time passes while something is awaited."""
        self.fates.deliver_late()
        # What was refused before was an old task that was done already.
        self.person.refused.clear()
        if self.offset:
            self.set_clock(timedelta())
        self.kube.kept.setdefault("creds", credentials_of(CLIENTS[0]))
        if NAME in self.kube.apps and not self.body["metadata"].get("deletionTimestamp"):
            self.edit(suspend=False)
        for _ in range(MAX_LOOKS + (MAX_RENEWALS if self._renews() else 0)):
            self._authorize()
            self.hear_news()
            again = self.run_pass()
            self.do_tasks()
            assert not self.person.refused, self.person.refused
            if self._at_rest():
                if not self.kube.news:
                    break
                # What was just written is looked at first: access tokens are renewed for ever.
                continue
            # Assisted, what nobody can prove is asked for until it is long ago.
            idle = 86400.0 if self.assisted else 60.0
            self.pass_seconds(min(again if again is not None else idle, 86400.0))
        else:
            raise AssertionError(f"not at rest: {self.kube.apps.get(NAME)}")
        self._check_rest()

    def do_tasks(self) -> None:
        """The person does what the status asks for, and the operator hears of it."""
        tasks = self._tasks()
        for task in tasks:
            if self.app is not None:
                self.person.do(self.app, task)
        if tasks:
            self.reconciler.clear_refusals(KEY)
        if tasks and tasks == self.done and self._says_how_to_give_up():
            # Its value is gone, so that nobody can prove what was done.
            force = {FORCE_DELETE_ANNOTATION: "true"}
            self.kube.put_app(NAME, metadata={**self.body["metadata"], "annotations": force})
        self.done = tasks

    def _says_how_to_give_up(self) -> bool:
        """Does the object say that it waits to be removed, and how to remove it at once?"""
        conditions = (self.body.get("status") or {}).get("conditions") or ()
        ready = next((condition for condition in conditions if condition["type"] == "Ready"), {})
        return f"{FORCE_DELETE_ANNOTATION}=true" in ready.get("message", "")

    def _renews(self) -> bool:
        """Does the object have tokens that are renewed twice an hour?"""
        desired = parse_desired(self.body) if NAME in self.kube.apps else None
        return desired is not None and (desired.grant is not None or bool(desired.downscoped))

    def _authorize(self) -> None:
        """The admin sees to whatever was submitted."""
        app = self.app
        if app is not None and app.authorization.state is not AuthorizationState.NOT_SUBMITTED:
            self.box.decide(app.id, AuthorizationState.AUTHORIZED, enabled=True)

    def _at_rest(self) -> bool:
        """Is nothing awaited any more, but perhaps a person?"""
        body = self.kube.apps.get(NAME)
        if body is None:
            return True
        status = body.get("status") or {}
        ready = next((each for each in status.get("conditions") or () if each["type"] == "Ready"), None)
        if ready is None or status.get("observedGeneration") != body["metadata"]["generation"]:
            return False
        if self._needs_a_person(ready):
            return True
        request = (body["metadata"].get("annotations") or {}).get(ROTATE_ANNOTATION)
        asked = request is not None and request != status.get("lastHandledRotateAt")
        said = any(words in ready["message"] for words in ("must wait", "waits until"))
        waits = said or "retiring" in status.get("tokens", {}) or status.get("nextSteps") or self._left_over()
        return ready["status"] == "True" and not asked and not waits

    def _left_over(self) -> set[str]:
        """Names of Secrets that the object has and does not ask for; one without its owner is nobody's any more."""
        desired = parse_desired(self.body)
        owned = {secret.name for secret in self.kube.secrets.values() if secret.owner_uid == desired.uid}
        return owned - {desired.secret.name, *(spec.secret for spec in desired.downscoped)}

    def _needs_a_person(self, ready: dict[str, Any]) -> bool:
        """Somebody else's Secret is in the way, or on an adopted app somebody else's key; or nobody allowed it."""
        if ready["reason"] in ("SecretConflict", "AppNotFound", "AdoptionNotAllowed"):
            return True
        words = ("Revoke one of the two tokens", "is due to be")
        return self.adopted and any(each in ready["message"] for each in words)

    def _check_rest(self) -> None:
        """I1: exactly one live token, the one in the Secret, beside access tokens of before; at the end none."""
        app = self.app
        if NAME not in self.kube.apps:
            left = self._to_end() if self.assisted else app is not None and app.tokens
            assert self.adopted or not left, "a token outlives its object"
            return
        desired = parse_desired(self.body)
        ready = next(each for each in self.body["status"]["conditions"] if each["type"] == "Ready")
        if ready["status"] != "True":
            return
        published = self.kube.secrets[desired.secret.name].fingerprints.get(desired.secret.keys.token)
        if desired.grant is not None:
            access = self.box.live_access(self.kube.kept["creds"]["clientID"])
            assert published in access, "the Secret holds no token of these credentials"
            live = {published}
        else:
            live = self._to_end() if self.assisted else self.box.live(app.id) if app is not None else set()
        assert published in live, "the Secret holds a token that is over"
        if not self.adopted:
            assert not self._left_over(), "a Secret of a former name stays"
            # On an adopted app what a person generated stays, and a token whose answer was lost looks the same.
            assert live == {published}, "more than one token is live"
        for spec in desired.downscoped:
            self._check_downscoped(spec.secret, desired.secret.keys.token, published)

    def _to_end(self) -> set[Fingerprint]:
        """Live keys that the operator knew: of one that was taken away before it looked nobody told it."""
        live = self.box.live(self.app.id) if self.app is not None else set()
        return live & self.judge.ever_published

    def _check_downscoped(self, secret: str, key: str, parent: Fingerprint) -> None:
        """I6: a live token, made from the one in the Secret."""
        there = self.kube.secrets.get(secret)
        child = self.box.children.get(there.fingerprints.get(key, Fingerprint(""))) if there is not None else None
        assert child is not None, "the Secret of a downscoped token holds something else"
        assert child.ends > self.now(), "a downscoped token is over"
        assert child.parent == parent, "a downscoped token is of another token than the one in the Secret"
