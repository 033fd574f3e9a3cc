"""Other people's policies and controllers, as they meet the operator's Secrets: admission, quotas and edits."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import httpx

from playground import Playground
from playground.output import until

ADMISSION = "/apis/admissionregistration.k8s.io/v1"
RULES = [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["secrets"]}]
TEAM_RULE = "every Secret carries the label 'team' (platform rule 7)"
"""What the platform's own policy says."""


def selector(ns: str) -> dict[str, Any]:
    """Selects one namespace."""
    return {"matchLabels": {"kubernetes.io/metadata.name": ns}}


@contextmanager
def _bound(play: Playground, ns: str, kind: str, spec: dict[str, Any], **binding: Any) -> Iterator[None]:
    """A policy that is bound to one namespace, and taken away again."""
    policy = {"failurePolicy": "Fail", "matchConstraints": {"resourceRules": RULES}, **spec}
    bound = {"policyName": ns, "matchResources": {"namespaceSelector": selector(ns)}, **binding}
    with (
        _admission(play, ns, f"{kind}AdmissionPolicy", f"{kind}admissionpolicies", spec=policy),
        _admission(play, ns, f"{kind}AdmissionPolicyBinding", f"{kind}admissionpolicybindings", spec=bound),
    ):
        yield


@contextmanager
def _admission(play: Playground, name: str, kind: str, plural: str, **fields: Any) -> Iterator[None]:
    """An object that has a say in admission, and is taken away again."""
    manifest = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": name}, **fields}
    play.cluster.send("POST", f"{ADMISSION}/{plural.lower()}", manifest).raise_for_status()
    try:
        yield
    finally:
        play.cluster.delete(f"{ADMISSION}/{plural.lower()}/{name}")


def _probe(ns: str) -> dict[str, Any]:
    """A Secret that nobody keeps, to see what would become of one."""
    probe, owner = {"probe": "yes"}, {"apiVersion": "v1", "kind": "ConfigMap", "name": "probe", "uid": "probe"}
    metadata = {"namespace": ns, "name": "probe", "labels": probe, "annotations": probe, "ownerReferences": [owner]}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"BOX_APP_TOKEN": "cHJvYmU="}}


def tried(play: Playground, ns: str) -> httpx.Response:
    """What the API server would say to a Secret."""
    return play.cluster.send("POST", f"/api/v1/namespaces/{ns}/secrets?dryRun=All", _probe(ns))


@contextmanager
def denying(play: Playground, ns: str, validation: dict[str, Any]) -> Iterator[None]:
    """A policy that refuses every Secret; it takes a moment until the API server knows it, and until it does not."""
    with _bound(play, ns, "Validating", {"validations": [validation]}, validationActions=["Deny"]):
        until(lambda: tried(play, ns).is_error, 20, "the policy to be enforced")
        yield
    until(lambda: tried(play, ns).is_success, 20, "the policy to be gone")


@contextmanager
def mutating(play: Playground, ns: str, patches: str) -> Iterator[None]:
    """A policy that changes every Secret: a list of JSON patches, as an expression in CEL."""
    mutations = [{"patchType": "JSONPatch", "jsonPatch": {"expression": patches}}]
    before = tried(play, ns).json()
    with _bound(play, ns, "Mutating", {"reinvocationPolicy": "Never", "mutations": mutations}):
        until(lambda: _content(tried(play, ns).json()) != _content(before), 20, "the policy to be enforced")
        yield
    until(lambda: _content(tried(play, ns).json()) == _content(before), 20, "the policy to be gone")


def _content(secret: dict[str, Any]) -> tuple[Any, ...]:
    meta = secret["metadata"]
    return secret.get("data"), meta.get("labels"), meta.get("annotations"), meta.get("ownerReferences")


@contextmanager
def silent_webhook(play: Playground, ns: str) -> Iterator[None]:
    """A webhook that must be asked about every Secret, and does not answer."""
    webhook = {
        "name": "scan.example.com",
        "rules": RULES,
        "namespaceSelector": selector(ns),
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 5,
        "clientConfig": {"url": "https://127.0.0.1:9/scan"},
    }
    kind = "ValidatingWebhookConfiguration"
    with _admission(play, ns, kind, f"{kind}s", webhooks=[webhook]):
        until(lambda: tried(play, ns).is_error, 20, "the webhook to be asked")
        yield
    until(lambda: tried(play, ns).is_success, 20, "the webhook to be gone")


@contextmanager
def without_room(play: Playground, ns: str) -> Iterator[None]:
    """A quota that leaves no room for a Secret, and then for some."""
    _set_quota(play, ns, 0)
    yield
    _set_quota(play, ns, 5)


def _set_quota(play: Playground, ns: str, most: int) -> None:
    """A ResourceQuota on the number of Secrets. No quota controller runs here: this gives the status that it writes."""
    path, hard = f"/api/v1/namespaces/{ns}/resourcequotas", {"count/secrets": str(most)}
    manifest = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few"}, "spec": {"hard": hard}}
    if play.cluster.send("POST", path, manifest).is_error:
        play.cluster.patch(f"{path}/few", {"spec": {"hard": hard}})
    status = {"status": {"hard": hard, "used": {"count/secrets": "0"}}}
    play.cluster.patch(f"{path}/few/status", status)
    until(lambda: tried(play, ns).is_success == (most > 0), 20, "the quota to be enforced")


class Rival:
    """A controller that puts a Secret back as it likes it, as soon as it sees that it is not.

    Attributes:
        edits: how often it did.
    """

    def __init__(
        self, play: Playground, path: str, patch: dict[str, Any], likes: Callable[[dict[str, Any]], bool]
    ) -> None:
        """``patch`` makes the Secret at a path as it ``likes`` it."""
        self.edits = 0
        self._play, self._path, self._patch, self._likes = play, path, patch, likes
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            secret = self._play.cluster.get(self._path)
            if secret is not None and not self._likes(secret):
                self._play.cluster.patch(self._path, self._patch)
                self.edits += 1
            time.sleep(0.05)
