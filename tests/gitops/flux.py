"""Flux's expressions for health, worked out as Flux does.

Source: fluxcd/pkg, ``runtime/cel/status_evaluator.go``, RFC 0009: a status of another generation is InProgress; then
``inProgress``, ``failed`` and ``current`` in this order; InProgress when none is true. An expression that cannot be
evaluated leaves Flux waiting.
"""

from typing import Any

import celpy
from celpy.adapter import json_to_cel
from celpy.evaluation import CELEvalError

ORDER = {"inProgress": "InProgress", "failed": "Failed", "current": "Current"}


def flux(body: Any, expressions: Any) -> str:
    """One word: InProgress, Failed or Current."""
    status, generation = body.get("status") or {}, body["metadata"]["generation"]
    if status.get("observedGeneration", generation) != generation:
        return "InProgress"
    names = {name: json_to_cel(value) for name, value in body.items()}
    for name, word in ORDER.items():
        if name in expressions and _is_true(expressions[name], names):
            return word
    return "InProgress"


def _is_true(expression: str, names: Any) -> bool:
    environment = celpy.Environment()
    try:
        return bool(environment.program(environment.compile(expression)).evaluate(names))
    except CELEvalError:
        return False
