"""The audit log: who asked for what and what came of it, in the shape of ``audit.k8s.io/v1``."""

import json
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from kube_sandbox.kinds.registry import Target
from kube_sandbox.objects.store import Object, now

FIRST_REFUSAL = 400
TOLD = ("boxapps.dev", "events")
"""The group and the kind whose answers are kept whole: no Secret can be in them."""
VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


class AuditLog:
    """A file with one entry as JSON per line."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a")

    def note(self, request: Request, user: str | None, target: Target | None, response: Response, began: str) -> None:
        """Write down a request that was answered."""
        with_answer = (
            request.method != "GET" and target is not None and (target.kind.group or target.kind.plural) in TOLD
        )
        entry: dict[str, Any] = {
            "kind": "Event",
            "apiVersion": "audit.k8s.io/v1",
            "level": "RequestResponse" if with_answer else "Metadata",
            "stage": "ResponseComplete",
            "requestURI": str(request.url.path) + (f"?{request.url.query}" if request.url.query else ""),
            "verb": _verb(request, target),
            "user": {"username": user or "system:anonymous"},
            "responseStatus": _status_of(response),
            "requestReceivedTimestamp": began,
            "stageTimestamp": now(),
        }
        if target is not None:
            entry["objectRef"] = _reference(target)
        if with_answer:
            entry["responseObject"] = json.loads(bytes(response.body))
        self._file.write(json.dumps(entry) + "\n")
        self._file.flush()


def _verb(request: Request, target: Target | None) -> str:
    watching = request.query_params.get("watch") in ("true", "1")
    reading = "watch" if watching else "get" if target and target.name else "list"
    return VERBS.get(request.method, reading)


def _reference(target: Target) -> dict[str, str]:
    kind = target.kind
    reference = {
        "resource": kind.plural,
        "namespace": target.namespace,
        "name": target.name,
        "apiGroup": kind.group,
        "apiVersion": kind.version,
        "subresource": target.sub,
    }
    return {name: value for name, value in reference.items() if value}


def _status_of(response: Response) -> Object:
    refused = json.loads(bytes(response.body)) if response.status_code >= FIRST_REFUSAL else {}
    return {"code": response.status_code, **{name: refused[name] for name in ("reason", "message") if name in refused}}
