"""Refusals, as Kubernetes' ``Status`` objects."""

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

    def __init__(self, code: int, message: str, reason: str = "", details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = reason or REASONS.get(code, "InternalError")
        self.details = details

    def body(self) -> dict[str, Any]:
        """The ``Status`` object."""
        details = {"details": self.details} if self.details else {}
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
    shown = [{"field": field, "message": message, "reason": "FieldValueInvalid"} for field, message in causes]
    plain, _, group = kind.partition(".")
    details = {"name": name, "group": group, "kind": plain, "causes": shown}
    return StatusError(422, f'{kind} "{name}" is invalid: {text}', details=details)
