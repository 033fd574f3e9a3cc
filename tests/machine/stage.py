"""One app, one operator, a simulated Box and cluster; and what must hold once everything came to rest."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from tests.machine.box import CLIENTS, SimBox
from tests.machine.fates import Fate, Fates
from tests.machine.judge import Judge, Pace
from tests.machine.kube import NAMESPACE, SimKube

from box_app_operator.api.spec import ROTATE_ANNOTATION, parse_desired
from box_app_operator.cache.apps import Listing
from box_app_operator.cache.cluster import AppKey
from box_app_operator.controller.reconciler import Reconciler
from box_app_operator.core.plan import Delays
from box_app_operator.enterprise.protocols import Link
from box_app_operator.model.box import AdoptionEntry, AuthorizationState, BoxApp, Fingerprint

NAME = "viewer"
KEY = AppKey(NAMESPACE, NAME)
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
MAX_LOOKS = 160 + 14 * 24
"""More passes than anything needs to settle: a day each, for an overlap that began under a clock that was ahead, and
one an hour while pods may still use a Secret of a former name."""
MAX_RENEWALS = 3400
"""Access tokens are renewed twice an hour: so many passes more until the last deadline is over, under a clock too that
was 55 days ahead when it began."""

T = TypeVar("T")


def credentials_of(client: str) -> dict[str, bytes]:
    """What the Secret with the credentials of a client holds."""
    return {"clientID": client.encode(), "clientSecret": b"a secret"}


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


class SimLink:
    """The way to the one enterprise."""

    probed, problem, selector, has_console, enterprise_id, is_deleting = True, None, None, True, None, False

    def __init__(self, box: SimBox, entries: list[AdoptionEntry]) -> None:
        self.console = self.platform = box
        self.listing = Listing()
        self._entries = entries

    @property
    def adoption(self) -> tuple[AdoptionEntry, ...]:
        """What the owner of the enterprise allows at the moment."""
        return tuple(self._entries)

    def reconnect(self) -> None:
        """No credential is ever refused here."""


class Stage:
    """Everything that a life of a token happens on."""

    adopted = False

    def __init__(self) -> None:
        self.time = START
        self.seconds = 0.0
        self.offset = timedelta()
        self.fates = Fates()
        self.box, self.kube = SimBox(self.fates, self.true_time), SimKube(self.fates, self.true_time)
        self.entries: list[AdoptionEntry] = []
        self.judge = Judge(
            self.box, self.kube, lambda: self.store.app(KEY), lambda: self.link.listing, self._notices,
            lambda: self.entries, self._held, self.now, self.monotonic,
        )  # fmt: skip
        self.log = Log()
        logging.getLogger("box_app_operator").addHandler(self.log)
        self.requests = self.lives = 0
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
        """Time passes."""
        self.time += timedelta(seconds=seconds)
        self.seconds += seconds

    def set_clock(self, offset: timedelta) -> None:
        """Somebody sets the operator's clock: so far ahead, or behind.

        What was promised under a clock that was wrong is not held against the operator.
        """
        self.offset = offset
        self.judge.forget_promises()
        for pod in self.kube.pods:
            pod.holds = frozenset()

    def get(self, name: str) -> Link | None:
        """The way to the one enterprise."""
        return self.link  # type: ignore[return-value]  # it never has a problem

    @contextlib.asynccontextmanager
    async def kept(self, name: str) -> AsyncIterator[None]:
        """Nobody deletes the enterprise."""
        yield

    def restart_operator(self) -> None:
        """A new process: it lists everything and remembers nothing."""
        self.judge.forget_pace()
        self.store, self.link = self.kube.listed(), SimLink(self.box, self.entries)
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
        news, self.kube.news = self.kube.news, []
        for tell in news:
            tell(self.store)
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
        self.kube.put_app(
            NAME,
            apiVersion="boxapps.dev/v1alpha1",
            kind="BoxCustomApp",
            metadata={
                "namespace": NAMESPACE,
                "name": NAME,
                "uid": f"life-{self.lives}",
                "generation": 1,
                "creationTimestamp": "2026-03-01T12:00:00Z",
            },
            spec={"displayName": "Viewer", **client},
        )

    def edit(self, **change: Any) -> None:
        """Another spec."""
        metadata = {**self.body["metadata"], "generation": self.body["metadata"]["generation"] + 1}
        self.kube.put_app(NAME, metadata=metadata, spec={**self.body["spec"], **change})

    def settle(self) -> None:
        """The admin authorizes, nobody suspends, everything is heard, and time passes while something is awaited."""
        self.fates.deliver_late()
        if self.offset:
            self.set_clock(timedelta())
        if self.kube.credentials is None:
            self.kube.credentials = credentials_of(CLIENTS[0])
        if NAME in self.kube.apps and not self.body["metadata"].get("deletionTimestamp"):
            self.edit(suspend=False)
        for _ in range(MAX_LOOKS + (MAX_RENEWALS if self._has_grant() else 0)):
            self._authorize()
            self.hear_news()
            again = self.run_pass()
            if self._at_rest():
                if not self.kube.news:
                    break
                # What was just written is looked at first: access tokens are renewed for ever.
                continue
            self.pass_seconds(min(again if again is not None else 60.0, 86400.0))
        else:
            raise AssertionError(f"not at rest: {self.kube.apps.get(NAME)}")
        self._check_rest()

    def _has_grant(self) -> bool:
        return NAME in self.kube.apps and parse_desired(self.body).grant is not None

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
        said = any(words in ready["message"] for words in ("must wait", "It waits until"))
        waits = said or "retiring" in status.get("tokens", {}) or len(self._owned()) > 1
        return ready["status"] == "True" and not asked and not waits

    def _owned(self) -> list[str]:
        """Names of the object's Secrets; one whose owner was stripped off is nobody's any more."""
        uid = self.body["metadata"]["uid"]
        return [secret.name for secret in self.kube.secrets.values() if secret.owner_uid == uid]

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
            assert self.adopted or app is None or not app.tokens, "a token outlives its object"
            return
        desired = parse_desired(self.body)
        ready = next(each for each in self.body["status"]["conditions"] if each["type"] == "Ready")
        if ready["status"] != "True":
            return
        published = self.kube.secrets[desired.secret.name].fingerprints[desired.secret.keys.token]
        if desired.grant is not None:
            assert self.kube.credentials is not None
            access = self.box.live_access(self.kube.credentials["clientID"].decode())
            assert published in access, "the Secret holds no token of these credentials"
            live = {published}
        else:
            live = self.box.live(app.id) if app is not None else set()
        assert published in live, "the Secret holds a token that is over"
        if not self.adopted:
            assert self._owned() == [desired.secret.name], "a Secret of a former name stays"
            # On an adopted app what a person generated stays, and a token whose answer was lost looks the same.
            assert live == {published}, "more than one token is live"
