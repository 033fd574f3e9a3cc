"""What is walked: objects that are Ready, each in a world of its own, so that several can be walked side by side."""

import copy
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from tests.e2e import grants, people
from tests.walk import oracles
from tests.walk.beat import Waiting
from tests.walk.oracles import Oracle
from tests.walk.seen import Rest, Seen

from playground import Playground
from playground.cluster import NAMESPACE
from playground.output import until
from playground.play import GROUP, condition, secret_manifest

Spec = dict[str, Any]
APP = "viewer"
WAITING = frozenset(
    {"BoxUnavailable", "EnterpriseNotReady", "EnterpriseNotFound", "NamespaceNotAllowed", "NotYetKnown"}
)
"""Reasons of ``Ready`` that are over when others do something."""
MERGE = "application/merge-patch+json"
THERE = "there"
"""A Secret that is in every namespace before the app is, and holds nothing that is meant."""
AT_ONCE = {"overlap": "0s", "retire": "AfterOverlap"}
"""A rotation that is over at once, so that going back is, too."""
OF_ENTERPRISES: tuple[Oracle, ...] = (
    oracles.no_bug,
    oracles.is_observed,
    oracles.comes_to_rest,
    oracles.kstatus_agrees,
)

_numbers = itertools.count(1)


@dataclass(frozen=True)
class View:
    """One of the objects that an edit has to do with, and what must be true of it."""

    name: str
    seen: Seen
    oracles: tuple[Oracle, ...]


