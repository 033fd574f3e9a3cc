"""The rules of Box's Developer Console, whoever works there: a person, or a console endpoint on their behalf.

What is asked for is judged here, and refused in Box's error shape; how it was asked for is no matter of this module.
"""

import re
from typing import cast

from box_sandbox.http.answers import BoxError
from box_sandbox.state.model import SLOTS, App, Slot
from box_sandbox.state.sandbox import Sandbox

LONGEST_NAME = 200
"""Assumed: Box says nothing about the length, the characters and the case of a name."""
LONGEST_REFERENCE = 512
DECISIONS = ("authorize", "decline", "enable", "disable", "require_reauthorization")
LABEL = "[a-z0-9]([a-z0-9-]*[a-z0-9])?"
ORIGIN = re.compile(rf"https?://(\*\.)?{LABEL}(\.{LABEL})*(:[1-9][0-9]{{0,4}})?", re.IGNORECASE)


def check_name(state: Sandbox, name: object, by_other_than: str = "") -> str:
    """The name, if an app may have it."""
    if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME:
        raise BoxError(400, "app_name_invalid", f"A name has 1 to {LONGEST_NAME} characters")
    if state.name_is_taken(name, by_other_than):
        raise BoxError(409, "app_name_taken", "The name is taken")
    return name


def check_slot(slot: object) -> Slot:
    """The slot, if it is one."""
    if slot not in SLOTS:
        raise BoxError(400, "bad_request", "A slot is primary or secondary")
    return slot


def check_reference(reference: object) -> str:
    """A reference that the endpoint can keep."""
    if not isinstance(reference, str) or len(reference) > LONGEST_REFERENCE:
        raise BoxError(400, "bad_request", f"A reference is a text of at most {LONGEST_REFERENCE} characters")
    return reference


async def rename(state: Sandbox, app: App, name: object) -> None:
    """Give an app another name (box/developer.box.com, getting-started/first-application)."""
    app.name = check_name(state, name, app.id)
    await state.touch(app)


async def decide(state: Sandbox, app: App, decision: object) -> None:
    """What the admin decides in the Admin Console."""
    if not isinstance(decision, str) or decision not in DECISIONS:
        raise BoxError(400, "bad_request", f"A decision is one of {', '.join(DECISIONS)}")
    await state.decide(app, decision)


async def generate_key(state: Sandbox, app: App, slot: Slot, days: object) -> str:
    """Generate a key: 30 days, 60 days or for ever (Box's dialog "Access Token Expiry")."""
    if days not in (None, 30, 60):
        raise BoxError(400, "bad_request", "expires_in_days is 30, 60 or null")
    if app.kind != "app_token":
        # Keys belong to the authentication method App Token (box/developer.box.com, authentication/app-token).
        raise BoxError(400, "bad_request", "An app with client credentials has no keys")
    if not app.usable:
        # Box: tokens cannot be generated before the app is authorized (guide "Setup with App Tokens").
        raise BoxError(403, "app_not_authorized", "The app is not authorized")
    if slot in app.tokens:
        # Box documents generating and revoking only, not generating over a live key (assumed: refused).
        raise BoxError(409, "slot_occupied", "The slot holds a token")
    return await state.mint(app, slot, days)


async def set_cors_domains(state: Sandbox, app: App, domains: list[object]) -> None:
    """Replace the CORS domains (box/developer.box.com, security/cors)."""
    for domain in domains:
        if not isinstance(domain, str) or not ORIGIN.fullmatch(domain):
            raise BoxError(400, "invalid_origin", f"Not an origin: {domain}", context={"origin": domain})
    app.cors_domains = cast("list[str]", domains)
    await state.touch(app)
