"""Statuses of every state of a BoxCustomApp: each with what Argo CD and kstatus should make of it."""

from tests.gitops import looks
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
READY = record(looks.settled)
SUSPENDED = record(looks.settled, {"suspend": True}, {"generation": 2}, before=READY)
TAKEN = stalled("NameTaken", "Somebody in Box has the name. Choose another.")
NAME_TAKEN = record(looks.nothing, refused=TAKEN)
SCOPES_REFUSED = record(
    looks.settled,
    {"downscopedTokens": [{"secretName": "viewer-preview", "scopes": ["base_preview"]}]},
    refused=stalled("DownscopeRefused", "Box gives out no token (invalid_scope)."),
)
DECLINED, PENDING = AuthorizationState.DECLINED, AuthorizationState.PENDING
UNSUBMITTED = {"authorization": {"submit": False}}
NOT_SUBMITTED = looks.standing(AuthorizationState.NOT_SUBMITTED)
TO_BE_ASKED_ANEW = AuthorizationState.REAUTHORIZATION_REQUIRED
CHANGED = looks.standing(TO_BE_ASKED_ANEW)
AUTHORIZED = AuthorizationState.AUTHORIZED
DISABLED = Refusal(
    RefusalKind.AWAITING_HUMAN, "Disabled", "Box says that the app is disabled; a Box admin must enable it."
)
UNAUTHORIZED = Refusal(
    RefusalKind.AWAITING_HUMAN, "AwaitingAuthorization", "A Box admin must authorize the app in the Admin Console."
)
REJECTED = Refusal(RefusalKind.TRANSIENT, "TokenRejected", "Box rejected the token that it generated.")

REJECTED_ORIGIN = stalled("OriginRejected")
PENDING_WITH_OTHER_ORIGINS = record(looks.pending_with_other_origins, ORIGINS, refused=REJECTED_ORIGIN)
REVOCATION_REFUSED = record(looks.rotated, AT_ONCE, refused=stalled("InvalidSpec"))
PENDING_FOR_A_GRANT = record(looks.granted(unauthorized=True), GRANT, refused=UNAUTHORIZED)
REFUSED = Refusal(RefusalKind.TRANSIENT, "SecretRefused", "Kubernetes refuses Secret 'viewer-box': exceeded quota: few")