@dataclass
class Subject:
    """An object that edits are made to, with the apps that are looked at for it.

    Attributes:
        path: its API path.
        spec: how it was when all was well.
        ns: the namespace of its app, which the names of everything of it contain.
        before: what was seen then, once nothing happened any more.
        delete: removes it, as its users would, and returns when it is gone or will not go.
        alone: is it removed without the help of people?
    """

    play: Playground
    path: str
    spec: Spec
    ns: str
    delete: Callable[["Subject"], None]
    alone: bool = True
    before: list[View] = field(default_factory=list)

    @property
    def is_enterprise(self) -> bool:
        """Is it a BoxEnterprise?"""
        return "/boxenterprises/" in self.path

    @property
    def app_path(self) -> str:
        """The API path of its app."""
        return self.play.path(self.ns, APP)

    def send(self, spec: Spec, dry: bool = False) -> httpx.Response:
        """Give it another spec; the answer may be a refusal."""
        patch = [{"op": "replace", "path": "/spec", "value": self.filled(spec)}]
        query = "?dryRun=All" if dry else ""
        return self.play.cluster.send("PATCH", self.path + query, patch, "application/json-patch+json")

    def takes(self, spec: Spec) -> bool:
        """Would the API server take this spec?"""
        return self.send(spec, dry=True).is_success

    def template(self, spec: Any) -> Any:
        """A spec with ``(ns)`` and ``(status.name)`` in place of what is this object's alone."""
        shown = {
            text: f"(status.{name})" for name, text in self.before[-1].seen.status.items() if isinstance(text, str)
        }
        return _mapped(spec, lambda text: shown.get(text) or text.replace(self.ns, "(ns)"))

    def filled(self, spec: Any) -> Any:
        """The other way."""

        def fill(text: str) -> str:
            shown = _found(self.before[-1].seen.status, text[8:-1]) if text.startswith("(status.") else iter(())
            return next(shown, text).replace("(ns)", self.ns)

        return _mapped(spec, fill)

    def look(self, rest: dict[str, Rest], log: Sequence[str] = ()) -> list[View]:
        """What is there now; the object itself first."""
        app = View("app", self._app(rest.get(self.ns, Rest()), log), oracles.ORACLES)
        if not self.is_enterprise:
            return [app]
        body = self.play.cluster.get(self.path) or {}
        mine = Seen(body, log=tuple(log), rest=rest.get(self.ns, Rest()))
        # Whatever happens to the app is told of the app.
        return [View("enterprise", mine, OF_ENTERPRISES), View("app", self._app(Rest(), ()), oracles.ORACLES)]

    def _app(self, rest: Rest, log: Sequence[str]) -> Seen:
        body = self.play.cluster.get(self.app_path) or {}
        secrets = self.play.cluster.get(f"/api/v1/namespaces/{self.ns}/secrets")["items"]
        world = (THERE, people.KEYS, grants.CREDENTIALS)
        apps = self.box_apps()
        before = self.before[-1].seen.app if self.before else None
        ids = {app["id"] for app in (*apps, *([before] if before is not None else []))}
        return Seen(
            body=body,
            secrets=tuple(secret for secret in secrets if secret["metadata"]["name"] not in world),
            app=next(iter(apps), None),
            apps=len(apps),
            tokens=tuple(token for token in self.play.box.issued_tokens() if token["app_id"] in ids),
            log=tuple(log),
            events=frozenset(event["reason"] for event in self.play.events(self.ns, APP)),
            rest=rest,
        )

    def box_apps(self) -> list[dict[str, Any]]:
        """The apps in Box that are its app's: by reference, or as it was adopted."""
        known = self.before[-1].seen.status.get("clientID") if self.before else None
        known = known or ((self.play.cluster.get(self.app_path) or {}).get("status") or {}).get("clientID")
        mine = f"{self.ns}/{APP}/"
        return [app for app in self.play.box.apps() if app["reference"].startswith(mine) or app["client_id"] == known]

    def spec_of(self, view: View, spec: Spec) -> Spec:
        """What the object of a view asks for, while the object itself asks for this."""
        return {"displayName": ""} if self.is_enterprise and view.name == "app" else spec

    def can_go(self) -> bool:
        """Can it be deleted as it is now? What waits for Box, or for people, waits rightly."""
        ready = condition(self.play.cluster.get(self.app_path), "Ready") or {}
        waits = ready.get("reason") in WAITING | {"AwaitingClientID"}
        return ready.get("status") == "True" or (self.alone and not waits)

    def waiting(self) -> Waiting:
        """How to wait for it."""
        apps = {app["id"] for app in self.box_apps()}
        return Waiting(
            concerns=lambda about: self.ns in about or bool(apps & about),
            is_observed=self._is_observed,
            may_ask=self._waits_for_box,
        )

    def _is_observed(self) -> bool:
        body = self.play.cluster.get(self.path)
        return body is None or (body.get("status") or {}).get("observedGeneration") == body["metadata"]["generation"]

    def _waits_for_box(self) -> bool:
        reasons = {
            (condition(self.play.cluster.get(path), "Ready") or {}).get("reason") for path in (self.path, self.app_path)
        }
        return bool(reasons & WAITING) or self.is_enterprise


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    """The same with every text changed, but for names."""
    if isinstance(value, dict):
        return {name: _mapped(child, change) for name, child in value.items()}
    if isinstance(value, list):
        return [_mapped(child, change) for child in value]
    return change(value) if isinstance(value, str) else value


def _found(value: Any, name: str) -> Iterator[str]:
    """Texts of this name anywhere in a status."""
    if isinstance(value, dict):
        if isinstance(value.get(name), str):
            yield value[name]
        for child in value.values():
            yield from _found(child, name)
    elif isinstance(value, list):
        for child in value:
            yield from _found(child, name)


def new_namespace(play: Playground) -> str:
    """A namespace with the Secrets that are there before an app is."""
    ns = play.namespace(f"walk-{next(_numbers):04}")
    play.cluster.ensure(secret_manifest(ns, THERE, {"key": "value"}))
    return ns


def await_ready(subject: Subject) -> None:
    """Wait until all is well."""
    subject.play.await_condition(subject.ns, APP, "Ready")
    subject.spec = copy.deepcopy(subject.play.cluster.get(subject.path)["spec"])


