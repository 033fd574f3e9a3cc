"""The facets of an app whose console steps a person does: what Box's public API proves, and what comes next for whom.

Nothing is believed that was not proven by a call. What cannot be seen, for example CORS domains beyond the spec's, is
not claimed. The rules for tokens are those of ``tokens``; only minting and revoking become a person's tasks.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from box_app_operator.model.box import Fingerprint, Slot
from box_app_operator.model.conditions import Condition, Reason
from box_app_operator.model.desired import DeletionPolicy, Desired
from box_app_operator.model.finding import Finding, TaskKind, app_page, good, mend, unknown, wait
from box_app_operator.model.observed import Observed
from box_app_operator.model.platform_view import KeyView, Verdict
from box_app_operator.model.steps import AddFinalizer, GenerateKey, RemoveFinalizer, RevokeToken, Step
from box_app_operator.modes.assisted.tasks import (
    console_task,
    cors_task,
    creation_task,
    hand_over,
    key_task,
    revocation_task,
)
from box_app_operator.modes.common.findings import (
    after_own_tokens,
    authorization_in,
    authorization_task,
    deleting,
    give_up,
    managed_elsewhere,
    unless_bad_origin,
)
from box_app_operator.secret.conflict import is_conflict
from box_app_operator.secret.published import own_secrets, slot_said_by
from box_app_operator.tokens.active import current_of
from box_app_operator.tokens.policy import check_tokens
from box_app_operator.tokens.refused import Published, Refused, rejected

UNLISTED = ""
"""Stands for an origin that no spec lists."""


def check_registered(desired: Desired, observed: Observed, _now: datetime) -> Finding:
    """Does the spec name an app, and did Box confirm it?"""
    type_ = "Registered"
    if observed.claimed_by is not None:
        return managed_elsewhere(desired, observed.claimed_by)
    if not desired.client_id:
        return _ask_for_app(desired, observed)
    if not desired.has_finalizer:
        return mend(type_, Reason.NOT_YET_KNOWN, "The operator is about to add its finalizer.", AddFinalizer())
    platform_view, app_id = observed.platform_view, observed.platform_view.app_id or observed.remembered.app_id
    if app_id is None and not key_was_accepted(desired, observed):
        return unknown(type_, "Box confirms the app when its first key is used.")
    if app_id is None:
        message = (
            "Box accepted a key and does not say whose it is. Make sure that it is of the app with client id "
            f"{desired.client_id}: a key of another app would not be noticed."
        )
        return good(type_, Reason.ADOPTED, message)
    named = (
        f", which Box calls {platform_view.name!r}"
        if platform_view.name and platform_view.name != desired.display_name
        else ""
    )
    whose = (
        " Box does not say whose the present key is: make sure that it is of this app."
        if platform_view.unidentified
        else ""
    )
    return good(type_, Reason.ADOPTED, f"Box knows the app as {app_id}{named}.{whose}")


def _ask_for_app(desired: Desired, observed: Observed) -> Finding:
    known = observed.remembered.client_id
    if known is not None:
        # The enterprise had a console endpoint, or the field was removed.
        what = f"Write {known!r} into spec.clientID, or delete this object."
        step = console_task(observed, TaskKind.SET_CLIENT_ID, what, ("spec.clientID", known))
        message = f"The app is in Box with client id {known!r}, but no BoxCustomApp manages it. {step.what}"
    else:
        step = creation_task(desired)
        message = f"The app team must create the app in the Developer Console. {step.what}"
    return replace(wait("Registered", Reason.AWAITING_CLIENT_ID, message), tasks=(step,))


def key_was_accepted(desired: Desired, observed: Observed) -> bool:
    """Did Box ever accept a key, as far as Secret and status tell?"""
    if observed.platform_view.app_id or observed.remembered.app_id or observed.remembered.active:
        return True
    if observed.unlisted is not None and any(token.accepted for token in observed.unlisted.issued):
        return True
    return bool(own_secrets(desired, observed))


def check_authorized(desired: Desired, observed: Observed, _now: datetime) -> Finding:
    """Did the enterprise admin authorize the app? Box says so only to those who use a key."""
    type_ = "Authorized"
    if not desired.client_id:
        return unknown(type_, "Waiting for the app to be created.")
    if observed.platform_view.disabled:
        what = f"A Box admin must authorize or enable the app with client id {desired.client_id}."
        enable = authorization_task(what, desired.client_id)
        message = f"Box says that the app is disabled. {what}"
        return replace(wait(type_, Reason.DISABLED, message), tasks=(enable,))
    if observed.unlisted is not None and observed.unlisted.issued:
        return good(type_, Reason.AUTHORIZED, "Box accepts the app's token.")
    if key_was_accepted(desired, observed):
        return unknown(
            type_, "Box accepts no key of the app at the moment, so it is not known whether the app is authorized."
        )
    submit = console_task(observed, TaskKind.SUBMIT, "Under Authorization press Review and Submit.")
    # Before submission, so that the admin sees the app as it will be.
    paste = (cors_task(desired, observed),) if desired.cors_domains else ()
    what = f"A Box admin must authorize the app with client id {desired.client_id}."
    admin = authorization_task(what, desired.client_id)
    finding = unknown(type_, f"Box says whether the app is authorized when a key is used. {submit.what}")
    return replace(finding, tasks=(*paste, submit, admin))


def check_cors(desired: Desired, observed: Observed, _now: datetime) -> Finding:
    """Does Box allow each origin of the spec? Others in the console's list cannot be seen."""
    type_, tried = "CORSSynced", observed.platform_view.origins
    asked = desired.cors_domains or (UNLISTED,)
    if any(origin not in tried for origin in asked):
        return unknown(type_, "Box is asked about each origin as soon as there is a token.")
    refused = [origin for origin in desired.cors_domains if not tried[origin]]
    extra = [origin for origin, allowed in tried.items() if allowed and origin and origin not in desired.cors_domains]
    complaints = [f"Box does not allow {', '.join(refused)}."] if refused else []
    complaints += [f"Box still allows {', '.join(extra)}."] if extra else []
    complaints += ["Box allows an origin that the spec does not list."] if tried.get(UNLISTED) and not extra else []
    if complaints:
        step = cors_task(desired, observed, " ".join(complaints))
        message = f"{step.problem} {step.what}"
        return replace(wait(type_, Reason.AWAITING_HUMAN, message), tasks=(step,))
    if not desired.cors_domains:
        return good(type_, Reason.NOT_CONFIGURED, "The spec lists no CORS domains, and Box allows none.")
    return good(type_, Reason.SYNCED, f"Box allows all {len(desired.cors_domains)} origins of the spec.")


