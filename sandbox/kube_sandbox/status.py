"""Refusals, as Kubernetes' ``Status`` objects."""

from __future__ import annotations

from typing import Any

REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    410: "Expired",
    415: "UnsupportedMediaType",
    422: "Invalid",
}


class StatusError(Exception):
    """A request that is refused."""

    def __init__(self, code: int, message: str, reason: str = "", causes: list[dict[str, str]] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = reason or REASONS.get(code, "InternalError")
        self.causes = causes or []

    def body(self) -> dict[str, Any]:
        """The ``Status`` object."""
        details = {"details": {"causes": self.causes}} if self.causes else {}
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
            **details,
        }


def invalid(kind: str, name: str, causes: list[tuple[str, str]]) -> StatusError:
    """422, with every field that is wrong."""
    texts = [f"{field}: {message}" for field, message in causes]
    text = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    details = [{"field": field, "message": message, "reason": "FieldValueInvalid"} for field, message in causes]
    return StatusError(422, f'{kind} "{name}" is invalid: {text}', causes=details)