def automated(play: Playground, **spec: Any) -> Subject:
    """An app that the operator registers."""
    ns = new_namespace(play)
    play.app(ns, APP, **{"tokens": {"rotation": AT_ONCE}, **spec})
    return Subject(play, play.path(ns, APP), {}, ns, delete_app)


def assisted(play: Playground) -> Subject:
    """An app that people made by hand, with a key that they handed over."""
    ns = new_namespace(play)
    people.make_ready(play, ns)
    return Subject(play, play.path(ns, APP), {}, ns, delete_with_people, alone=False)


def granted(play: Playground, corp: str = "default") -> Subject:
    """An app with client id and secret."""
    ns = new_namespace(play)
    grants.make_granted(play, ns, corp, tokens={"rotation": AT_ONCE})
    return Subject(play, play.path(ns, APP), {}, ns, delete_app)


def enterprise(play: Playground, **spec: Any) -> Subject:
    """A BoxEnterprise of an app that lives."""
    ns = new_namespace(play)
    play.enterprise(ns, **spec)
    play.app(ns, APP, enterpriseRef={"name": ns})
    return Subject(play, f"{GROUP}/boxenterprises/{ns}", {}, ns, delete_enterprise)


def known_to(play: Playground) -> dict[str, list[Any]]:
    """What is there in every world: optional, for fields that something has to answer to."""
    return {
        "enterpriseRef.name": ["default"],
        "clientSecretRef.name": [THERE],
        "clientCredentials.secretRef.name": [grants.CREDENTIALS],
        "tokens.importFrom.name": [people.KEYS],
        "console.url": [play.box.url, f"{play.box.url}/"],
        "console.credentialsSecretRef.namespace": [NAMESPACE],
        "console.credentialsSecretRef.name": ["box-console"],
        "console.credentialsSecretRef.key": ["token"],
        "platform.url": [play.box.url, f"{play.box.url}/"],
        "platform.caSecretRef.namespace": [NAMESPACE],
    }


# Ends


def delete_app(subject: Subject) -> None:
    """kubectl delete, and time."""
    subject.play.cluster.delete(subject.app_path)
    await_gone(subject, subject.app_path)


def delete_with_people(subject: Subject) -> None:
    """kubectl delete, and somebody who does what it then asks for, and says so."""
    subject.play.cluster.delete(subject.app_path)
    person = people.Person(subject.play, subject.ns, APP)

    def gone() -> bool:
        body = subject.play.cluster.get(subject.app_path)
        if body is not None and person.did:
            notes = {"boxapps.dev/reconcile-requested-at": f"{len(person.did)} done"}
            subject.play.cluster.send("PATCH", subject.app_path, {"metadata": {"annotations": notes}}, MERGE)
        return body is None

    person.work_until(gone, "the object to go")
    await_gone(subject, subject.app_path)


def delete_enterprise(subject: Subject) -> None:
    """First its app, then the enterprise."""
    delete_app(subject)
    subject.play.cluster.delete(subject.path)
    await_gone(subject, subject.path)


def await_gone(subject: Subject, path: str) -> None:
    """Wait until an object is gone and the garbage collector has been there, or it is clear that this will not be."""
    secrets = f"/api/v1/namespaces/{subject.ns}/secrets"

    def gone() -> bool:
        owned = [each for each in subject.play.cluster.get(secrets)["items"] if each["metadata"].get("ownerReferences")]
        return subject.play.cluster.get(path) is None and not owned

    try:
        # The garbage collector looks for new kinds every half a minute.
        until(gone, 15, f"{path} to go")
    except TimeoutError:
        return


def abandon(subject: Subject) -> None:
    """Let go of one that is not as before any more."""
    for path in (subject.app_path, subject.path):
        if subject.play.cluster.get(path) is not None:
            if path == subject.app_path:
                force = {"metadata": {"annotations": {"boxapps.dev/force-delete": "true"}}}
                subject.play.cluster.send("PATCH", path, force, MERGE)
            subject.play.cluster.delete(path)
