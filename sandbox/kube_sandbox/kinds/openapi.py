"""OpenAPI v3, as far as kubectl needs it: to trust the server with validation, and for ``kubectl explain``."""

from typing import Any

from kube_sandbox.kinds.registry import Kind, Registry

PREFIX = "/openapi/v3"


def openapi(registry: Registry, path: str) -> Any:
    """The document at a path below ``/openapi/v3``; None when there is none."""
    by_group: dict[str, list[Kind]] = {}
    for kind in registry.all():
        by_group.setdefault(f"apis/{kind.api_version}" if kind.group else f"api/{kind.version}", []).append(kind)
    if path == PREFIX:
        return {"paths": {name: {"serverRelativeURL": f"{PREFIX}/{name}?hash=embedded"} for name in by_group}}
    kinds = by_group.get(path.removeprefix(f"{PREFIX}/"))
    return _document(kinds) if kinds else None


def _document(kinds: list[Kind]) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for kind in kinds:
        base = f"/apis/{kind.api_version}" if kind.group else f"/api/{kind.version}"
        scope = "/namespaces/{namespace}" if kind.namespaced else ""
        identity = {"group": kind.group, "version": kind.version, "kind": kind.name}
        reference = {"$ref": f"#/components/schemas/{kind.full_name}"}
        answer = {"200": {"description": "OK", "content": {"application/json": {"schema": reference}}}}
        parameters = [
            {"name": name, "in": "query", "schema": {"type": "string"}} for name in ("dryRun", "fieldValidation")
        ]
        operation = {"parameters": parameters, "x-kubernetes-group-version-kind": identity, "responses": answer}
        paths[f"{base}{scope}/{kind.plural}/{{name}}"] = {
            "get": {**operation, "x-kubernetes-action": "get"},
            "patch": {**operation, "x-kubernetes-action": "patch"},
        }
        node = kind.schema.node if kind.schema is not None else {"type": "object"}
        schemas[kind.full_name] = {**node, "x-kubernetes-group-version-kind": [identity]}
    info = {"title": "Kubernetes", "version": "embedded"}
    return {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": schemas}}
