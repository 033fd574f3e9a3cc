"""The objects: versions, generations, conflicts, finalizers, owners, and the history that watches read."""

import asyncio
import base64
import binascii
import copy
import uuid
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kube_sandbox.kinds.registry import Kind, Registry
from kube_sandbox.status import StatusError, invalid

Object = dict[str, Any]
HISTORY = 20_000


@dataclass(frozen=True, slots=True)
class Change:
    """One step of history. ``before`` is None for a new object; ``type`` is a watch event's."""

    version: int
    type: str
    kind: Kind
    body: Object
    before: Object | None


def now() -> str:
    """The time as Kubernetes writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Objects:
    """All objects of all kinds."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._objects: dict[tuple[str, str, str, str], Object] = {}
        self.version = 1
        self.history: deque[Change] = deque(maxlen=HISTORY)
        self.changed = asyncio.Event()
        namespaces = registry.find("", "v1", "namespaces")
        for name in ("default", "kube-system") if namespaces else ():
            self.create(namespaces, {"metadata": {"name": name}}, "")  # type: ignore[arg-type]  # it is built in

    def get(self, kind: Kind, namespace: str, name: str) -> Object:
        """An object, or 404."""
        body = self._objects.get((kind.group, kind.plural, namespace, name))
        if body is None:
            raise StatusError(404, f'{kind.resource} "{name}" not found')
        return body

    def all_of(self, kind: Kind, namespace: str) -> Iterator[Object]:
        """All objects of a kind, in the order of their names; of all namespaces when none is given."""
        for key in sorted(key for key in self._objects if key[:2] == (kind.group, kind.plural)):
            if namespace in ("", key[2]):
                yield self._objects[key]

    def create(self, kind: Kind, body: Object, namespace: str, dry_run: bool = False) -> Object:
        """A new object."""
        body = copy.deepcopy(body)
        meta = body.setdefault("metadata", {})
        if not meta.get("name") and meta.get("generateName"):
            meta["name"] = meta["generateName"] + uuid.uuid4().hex[:5]
        self._check_new(kind, meta, namespace)
        if kind.has_status and kind.schema is not None:
            body.pop("status", None)
            body |= copy.deepcopy(kind.schema.first_status)
        meta |= {"uid": str(uuid.uuid4()), "creationTimestamp": now(), "generation": 1}
        body |= {"apiVersion": kind.api_version, "kind": kind.name}
        if namespace:
            meta["namespace"] = namespace
        if kind.plural == "namespaces":
            body["status"] = {"phase": "Active"}
        self._admit(kind, body, None)
        if dry_run:
            return body
        self._put(kind, namespace, body, None)
        self._after_create(kind, body)
        return self.get(kind, namespace, meta["name"])

    def _check_new(self, kind: Kind, meta: Object, namespace: str) -> None:
        name = meta.get("name")
        if not name:
            raise invalid(kind.full_name, "", [("metadata.name", "Required value: name or generateName is required")])
        if meta.get("namespace", namespace) != namespace:
            raise StatusError(
                400, "the namespace of the provided object does not match the namespace sent on the request"
            )
        if (kind.group, kind.plural, namespace, name) in self._objects:
            raise StatusError(409, f'{kind.resource} "{name}" already exists', "AlreadyExists")
        if namespace:
            home = self._objects.get(("", "namespaces", "", namespace))
            if home is None:
                raise StatusError(404, f'namespaces "{namespace}" not found')
            if home["metadata"].get("deletionTimestamp"):
                raise StatusError(
                    403, f"unable to create new content in namespace {namespace} because it is being terminated"
                )

    def _after_create(self, kind: Kind, body: Object) -> None:
        if kind.plural == "customresourcedefinitions":
            self._registry.add(body)
            accepted = [
                {"type": type_, "status": "True", "reason": "Accepted"} for type_ in ("NamesAccepted", "Established")
            ]
            self.replace(kind, "", {**body, "status": {"conditions": accepted}}, body, status=True)
        elif not self._owners_exist(body):
            self.delete(kind, body)

    def replace(
        self, kind: Kind, namespace: str, new: Object, current: Object, status: bool = False, dry_run: bool = False
    ) -> Object:
        """The object after an update, of its status only or of everything else only."""
        new = self._combine(kind, copy.deepcopy(new), current, status)
        if new == current:
            return current
        meta, before = new["metadata"], current["metadata"]
        if meta.get("deletionTimestamp") and set(meta.get("finalizers", ())) - set(before.get("finalizers", ())):
            cause = "Forbidden: no new finalizers can be added if the object is being deleted"
            raise invalid(kind.full_name, meta["name"], [("metadata.finalizers", cause)])
        if not status and {**new, "metadata": 0, "status": 0} != {**current, "metadata": 0, "status": 0}:
            meta["generation"] = before.get("generation", 1) + 1
        self._admit(kind, new, current)
        if dry_run:
            return new
        if meta.get("deletionTimestamp") and not meta.get("finalizers"):
            self._remove(kind, namespace, new)
            return new
        self._put(kind, namespace, new, current)
        if kind.plural == "customresourcedefinitions":
            self._registry.add(new)
        return self.get(kind, namespace, meta["name"])

    def _combine(self, kind: Kind, new: Object, current: Object, status: bool) -> Object:
        """Refuse what does not fit the current object, and keep what this update may not change."""
        meta, before = new.setdefault("metadata", {}), current["metadata"]
        if meta.get("uid", before["uid"]) != before["uid"]:
            text = f"Precondition failed: UID in precondition: {meta['uid']}, UID in object meta: {before['uid']}"
            raise StatusError(409, f'Operation cannot be fulfilled on {kind.resource} "{before["name"]}": {text}')
        if meta.get("resourceVersion", before["resourceVersion"]) != before["resourceVersion"]:
            text = "the object has been modified; please apply your changes to the latest version and try again"
            raise StatusError(409, f'Operation cannot be fulfilled on {kind.resource} "{before["name"]}": {text}')
        if status:
            return (
                {**current, "metadata": dict(before), "status": new.get("status")} if "status" in new else dict(current)
            )
        fixed = ("uid", "creationTimestamp", "generation", "resourceVersion", "namespace", "name",
                 "deletionTimestamp", "deletionGracePeriodSeconds")  # fmt: skip
        kept = {name: before[name] for name in fixed if name in before}
        new["metadata"] = {**{name: value for name, value in meta.items() if name not in fixed}, **kept}
        new |= {"apiVersion": current["apiVersion"], "kind": current["kind"]}
        if kind.has_status:
            new.pop("status", None)
            new |= {"status": current["status"]} if "status" in current else {}
        return new

    def _admit(self, kind: Kind, body: Object, old: Object | None) -> None:
        if kind.plural == "secrets" and kind.group == "":
            _admit_secret(body)
        for name in ("labels", "annotations", "finalizers", "ownerReferences"):
            if name in body["metadata"] and not body["metadata"][name]:
                del body["metadata"][name]
        body["metadata"].pop("managedFields", None)
        if kind.schema is not None:
            kind.schema.prune(body)
            causes = list(kind.schema.check(body, old))
            if causes:
                raise invalid(kind.full_name, body["metadata"]["name"], causes)

    def delete(self, kind: Kind, body: Object) -> Object:
        """Delete an object, at once or when its last finalizer is gone."""
        meta = body["metadata"]
        namespace = meta.get("namespace", "")
        if kind.plural == "namespaces":
            self._empty(meta["name"])
        if meta.get("finalizers"):
            if not meta.get("deletionTimestamp"):
                dying = copy.deepcopy(body)
                dying["metadata"] |= {"deletionTimestamp": now(), "deletionGracePeriodSeconds": 0}
                dying["metadata"]["generation"] = meta.get("generation", 1) + 1
                self._put(kind, namespace, dying, body)
                return dying
            return body
        if kind.plural == "namespaces" and self._contents(meta["name"]):
            dying = copy.deepcopy(body)
            dying["metadata"]["deletionTimestamp"] = now()
            self._put(kind, "", dying, body)
            return dying
        self._remove(kind, namespace, body)
        return body

    def _contents(self, namespace: str) -> list[tuple[Kind, Object]]:
        found = []
        for key, body in list(self._objects.items()):
            kind = self._registry.find_by_name(body["apiVersion"], body["kind"])
            if key[2] == namespace and kind is not None:
                found.append((kind, body))
        return found

    def _empty(self, namespace: str) -> None:
        for kind, body in self._contents(namespace):
            if (kind.group, kind.plural, namespace, body["metadata"]["name"]) in self._objects:
                self.delete(kind, body)

    def _put(self, kind: Kind, namespace: str, body: Object, before: Object | None) -> None:
        self.version += 1
        body["metadata"]["resourceVersion"] = str(self.version)
        self._objects[(kind.group, kind.plural, namespace, body["metadata"]["name"])] = body
        self._note(Change(self.version, "MODIFIED" if before else "ADDED", kind, body, before))

    def _remove(self, kind: Kind, namespace: str, body: Object) -> None:
        self._objects.pop((kind.group, kind.plural, namespace, body["metadata"]["name"]), None)
        self.version += 1
        gone = copy.deepcopy(body)
        gone["metadata"]["resourceVersion"] = str(self.version)
        self._note(Change(self.version, "DELETED", kind, gone, body))
        self._collect(kind, body)

    def _collect(self, kind: Kind, gone: Object) -> None:
        """What the garbage collector and the namespace controller do, without their delays."""
        uid, namespace = gone["metadata"]["uid"], gone["metadata"].get("namespace", "")
        if kind.plural == "customresourcedefinitions":
            self._registry.remove(gone)
        for body in list(self._objects.values()):
            owners = body["metadata"].get("ownerReferences") or ()
            owned = any(owner["uid"] == uid for owner in owners)
            dependent = self._registry.find_by_name(body["apiVersion"], body["kind"])
            if owned and dependent is not None and not self._owners_exist(body):
                self.delete(dependent, body)
        home = self._objects.get(("", "namespaces", "", namespace))
        namespaces = self._registry.find("", "v1", "namespaces")
        if home and namespaces and home["metadata"].get("deletionTimestamp") and not self._contents(namespace):
            self._remove(namespaces, "", home)

    def _owners_exist(self, body: Object) -> bool:
        owners = body["metadata"].get("ownerReferences") or ()
        uids = {item["metadata"]["uid"] for item in self._objects.values()} if owners else set()
        return not owners or any(owner["uid"] in uids for owner in owners)

    def _note(self, change: Change) -> None:
        self.history.append(change)
        self.changed.set()
        self.changed = asyncio.Event()


def _admit_secret(body: Object) -> None:
    data = body.setdefault("data", {})
    for key, value in (body.pop("stringData", None) or {}).items():
        data[key] = base64.b64encode(value.encode()).decode()
    body.setdefault("type", "Opaque")
    try:
        for value in data.values():
            base64.b64decode(value, validate=True)
    except (binascii.Error, TypeError):
        raise StatusError(400, "illegal base64 data in a Secret") from None
