"""Statuses of every state of a BoxCustomApp: each with what Argo CD and kstatus should make of it."""

from tests.gitops.looks import (
    OLD,
    OVER,
    authorized,
    by_hand,
    by_hand_in_box,
    claimed,
    conflicting,
    granted,
    limited,
    nothing,
    occupied,
    overdue,
    pending_with_other_origins,
    renamed_and_conflicting,
    rotated,
    settled,
    settled_but,
    settled_by_hand,
    standing,
    troubled,
    with_bad_key,
    with_dead_key,
    with_good_key,
    with_name_about_to_be_free,
    with_other_origins,
    without_credentials,
    without_renewal,
)
from tests.gitops.record import State, later, manifest, record, stalled
from tests.unit.pretend import CLIENT_ID

from box_app_operator.model.box import AuthorizationState, Refusal, RefusalKind

KEYS = {"importFrom": {"name": "viewer-keys"}}
ORIGINS = {"cors": {"domains": ["https://app.acme.com", "https://*.internal.acme.com"]}}
CREDENTIALS = {"secretRef": {"name": "viewer-client"}, "subject": {"type": "enterprise", "id": "1234567"}}
AT_ONCE = {"tokens": {"rotation": {"overlap": "0s", "retire": "AfterOverlap"}}}
GRANT = {"authentication": "ClientCredentials", "clientCredentials": CREDENTIALS}
HAND = {"clientID": CLIENT_ID, "tokens": KEYS}
AGAIN = {"annotations": {"boxapps.dev/reconcile-requested-at": "2026-03-01"}}
GONE = {"deletionTimestamp": "2026-03-01T11:59:00Z", "generation": 2}

OUTAGE = Refusal(RefusalKind.TRANSIENT, "BoxUnavailable", "Box does not answer.")
RACE = Refusal(RefusalKind.TRANSIENT, "KubernetesConflict", "PATCH answered 409 Conflict")
READY = record(settled)
SUSPENDED = record(settled, {"suspend": True}, {"generation": 2}, before=READY)
TAKEN = stalled("NameTaken", "Somebody in Box has the name. Choose another.")
NAME_TAKEN = record(nothing, refused=TAKEN)
SCOPES_REFUSED = record(
    settled,
    {"downscopedTokens": [{"secretName": "viewer-preview", "scopes": ["base_preview"]}]},
    refused=stalled("DownscopeRefused", "Box gives out no token (invalid_scope)."),
)
DECLINED, PENDING = AuthorizationState.DECLINED, AuthorizationState.PENDING
UNSUBMITTED = {"authorization": {"submit": False}}
NOT_SUBMITTED = standing(AuthorizationState.NOT_SUBMITTED)
TO_BE_ASKED_ANEW = AuthorizationState.REAUTHORIZATION_REQUIRED
CHANGED = standing(TO_BE_ASKED_ANEW)
AUTHORIZED = AuthorizationState.AUTHORIZED
DISABLED = Refusal(
    RefusalKind.AWAITING_HUMAN, "Disabled", "Box says that the app is disabled; a Box admin must enable it."
)
UNAUTHORIZED = Refusal(
    RefusalKind.AWAITING_HUMAN, "AwaitingAuthorization", "A Box admin must authorize the app in the Admin Console."
)
REJECTED = Refusal(RefusalKind.TRANSIENT, "TokenRejected", "Box rejected the token that it generated.")

REJECTED_ORIGIN = stalled("OriginRejected")
PENDING_WITH_OTHER_ORIGINS = record(pending_with_other_origins, ORIGINS, refused=REJECTED_ORIGIN)
REVOCATION_REFUSED = record(rotated, AT_ONCE, refused=stalled("InvalidSpec"))
PENDING_FOR_A_GRANT = record(granted(unauthorized=True), GRANT, refused=UNAUTHORIZED)
REFUSED = Refusal(RefusalKind.TRANSIENT, "SecretRefused", "Kubernetes refuses Secret 'viewer-box': exceeded quota: few")

