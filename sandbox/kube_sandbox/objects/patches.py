"""The kinds of patches. Strategic merge and server-side apply are simplified: lists merge by their usual keys."""

import copy
import json
from typing import Any

import jsonpatch
import yaml

from kube_sandbox.status import StatusError

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"

MERGE_KEYS = {"ownerReferences": "uid", "containers": "name", "env": "name", "volumes": "name", "conditions": "type"}


def apply_patch(current: dict[str, Any], content: bytes, type_: str) -> dict[str, Any]:
    """The object after a patch; the original stays as it is."""
    patch = json.loads(content) if content[:1] in (b"{", b"[") else yaml.safe_load(content)
    match type_:
        case _ if type_ == JSON_PATCH:
            return _json_patch(current, patch)
        case _ if type_ == MERGE_PATCH:
            merged = merge(copy.deepcopy(current), patch)
        case _ if type_ in (STRATEGIC_PATCH, APPLY_PATCH):
            merged = merge(copy.deepcopy(current), patch, by_key=True)
        case _:
            raise StatusError(415, f"the body of the request was in an unknown format - {type_}")
    return dict(merged)


def _json_patch(current: dict[str, Any], patch: Any) -> dict[str, Any]:
    try:
        return dict(jsonpatch.JsonPatch(patch).apply(current))
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError) as error:
        raise StatusError(422, f"the server rejected our request due to an error in our request: {error}") from None


def merge(target: Any, patch: Any, by_key: bool = False, name: str = "") -> Any:
    """JSON merge patch (RFC 7396); with ``by_key`` known lists merge by their keys."""
    if by_key and isinstance(patch, list) and isinstance(target, list) and name in MERGE_KEYS:
        return _merge_list(target, patch, MERGE_KEYS[name])
    if by_key and isinstance(patch, list) and isinstance(target, list) and name == "finalizers":
        return target + [item for item in patch if item not in target]
    if not isinstance(patch, dict):
        return patch
    target = target if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif not key.startswith("$"):
            target[key] = merge(target.get(key), value, by_key, key)
    return target


def _merge_list(target: list[Any], patch: list[Any], key: str) -> list[Any]:
    merged = {item.get(key): item for item in target}
    for item in patch:
        if item.get("$patch") == "delete":
            merged.pop(item.get(key), None)
        else:
            merged[item.get(key)] = merge(merged.get(item.get(key)), item, by_key=True)
    return list(merged.values())