def _was_active(desired: Desired, observed: Observed) -> Callable[[Fingerprint], bool]:
    """Is a key the one that stands in the Secret? That Box refuses it is said of the Secret already."""
    secret = observed.secret
    return lambda key: secret is not None and key == secret.fingerprints.get(desired.secret.keys.token)


def _next_slot(desired: Desired, observed: Observed) -> Slot:
    """Not the one that the last key stood in: the console may still show it there, although it has ended."""
    said = slot_said_by(observed.secret, desired) if observed.secret is not None else None
    active = observed.remembered.active
    last = said or (observed.remembered.slots.get(active) if active is not None else None)
    wanted = last.other if last is not None else Slot.PRIMARY
    return wanted if wanted not in _slots_of(observed).values() else wanted.other


def _can_end(desired: Desired, observed: Observed, token: Fingerprint) -> bool:
    """Is there a client secret, and the value of this token?"""
    in_secret = any(secret.holds(token) for secret in own_secrets(desired, observed))
    return observed.platform_view.can_revoke and (in_secret or token in observed.platform_view.at_hand)


def _slots_of(observed: Observed) -> Mapping[Fingerprint, Slot]:
    """Where the known keys stand."""
    return observed.unlisted.slots if observed.unlisted is not None else {}


def _without(finding: Finding, step: Step) -> Finding:
    return replace(finding, steps=tuple(other for other in finding.steps if other != step))


def _ask_to_revoke(observed: Observed, finding: Finding, slot: Slot) -> Finding:
    step = revocation_task(observed, slot)
    unused = ["Nothing uses the previous token any more."] if finding.condition.status == "True" else []
    sentences = [*unused, step.what]
    if observed.platform_view.trouble is not None:
        sentences.append(observed.platform_view.trouble)
    return replace(finding, tasks=(*finding.tasks, step)).with_addition(" ".join(sentences))


def _ask_for_key(desired: Desired, observed: Observed, finding: Finding, slot: Slot, now: datetime) -> Finding:
    current = current_of(desired, observed, now)
    step = key_task(desired, observed, slot, current.token.expires_at if current is not None else None)
    steps = (*finding.tasks, step)
    if finding.condition.status == "True":
        return replace(finding, tasks=steps).with_addition(f"The token is due to be replaced. {step.what}")
    # Before the first key the admin comes first. What may be there to paste comes last.
    first, *others = (*check_authorized(desired, observed, now).tasks, *steps)
    message = (
        f"Several steps are needed before you can {hand_over(desired, slot)} The first: {first.what}"
        if others
        else first.what
    )
    return replace(wait("TokenReady", Reason.AWAITING_TOKEN, message), tasks=(first, *others))


def _with_complaints(finding: Finding, bad: list[KeyView]) -> Finding:
    if not bad:
        return finding
    message = " ".join(f"Key {str(key.slot)!r} cannot be used: {key.message}" for key in bad)
    tasks = (replace(task, problem=message) if task.kind is TaskKind.GENERATE_KEY else task for task in finding.tasks)
    finding = replace(finding, tasks=tuple(tasks))
    if finding.condition.status == "True":
        return finding.with_addition(message)
    return finding.with_message(f"{message} {finding.condition.message}", reason=Reason.TOKEN_REJECTED)