WITH_A_CONSOLE = [
    State("just applied", manifest(meta={"finalizers": []}), "Progressing", "InProgress"),
    State("not held yet", record(nothing, meta={"finalizers": []}, refused=RACE), "Progressing", "InProgress"),
    State("not registered yet", record(nothing, refused=OUTAGE), "Progressing", "InProgress"),
    State("name taken", NAME_TAKEN, "Degraded", "Failed"),
    State("name about to be free", record(with_name_about_to_be_free, refused=TAKEN), "Progressing", "InProgress"),
    State("name invalid", record(nothing, refused=stalled("NameInvalid")), "Degraded", "Failed"),
    State("app not found", record(nothing, {"clientID": CLIENT_ID}), "Degraded", "Failed"),
    State("managed elsewhere", record(claimed, {"clientID": CLIENT_ID}), "Degraded", "Failed"),
    State("adoption not allowed", record(by_hand_in_box, {"clientID": CLIENT_ID}), "Degraded", "Failed"),
    State("enterprise not found", record(troubled("EnterpriseNotFound", by_spec=False)), "Progressing", "InProgress"),
    State("namespace not allowed", record(troubled("NamespaceNotAllowed", by_spec=True)), "Degraded", "Failed"),
    State("invalid spec", record(troubled("InvalidSpec", by_spec=True)), "Degraded", "Failed"),
    State("enterprise not ready", record(troubled("EnterpriseNotReady", by_spec=False)), "Progressing", "InProgress"),
    State("box away", record(troubled("BoxUnavailable", by_spec=False), before=READY), "Progressing", "InProgress"),
    State("not submitted", record(NOT_SUBMITTED, UNSUBMITTED), "Suspended", "InProgress"),
    State("submission waits", record(NOT_SUBMITTED, refused=OUTAGE), "Progressing", "InProgress"),
    State("pending", record(standing(AuthorizationState.PENDING)), "Suspended", "InProgress"),
    State("declined", record(standing(DECLINED)), "Degraded", "Failed"),
    State("asks again", record(standing(DECLINED), meta=AGAIN, refused=OUTAGE), "Progressing", "InProgress"),
    State("disabled", record(standing(AUTHORIZED)), "Suspended", "InProgress"),
    State("disabled, with a token", record(settled_but(AUTHORIZED)), "Suspended", "InProgress"),
    State("declined, with a token", record(settled_but(DECLINED)), "Degraded", "Failed"),
    State("expired, and pending", record(settled_but(PENDING, OVER)), "Suspended", "InProgress"),
    State("expired, another waits", record(overdue, refused=OUTAGE), "Progressing", "InProgress"),
    State("disabled, said by the platform", record(authorized, refused=DISABLED), "Suspended", "InProgress"),
    State("changed", record(CHANGED, UNSUBMITTED), "Suspended", "InProgress"),
    State("changed, with a token", record(settled_but(TO_BE_ASKED_ANEW), UNSUBMITTED), "Suspended", "InProgress"),
    State("changed, submission waits", record(CHANGED, refused=OUTAGE), "Progressing", "InProgress"),
    State("no token yet", record(authorized, refused=OUTAGE), "Progressing", "InProgress"),
    State("tokens got lost again and again", record(limited), "Progressing", "InProgress"),
    State("token rejected", record(authorized, refused=REJECTED), "Progressing", "InProgress"),
    State("secret refused", record(authorized, refused=REFUSED), "Progressing", "InProgress"),
    State("secret in conflict", record(conflicting), "Degraded", "Failed"),
    State("not renamed yet, and in conflict", record(renamed_and_conflicting, refused=OUTAGE), "Degraded", "Failed"),
    State("slots occupied", record(occupied, {"clientID": CLIENT_ID}), "Suspended", "InProgress"),
    State("origin rejected", record(with_other_origins, ORIGINS, refused=REJECTED_ORIGIN), "Degraded", "Failed"),
    State("origins not set yet", record(with_other_origins, ORIGINS, refused=OUTAGE), "Progressing", "InProgress"),
    State("pending, and an origin rejected", PENDING_WITH_OTHER_ORIGINS, "Degraded", "Failed"),
    State("scopes refused", SCOPES_REFUSED, "Degraded", "Failed"),
    State("ready", READY, "Healthy", "Current"),
    State("ready, a revocation waits", record(rotated, AT_ONCE, refused=OUTAGE), "Progressing", "InProgress"),
    State("ready, a revocation is refused", REVOCATION_REFUSED, "Degraded", "Failed"),
    State("ready, the previous token retires", record(rotated), "Healthy", "Current"),
    State("suspended", SUSPENDED, "Suspended", "InProgress"),
    State("deleting", record(settled, meta=GONE, before=READY, refused=OUTAGE), "Progressing", "Terminating"),
]
WITHOUT = [
    State("to be created", record(by_hand, {"tokens": KEYS}), "Suspended", "InProgress"),
    State("to be submitted", record(by_hand, {**HAND, **ORIGINS}), "Suspended", "InProgress"),
    State("key cannot be used", record(with_bad_key, HAND), "Suspended", "InProgress"),
    State("key not published yet", record(with_good_key, HAND, refused=RACE), "Progressing", "InProgress"),
    State("key rejected, another proven", record(with_good_key, HAND, refused=REJECTED), "Progressing", "InProgress"),
    State("origins to be corrected", record(settled_by_hand(origins={"": True}), HAND), "Suspended", "InProgress"),
    State("origins not tried yet", record(settled_by_hand(origins={}), HAND), "Progressing", "InProgress"),
    State("key dead", record(with_dead_key, HAND), "Suspended", "InProgress"),
    State("disabled by hand", record(settled_by_hand(enabled=False), HAND), "Suspended", "InProgress"),
    State("ready by hand", record(settled_by_hand(), HAND), "Healthy", "Current"),
    State("ready, another key is due", record(settled_by_hand(OLD), HAND), "Healthy", "Current"),
    State("key to be revoked", record(settled_by_hand(), HAND, GONE), "Progressing", "Terminating"),
    State("credentials missing", record(without_credentials, GRANT), "Suspended", "InProgress"),
    State("pending for a grant", PENDING_FOR_A_GRANT, "Suspended", "InProgress"),
    State("grant refused", record(granted(), GRANT, refused=stalled("TokenRejected")), "Degraded", "Failed"),
    State("no access token yet", record(granted(), GRANT, refused=OUTAGE), "Progressing", "InProgress"),
    State("ready, credentials gone", record(without_renewal, GRANT), "Suspended", "InProgress"),
    State("ready by grant", record(granted(pending=True), GRANT), "Healthy", "Current"),
]
IN_BETWEEN = [
    State("ready, then changed", later(READY, {"displayName": "Acme Invoices"}), "Progressing", "InProgress"),
    State("stalled, then corrected", later(NAME_TAKEN, {"displayName": "Acme 2"}), "Progressing", "InProgress"),
    State("about to be suspended", later(READY, {"suspend": True}), "Suspended", "InProgress"),
    State("to go on", later(SUSPENDED, {"suspend": False}), "Progressing", "InProgress"),
    State("about to go", later(READY, meta=GONE), "Progressing", "Terminating"),
    State("suspended, about to go", later(SUSPENDED, meta=GONE), "Progressing", "Terminating"),
    State("declined, about to go", later(record(standing(DECLINED)), meta=GONE), "Progressing", "Terminating"),
]
APPS = [*WITH_A_CONSOLE, *WITHOUT, *IN_BETWEEN]
