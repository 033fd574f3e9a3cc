"""What an object's own status says, as far as it can be read.

People edit a status, restore it from a backup, or run another version of the operator that writes it otherwise. So
every line is looked at by itself: one that cannot be read counts as not remembered, and is written anew when its fact
is known again.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from box_app_operator.api.fields import mapping
from box_app_operator.api.origins import origin_problem
from box_app_operator.api.spec import RECONCILE_ANNOTATION, Body
from box_app_operator.model.box import UID, AppID, ClientID, Fingerprint, Slot
from box_app_operator.model.conditions import earliest, parse_time
from box_app_operator.model.finding import TaskKind
from box_app_operator.model.observed import RememberedStatus

Shape = Callable[[Any], Any]
"""Takes any JSON; returns what of it can be read, None for nothing."""


def _matching(pattern: str) -> Shape:
    def read(value: Any) -> Any:
        return value if isinstance(value, str) and re.fullmatch(pattern, value) else None

    return read


def _text(value: Any) -> Any:
    return value if isinstance(value, str) else None


def _time(value: Any) -> Any:
    return value if isinstance(value, str) and parse_time(value) is not None else None


def _number(value: Any) -> Any:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _list(shape: Shape) -> Shape:
    def read(value: Any) -> Any:
        items = [item for item in map(shape, value) if item is not None] if isinstance(value, list) else []
        return items if items or value == [] else None

    return read


def _object(fields: Mapping[str, Shape], required: tuple[str, ...] = ()) -> Shape:
    def read(value: Any) -> Any:
        given = value if isinstance(value, Mapping) else {}
        found = {name: shape(given.get(name)) for name, shape in fields.items()}
        found = {name: field for name, field in found.items() if field is not None}
        return found if found and all(name in found for name in required) else None

    return read


def _keyed(key: str, shape: Shape) -> Shape:
    """A list of objects of which no two have the same key: the first of them counts."""
    read = _list(shape)

    def read_first(value: Any) -> Any:
        by_key: dict[str, Any] = {}
        for item in read(value) or ():
            by_key.setdefault(item[key], item)
        return list(by_key.values()) if by_key or value == [] else None

    return read_first


_FINGERPRINT = _matching("[0-9a-f]{16}")
_TOKEN: Mapping[str, Shape] = {
    "slot": _matching("|".join(Slot)),
    "fingerprint": _FINGERPRINT,
    "issuedTime": _time,
    "expiryTime": _time,
}
_CONDITION: Mapping[str, Shape] = {
    "type": _text,
    "status": _matching("True|False|Unknown"),
    "reason": _text,
    "message": _text,
    "observedGeneration": _number,
    "lastTransitionTime": _time,
}
_TOKENS: Mapping[str, Shape] = {
    "secretName": _text,
    "active": _object(_TOKEN),
    "retiring": _object({**_TOKEN, "usedBy": _object({"count": _number, "pods": _list(_text)})}),
    "nextRotationTime": _time,
    "restarted": _list(_text),
}
_DOWNSCOPED: Mapping[str, Shape] = {"secretName": _text, "fingerprint": _FINGERPRINT, "expiryTime": _time}
_TASK: Mapping[str, Shape] = {
    "kind": _text,
    "who": _text,
    "what": _text,
    "where": _text,
    "values": _list(_object({"name": _text, "value": _text}, ("name", "value"))),
    "since": _time,
    "due": _time,
    "problem": _text,
}
FIELDS: Mapping[str, Shape] = {
    "observedGeneration": _number,
    "conditions": _keyed("type", _object(_CONDITION, ("type", "status", "reason"))),
    "appID": _matching("[0-9]{1,32}"),
    "clientID": _matching("[!-~]{1,99}"),
    "consoleURL": _text,
    "authorization": _object({"state": _text, "submittedTime": _time, "decidedTime": _time}),
    "tokens": _object(_TOKENS),
    "downscopedTokens": _keyed("secretName", _object(_DOWNSCOPED, ("secretName",))),
    "corsDomains": _list(_text),
    "nextSteps": _list(_object(_TASK, ("what",))),
    "lastHandledReconcileAt": _text,
    "lastHandledRotateAt": _text,
    "claimUID": _text,
    "lastHandledClaimAt": _text,
}
"""The status of a BoxCustomApp, field by field as in the schema."""
_STATUS = _object(FIELDS)


def status_of(body: Body) -> dict[str, Any]:
    """An object's status without what cannot be read; empty where nothing can."""
    found: dict[str, Any] | None = _STATUS(body.get("status"))
    return found or {}


def shown_conditions(body: Body) -> list[tuple[str, str, str]]:
    """Type, status and reason of every condition that an object shows, whatever else is wrong with its status."""
    conditions = mapping(body.get("status")).get("conditions")
    items = [mapping(item) for item in conditions] if isinstance(conditions, list) else []
    shown: list[tuple[Any, Any, Any]] = [(item.get("type"), item.get("status"), item.get("reason")) for item in items]
    return [condition for condition in shown if all(isinstance(text, str) for text in condition)]


def parse_remembered(body: Body) -> RememberedStatus:
    """What an earlier pass wrote into the object's status."""
    status = status_of(body)
    tokens = status.get("tokens") or {}
    shown = {role: tokens.get(role) or {} for role in ("active", "retiring")}
    known = {Fingerprint(token["fingerprint"]): token for token in shown.values() if "fingerprint" in token}
    active, retiring = (shown[role].get("fingerprint") for role in ("active", "retiring"))
    domains = tuple(status.get("corsDomains") or ())
    found = (
        item for item in status.get("conditions") or () if (item["type"], item["status"]) == ("CORSSynced", "True")
    )
    synced = next(found, None)
    return RememberedStatus(
        app_id=AppID(status["appID"]) if "appID" in status else None,
        client_id=ClientID(status["clientID"]) if "clientID" in status else None,
        active=Fingerprint(active) if active else None,
        retiring=Fingerprint(retiring) if retiring else None,
        restarted=tuple(tokens.get("restarted") or ()),
        dates={fingerprint: _dates(token) for fingerprint, token in known.items() if "issuedTime" in token},
        slots={fingerprint: Slot(token["slot"]) for fingerprint, token in known.items() if "slot" in token},
        origins=domains if synced is not None else None,
        is_current=synced is not None and _is_current(body, status, synced),
        allowed=tuple(text for text in domains if origin_problem(text) is None),
        claim_uid=UID(status["claimUID"]) if "claimUID" in status else None,
        asked_to_revoke_at=_asked_to_revoke_at(status.get("nextSteps") or ()),
    )


def _asked_to_revoke_at(tasks: Iterable[Mapping[str, Any]]) -> datetime | None:
    return earliest(parse_time(task.get("since")) for task in tasks if task.get("kind") == TaskKind.REVOKE_KEY)


def _dates(token: Mapping[str, str]) -> tuple[datetime, datetime | None]:
    return datetime.fromisoformat(token["issuedTime"]), parse_time(token.get("expiryTime"))


def _is_current(body: Body, status: Mapping[str, Any], condition: Mapping[str, Any]) -> bool:
    """Is the condition about the present spec, and was no other look requested since?"""
    meta = mapping(body.get("metadata"))
    request = mapping(meta.get("annotations")).get(RECONCILE_ANNOTATION)
    current = condition.get("observedGeneration") == meta.get("generation")
    return current and request in (None, status.get("lastHandledReconcileAt"))