WITH_A_CONSOLE = [
    State("just applied", manifest(meta={"finalizers": []}), "Progressing", "InProgress"),
    State("not held yet", record(looks.nothing, meta={"finalizers": []}, refused=RACE), "Progressing", "InProgress"),
    State("not registered yet", record(looks.nothing, refused=OUTAGE), "Progressing", "InProgress"),
    State("name taken", NAME_TAKEN, "Degraded", "Failed"),
    State(
        "name about to be free", record(looks.with_name_about_to_be_free, refused=TAKEN), "Progressing", "InProgress"
    ),
    State("name invalid", record(looks.nothing, refused=stalled("NameInvalid")), "Degraded", "Failed"),
    State("app not found", record(looks.nothing, {"clientID": CLIENT_ID}), "Degraded", "Failed"),
    State("managed elsewhere", record(looks.claimed, {"clientID": CLIENT_ID}), "Degraded", "Failed"),
    State("adoption not allowed", record(looks.by_hand_in_box, {"clientID": CLIENT_ID}), "Degraded", "Failed"),
    State(
        "enterprise not found", record(looks.troubled("EnterpriseNotFound", by_spec=False)), "Progressing", "InProgress"
    ),
    State("namespace not allowed", record(looks.troubled("NamespaceNotAllowed", by_spec=True)), "Degraded", "Failed"),
    State("invalid spec", record(looks.troubled("InvalidSpec", by_spec=True)), "Degraded", "Failed"),
    State(
        "enterprise not ready", record(looks.troubled("EnterpriseNotReady", by_spec=False)), "Progressing", "InProgress"
    ),
    State(
        "box away", record(looks.troubled("BoxUnavailable", by_spec=False), before=READY), "Progressing", "InProgress"
    ),
    State("not submitted", record(NOT_SUBMITTED, UNSUBMITTED), "Suspended", "InProgress"),
    State("submission waits", record(NOT_SUBMITTED, refused=OUTAGE), "Progressing", "InProgress"),
    State("pending", record(looks.standing(AuthorizationState.PENDING)), "Suspended", "InProgress"),
    State("declined", record(looks.standing(DECLINED)), "Degraded", "Failed"),
    State("asks again", record(looks.standing(DECLINED), meta=AGAIN, refused=OUTAGE), "Progressing", "InProgress"),
    State("disabled", record(looks.standing(AUTHORIZED)), "Suspended", "InProgress"),
    State("disabled, with a token", record(looks.settled_but(AUTHORIZED)), "Suspended", "InProgress"),
    State("declined, with a token", record(looks.settled_but(DECLINED)), "Degraded", "Failed"),
    State("expired, and pending", record(looks.settled_but(PENDING, looks.OVER)), "Suspended", "InProgress"),
    State("expired, another waits", record(looks.overdue, refused=OUTAGE), "Progressing", "InProgress"),
    State("disabled, said by the platform", record(looks.authorized, refused=DISABLED), "Suspended", "InProgress"),
    State("changed", record(CHANGED, UNSUBMITTED), "Suspended", "InProgress"),
    State("changed, with a token", record(looks.settled_but(TO_BE_ASKED_ANEW), UNSUBMITTED), "Suspended", "InProgress"),
    State("changed, submission waits", record(CHANGED, refused=OUTAGE), "Progressing", "InProgress"),
    State("no token yet", record(looks.authorized, refused=OUTAGE), "Progressing", "InProgress"),
    State("tokens got lost again and again", record(looks.limited), "Progressing", "InProgress"),
    State("token rejected", record(looks.authorized, refused=REJECTED), "Progressing", "InProgress"),
    State("secret refused", record(looks.authorized, refused=REFUSED), "Progressing", "InProgress"),
    State("secret in conflict", record(looks.conflicting), "Degraded", "Failed"),
    State(
        "not renamed yet, and in conflict", record(looks.renamed_and_conflicting, refused=OUTAGE), "Degraded", "Failed"
    ),
    State("slots occupied", record(looks.occupied, {"clientID": CLIENT_ID}), "Suspended", "InProgress"),
    State("origin rejected", record(looks.with_other_origins, ORIGINS, refused=REJECTED_ORIGIN), "Degraded", "Failed"),
    State(
        "origins not set yet", record(looks.with_other_origins, ORIGINS, refused=OUTAGE), "Progressing", "InProgress"
    ),
    State("pending, and an origin rejected", PENDING_WITH_OTHER_ORIGINS, "Degraded", "Failed"),
    State("scopes refused", SCOPES_REFUSED, "Degraded", "Failed"),
    State("ready", READY, "Healthy", "Current"),
    State("ready, a revocation waits", record(looks.rotated, AT_ONCE, refused=OUTAGE), "Progressing", "InProgress"),
    State("ready, a revocation is refused", REVOCATION_REFUSED, "Degraded", "Failed"),
    State("ready, the previous token retires", record(looks.rotated), "Healthy", "Current"),
    State("suspended", SUSPENDED, "Suspended", "InProgress"),
    State("deleting", record(looks.settled, meta=GONE, before=READY, refused=OUTAGE), "Progressing", "Terminating"),
]
WITHOUT = [
    State("to be created", record(looks.by_hand, {"tokens": KEYS}), "Suspended", "InProgress"),
    State("to be submitted", record(looks.by_hand, {**HAND, **ORIGINS}), "Suspended", "InProgress"),
    State("key cannot be used", record(looks.with_bad_key, HAND), "Suspended", "InProgress"),
    State("key not published yet", record(looks.with_good_key, HAND, refused=RACE), "Progressing", "InProgress"),
    State(
        "key rejected, another proven", record(looks.with_good_key, HAND, refused=REJECTED), "Progressing", "InProgress"
    ),
    State(
        "origins to be corrected", record(looks.settled_by_hand(origins={"": True}), HAND), "Suspended", "InProgress"
    ),
    State("origins not tried yet", record(looks.settled_by_hand(origins={}), HAND), "Progressing", "InProgress"),
    State("key dead", record(looks.with_dead_key, HAND), "Suspended", "InProgress"),
    State("disabled by hand", record(looks.settled_by_hand(enabled=False), HAND), "Suspended", "InProgress"),
    State("ready by hand", record(looks.settled_by_hand(), HAND), "Healthy", "Current"),
    State("ready, another key is due", record(looks.settled_by_hand(looks.OLD), HAND), "Healthy", "Current"),
    State("key to be revoked", record(looks.settled_by_hand(), HAND, GONE), "Progressing", "Terminating"),
    State("credentials missing", record(looks.without_credentials, GRANT), "Suspended", "InProgress"),
    State("pending for a grant", PENDING_FOR_A_GRANT, "Suspended", "InProgress"),
    State("grant refused", record(looks.granted(), GRANT, refused=stalled("TokenRejected")), "Degraded", "Failed"),
    State("no access token yet", record(looks.granted(), GRANT, refused=OUTAGE), "Progressing", "InProgress"),
    State("ready, credentials gone", record(looks.without_renewal, GRANT), "Suspended", "InProgress"),
    State("ready by grant", record(looks.granted(pending=True), GRANT), "Healthy", "Current"),
]
IN_BETWEEN = [
    State("ready, then changed", later(READY, {"displayName": "Acme Invoices"}), "Progressing", "InProgress"),
    State("stalled, then corrected", later(NAME_TAKEN, {"displayName": "Acme 2"}), "Progressing", "InProgress"),
    State("about to be suspended", later(READY, {"suspend": True}), "Suspended", "InProgress"),
    State("to go on", later(SUSPENDED, {"suspend": False}), "Progressing", "InProgress"),
    State("about to go", later(READY, meta=GONE), "Progressing", "Terminating"),
    State("suspended, about to go", later(SUSPENDED, meta=GONE), "Progressing", "Terminating"),
    State("declined, about to go", later(record(looks.standing(DECLINED)), meta=GONE), "Progressing", "Terminating"),
]
APPS = [*WITH_A_CONSOLE, *WITHOUT, *IN_BETWEEN]
