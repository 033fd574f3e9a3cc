"""How the App Tokens end that were published before the spec asked for client credentials.

They are phased out like the previous token of a rotation: live for the overlap, then until nothing uses them, then
revoked. Access tokens are renewed meanwhile; they take nobody's slot.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from box_app_operator.model.box import Slot, SlotToken
from box_app_operator.model.desired import Desired
from box_app_operator.model.finding import Finding, NextStep
from box_app_operator.model.former import FormerApp
from box_app_operator.model.observed import Observed
from box_app_operator.model.places import CONSOLE, app_page
from box_app_operator.model.steps import RevokeSlot
from box_app_operator.secret.annotations import is_access_token
from box_app_operator.tokens.active import Current, current_of
from box_app_operator.tokens.restarts import check_restarts
from box_app_operator.tokens.retirement import Retirement, check_retirement

WHAT = "the App Token of before"


def with_former_app(
    finding: Finding, desired: Desired, observed: Observed, now: datetime, restart_window: timedelta
) -> Finding:
    """The finding about access tokens, with what becomes of the App Tokens that they took the place of."""
    current, former = current_of(desired, observed, now), observed.former_app
    if current is None or former is None or not former.app.tokens or finding.condition.status != "True":
        return finding
    if not is_access_token(current.told, desired):
        # As long as one of them is in the Secret none of them has a successor.
        return finding
    retirement = check_retirement(as_of_departure(current), hurry=False, what=WHAT)
    over = retirement.over and not check_restarts(current, restart_window).pending
    for slot, token in former.app.tokens.items():
        if over or not _was_published(token, current):
            finding = _with_end(finding, former, slot, token)
    waits = any(_was_published(token, current) for token in former.app.tokens.values())
    return _with_wait(finding, retirement) if waits else finding


def _was_published(token: SlotToken, current: Current) -> bool:
    """Do pods count on it? Not on one that was generated in vain, or is over."""
    known = {each.fingerprint for each in current.told.former}
    return token.fingerprint in known and token.is_live(current.now)


def as_of_departure(current: Current) -> Current:
    """As if the access token that took the place of the App Tokens were the one in the Secret still, and for ever."""
    app = replace(current.app, tokens={current.slot: replace(current.token, expires_at=None)})
    return replace(current, app=app, told=replace(current.told, rotated_at=current.told.former_since))


def _with_end(finding: Finding, former: FormerApp, slot: Slot, token: SlotToken) -> Finding:
    if former.can_revoke:
        return replace(finding, steps=(*finding.steps, RevokeSlot(former.app.id, slot, token.fingerprint)))
    task = task_for(former, slot)
    words = f"{finding.condition.message} Nothing uses {WHAT} any more. {task.what}"
    condition = replace(finding.condition, message=words)
    return replace(finding, condition=condition, next_steps=(*finding.next_steps, task))


def task_for(former: FormerApp, slot: Slot) -> NextStep:
    """What only a person can do."""
    page = app_page(former.app.id) if former.app.id else CONSOLE
    return NextStep(f"Press Revoke for the {slot.capitalize()} Access Token.", page)


def _with_wait(finding: Finding, retirement: Retirement) -> Finding:
    words = " ".join(filter(None, (finding.condition.message, retirement.words)))
    moments = [each for each in (finding.look_again_at, retirement.look_again_at) if each is not None]
    return replace(
        finding,
        condition=replace(finding.condition, message=words),
        look_again_at=min(moments, default=None),
        notices=(*finding.notices, *retirement.notices),
    )
