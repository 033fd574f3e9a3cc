"""What a finished step means to an auditor: the Event that records it, with names and fingerprints only. Pure.

Conditions say how things are now; these Events say what the operator changed and why. There is none for the first
token, because ``Ready`` announces that, and none for the renewal of an access token, which happens twice an hour.
"""

from collections.abc import Iterable
from datetime import datetime

from box_app_operator.model import steps
from box_app_operator.model.box import BoxApp, IssuedToken, known_token
from box_app_operator.model.conditions import Reason, format_time
from box_app_operator.model.desired import Desired
from box_app_operator.model.finding import Notice, first_few
from box_app_operator.model.observed import Observed
from box_app_operator.model.steps import Step
from box_app_operator.secret.annotations import expiry_text
from box_app_operator.secret.published import own_secrets, published_fingerprints
from box_app_operator.tokens.active import Current, current_of


def record_of(step: Step, desired: Desired, observed: Observed, now: datetime) -> Notice | None:
    """The Event for a step that has succeeded; None for a step that needs none.

    Args:
        observed: what was seen before the step.
    """
    if observed.namespace_is_terminating:
        # Kubernetes takes no new Event in a namespace that is being deleted.
        return None
    match step:
        case steps.PublishSecret():
            return _published(step, desired, observed, now)
        case steps.RevokeSlot() | steps.RevokeToken():
            return _revoked(step, desired, observed)
        case steps.SetCorsDomains(_, domains):
            return _cors_changed(domains, desired, observed)
        case steps.RenameApp(_, name) if observed.app is not None:
            return _record(Reason.APP_RENAMED, f"Renamed the Box app from {observed.app.name!r} to {name!r}.")
        case steps.DeleteApp() if observed.app is not None:
            return _app_deleted(observed.app)
    return None


def has_happened(step: Step, observed: Observed) -> bool:
    """Did a step whose answer was lost reach its goal, as far as Box and the Secret show it?"""
    app, secret = observed.app, observed.secret
    match step:
        case steps.PublishSecret():
            return secret is not None and secret.holds(step.fingerprint)
        case steps.RevokeSlot() | steps.RevokeToken():
            return observed.source is not None and known_token(observed.source, step.fingerprint) is None
        case steps.SetCorsDomains(_, domains):
            return app is not None and tuple(app.cors_domains) == tuple(domains)
        case steps.RenameApp(_, name):
            return app is not None and app.name == name
        case steps.DeleteApp():
            return app is None
    return False


def _record(reason: Reason, message: str) -> Notice:
    return Notice(reason, message, warning=False)


def _published(step: steps.PublishSecret, desired: Desired, observed: Observed, now: datetime) -> Notice | None:
    source, name = observed.source, desired.secret.name
    token = known_token(source, step.fingerprint) if source is not None else None
    if source is None or token is None or not source.follows_spec:
        return None
    secrets = own_secrets(desired, observed)
    if any(secret.holds(step.fingerprint) for secret in secrets):
        # The same token under another name, or with other labels: the spec asked for that, or the check that found a
        # difference says so.
        return None
    new = f"token {token.fingerprint} ({source.slot_of(token.fingerprint)} slot, {_validity(token)})"
    before = observed.remembered.active
    if not secrets:
        message = f"Secret {name!r} was missing. It was created again with {new}."
        return _record(Reason.SECRET_RECREATED, message) if before is not None else None
    current = current_of(desired, observed, now)
    if current is not None:
        message = f"Secret {name!r} now holds {new} in place of token {current.fingerprint}: {_cause(current)}."
        return _record(Reason.TOKEN_ROTATED, message)
    replaced = f" in place of token {before}" if before is not None else ""
    message = f"Secret {name!r} held no live token of this app. It now holds {new}{replaced}."
    return _record(Reason.TOKEN_ROTATED, message)


def _validity(token: IssuedToken) -> str:
    return f"valid until {format_time(token.expires_at)}" if token.expires_at is not None else "without expiry"


def _cause(current: Current) -> str:
    """Why the active token was replaced."""
    desired, record = current.desired, current.record
    if desired.rotate_request and desired.rotate_request != record.rotate_request:
        return "the annotation boxapps.dev/rotate-requested-at asked for it"
    if record.expiry not in (None, expiry_text(desired.token_days)):
        return f"spec.tokens.expiry changed from {record.expiry} to {expiry_text(desired.token_days)}"
    if current.token.expires_at is not None:
        return f"a rotation was due before that one expires at {format_time(current.token.expires_at)}"
    return "a rotation was due by spec.tokens.rotation.every"


def _revoked(step: steps.RevokeSlot | steps.RevokeToken, desired: Desired, observed: Observed) -> Notice:
    slot = observed.source.slot_of(step.fingerprint) if observed.source is not None else None
    token = f"token {step.fingerprint} ({slot} slot)" if slot is not None else f"access token {step.fingerprint}"
    if desired.deleting:
        return _record(Reason.TOKEN_REVOKED, f"Revoked {token}, because the BoxCustomApp is being deleted.")
    if step.fingerprint in published_fingerprints(desired, observed):
        return _record(Reason.TOKEN_REVOKED, f"Revoked the previous {token}.")
    return _record(Reason.TOKEN_REVOKED, f"Revoked {token}, which was never published.")


def _cors_changed(domains: Iterable[str], desired: Desired, observed: Observed) -> Notice | None:
    """None for the origins of an app that is just being registered."""
    app, remembered = observed.app, observed.remembered
    if app is None or remembered.app_id is None:
        return None
    added, removed = (_list(domains, app.cors_domains), _list(app.cors_domains, domains))
    change = "; ".join(filter(None, (added and f"added {added}", removed and f"removed {removed}")))
    if remembered.origins == desired.cors_domains:
        message = f"The app's CORS domains were changed in Box. They were set back to those of the spec: {change}."
        return _record(Reason.DRIFT_CORRECTED, message)
    return _record(Reason.CORS_CHANGED, f"Changed the app's CORS domains: {change}.")


def _list(origins: Iterable[str], without: Iterable[str]) -> str:
    return first_few(sorted(set(origins) - set(without)))


def _app_deleted(app: BoxApp) -> Notice:
    tokens = ", ".join(token.fingerprint for token in app.tokens.values())
    end = f" Its tokens ended with it: {tokens}." if tokens else ""
    return _record(Reason.APP_DELETED, f"Deleted Box app {app.id} (client id {app.client_id}).{end}")
