"""What a person does at Box's Developer Console, in the console's own words. Pure."""

from datetime import datetime

from box_app_operator.model.box import Slot
from box_app_operator.model.desired import Desired
from box_app_operator.model.finding import CONSOLE, Task, TaskKind, Who, app_page
from box_app_operator.model.observed import Observed

EXPIRIES = {30: "30 days", 60: "60 days", None: "No Expiry"}
"""As the dialog "Access Token Expiry" of the console offers."""


def page_of(observed: Observed) -> str:
    """The app's page in the Developer Console, or the console itself while the app's id is not known."""
    app_id = observed.platform_view.app_id or observed.remembered.app_id
    return app_page(app_id) if app_id else CONSOLE


def console_task(
    observed: Observed,
    kind: TaskKind,
    what: str,
    *values: tuple[str, str],
    due: datetime | None = None,
    problem: str | None = None,
) -> Task:
    """What the app team does on the app's page."""
    return Task(kind, Who.APP_TEAM, what, page_of(observed), values, due, problem)


def creation_task(desired: Desired) -> Task:
    """The app itself."""
    what = (
        f"Create a Custom App with the authentication method App Token and the name {desired.display_name!r}, and "
        "write its Client ID into spec.clientID."
    )
    values = ("App Name", desired.display_name), ("Authentication Method", "App Token")
    return Task(TaskKind.CREATE_APP, Who.APP_TEAM, what, CONSOLE, values)


def cors_task(desired: Desired, observed: Observed, problem: str | None = None) -> Task:
    """The whole list of origins, exactly."""
    text = ", ".join(desired.cors_domains)
    what = f"Put exactly this into the field CORS Domains: {text}" if text else "Empty the field CORS Domains."
    return console_task(observed, TaskKind.SET_CORS_DOMAINS, what, ("CORS Domains", text), problem=problem)


def key_task(desired: Desired, observed: Observed, slot: Slot, due: datetime | None) -> Task:
    """A key in this slot. ``due`` is when the one that pods have expires."""
    expiry, name = EXPIRIES[desired.token_days], f"{slot.capitalize()} Access Token"
    what = f"Under Configuration press Generate Key for the {name}, choose {expiry}, and {hand_over(desired, slot)}"
    return console_task(observed, TaskKind.GENERATE_KEY, what, ("Generate Key", name), ("Expiry", expiry), due=due)


def revocation_task(observed: Observed, slot: Slot) -> Task:
    """The end of the key in this slot."""
    return console_task(observed, TaskKind.REVOKE_KEY, f"Press Revoke for the {slot.capitalize()} Access Token.")


def hand_over(desired: Desired, slot: Slot) -> str:
    """Where the key goes, for a sentence."""
    where = f"Secret {desired.import_from!r}" if desired.import_from else "a Secret that spec.tokens.importFrom names"
    return f"put the key into {where} under {str(slot)!r}."
