"""A BoxCustomApp as a pass sees it: what was read, and what that asks for, parsed once. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from box_app_operator.api.spec import Body, parse_desired
from box_app_operator.model.desired import Desired


@dataclass(frozen=True, slots=True)
class Resource:
    """One version of the object: its JSON in ``body``, and what it asks for in ``desired``."""

    body: Body
    desired: Desired


def resource_of(body: Body) -> Resource:
    """Parse it. What cannot be read is said in ``desired.invalid``; nothing is raised for it."""
    return Resource(body, parse_desired(body))