class AssistedRules:
    """A person performs the steps in the consoles; only what a call has proven is believed."""

    sees_whole_app, tokens_end_soon = False, False

    def check_app(self, desired: Desired, observed: Observed, now: datetime) -> tuple[Finding, ...]:
        """What is to be pasted comes last: Box can be asked about it once there is a key."""
        cors = unless_bad_origin(desired, check_cors(desired, observed, now))
        return check_registered(desired, observed, now), check_authorized(desired, observed, now), cors

    def check_tokens(self, desired: Desired, observed: Observed, now: datetime, restart_window: timedelta) -> Finding:
        """The rules for tokens, with what only a person can do turned into a task."""
        finding = check_tokens(desired, observed, now, restart_window, self)
        current = current_of(desired, observed, now)
        # A key that has expired lies there until its slot is needed again: that is no fault.
        known = current.was_published if current is not None else _was_active(desired, observed)
        bad = [key for key in observed.platform_view.keys if key.verdict not in (Verdict.LIVE, Verdict.DISABLED)]
        bad = [key for key in bad if key.fingerprint is None or not known(key.fingerprint)]
        if desired.client_id is None or is_conflict(finding):
            return finding
        if current is None and not finding.steps and not observed.platform_view.disabled:
            finding = _ask_for_key(desired, observed, finding, _next_slot(desired, observed), now)
        for step in finding.steps:
            if isinstance(step, GenerateKey):
                slot = step.slot if current is not None else _next_slot(desired, observed)
                finding = _ask_for_key(desired, observed, _without(finding, step), slot, now)
            elif isinstance(step, RevokeToken) and not _can_end(desired, observed, step.fingerprint):
                slot = _slots_of(observed)[step.fingerprint]
                finding = _ask_to_revoke(observed, _without(finding, step), slot)
                if current is None:
                    # That a lost key has ended cannot be proven: the key that takes its slot is the proof.
                    finding = _ask_for_key(desired, observed, finding, slot, now)
        return _with_complaints(finding, bad)

    def obtain(self, desired: Desired, observed: Observed) -> tuple[Step, ...]:
        """A person generates it, in a free slot."""
        taken = _slots_of(observed).values()
        return tuple(GenerateKey(slot) for slot in Slot if slot not in taken)[:1]

    def revoke(self, observed: Observed, token: Fingerprint) -> tuple[Step, ...]:
        """By its value."""
        return (RevokeToken(token),) if token in _slots_of(observed) else ()

    def check_refused(self, published: Published, observed: Observed, now: datetime) -> Refused | None:
        """What Box said of the token itself counts, and of the app what no other key showed since."""
        secret, verdict = published.secret, observed.platform_view.published
        if verdict is Verdict.DEAD:
            return rejected(secret, ": it was revoked, or has expired")
        return rejected(secret) if verdict is Verdict.DISABLED and not published.source.is_usable else None

    def finish_deletion(self, desired: Desired, observed: Observed, now: datetime) -> Finding:
        """Tokens are revoked where Box's public API allows it; else a person is asked, and what they did is proven."""
        return after_own_tokens(_end_tokens(desired, observed), desired, observed, now)

    def describe_app(
        self, desired: Desired, observed: Observed, conditions: Sequence[Condition], now: datetime
    ) -> dict[str, Any]:
        """As a key has shown it. The client id not before Box accepted one: until then it can be corrected."""
        source, app_id, client_id = observed.unlisted, observed.platform_view.app_id or observed.remembered.app_id, None
        if source is None:
            client_id = observed.remembered.client_id
        elif key_was_accepted(desired, observed):
            current = current_of(desired, observed, now)
            client_id = current.client_id if current is not None else source.client_id
        allowed = [origin for origin, is_allowed in observed.platform_view.origins.items() if is_allowed and origin]
        return {
            "appID": app_id,
            "clientID": client_id,
            "consoleURL": app_page(app_id) if app_id else None,
            "authorization": authorization_in(conditions),
            "corsDomains": allowed or None if source is not None else None,
        }


def _end_tokens(desired: Desired, observed: Observed) -> Finding:
    """All at once: of those whose values are gone it cannot be proven that one has ended, before the next is asked for.

    The app's deletion ends them all.
    """
    slots = _slots_of(observed)
    if not slots:
        return deleting("Box accepts none of the app's tokens any more.", RemoveFinalizer())
    if desired.deletion_policy is DeletionPolicy.DELETE:
        client_id = observed.unlisted.client_id if observed.unlisted is not None else None
        which = f" (client id {client_id})" if client_id is not None else ""
        what = f"Delete the app {desired.display_name!r}{which} in the Developer Console."
        tasks = [console_task(observed, TaskKind.DELETE_APP, what)]
    else:
        ended = [token for token in slots if _can_end(desired, observed, token)]
        if ended:
            return deleting("Tokens are being revoked.", *map(RevokeToken, ended))
        tasks = [revocation_task(observed, slot) for slot in slots.values()]
    asked = " ".join(task.what for task in tasks)
    message = f"{asked} The object is removed once Box no longer accepts its tokens. {give_up(desired)}"
    return replace(deleting(message), tasks=tuple(tasks))
