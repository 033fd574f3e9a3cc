"""What the annotations of a Secret tell of the token in it.

They are written in one go with the token. They, not the status, say since when it has been there and what it took the
place of: a crash between the Secret and the status loses nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from box_app_operator.model.box import ClientID, Fingerprint, SecretView
from box_app_operator.model.conditions import parse_time
from box_app_operator.model.desired import Desired, SecretKeys

FINGERPRINT = "boxapps.dev/fingerprint"
SECRET_NAME = "boxapps.dev/secret-name"
PUBLISHED_AT = "boxapps.dev/published-at"
MOVED_AT = "boxapps.dev/moved-at"
ROTATED_AT = "boxapps.dev/rotated-at"
PREVIOUS = "boxapps.dev/previous-fingerprint"
EXPIRY = "boxapps.dev/expiry"
SUBJECT = "boxapps.dev/subject"
CLIENT_ID = "boxapps.dev/client-id"
ISSUED_AT = "boxapps.dev/issued-at"
EXPIRES_AT = "boxapps.dev/expires-at"
ROTATE_REQUEST = "boxapps.dev/rotate-requested-at"
REPLACEMENTS = "boxapps.dev/replacements"
PARENT = "boxapps.dev/downscoped-from"
WANTED = "boxapps.dev/downscoped-as"
ADDED_LABELS = "boxapps.dev/added-labels"
ADDED_ANNOTATIONS = "boxapps.dev/added-annotations"
ADDED_KEYS = "boxapps.dev/added-keys"
OWN = frozenset(
    {
        *(FINGERPRINT, SECRET_NAME, PUBLISHED_AT, MOVED_AT, ROTATED_AT, PREVIOUS, EXPIRY, SUBJECT, CLIENT_ID),
        *(ISSUED_AT, EXPIRES_AT, ROTATE_REQUEST, PARENT, WANTED),
        *(REPLACEMENTS, ADDED_LABELS, ADDED_ANNOTATIONS, ADDED_KEYS),
    }
)
"""The annotations that the operator writes. Others of the same domain are not the operator's, and stay."""

_PLAIN = SecretKeys()
PLAIN_KEYS = frozenset({_PLAIN.token, _PLAIN.client_id, _PLAIN.slot, _PLAIN.expires_at})
"""The names of keys without ``spec.tokens.secret.keys``: the operator's own, also where no annotation says so."""


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """What the annotations of a Secret tell of its token.

    ``published_at`` is when it was written there; ``moved_at`` is when the first token was written under this name,
    None unless renamed Secrets were still there when another followed. ``previous`` is the token that it took the place
    of, None for the first; ``rotated_at`` is when that happened, None when the previous one had been lost. ``expiry``
    is the lifetime that was asked for, ``rotate_request`` the request for a rotation that it fulfils. ``subject`` is on
    whose behalf an access token was obtained, ``client_id`` with whose credentials. ``issued_at`` and ``expires_at``
    are the token's own dates; without a console endpoint they are recorded nowhere else. ``replacements`` is how many
    lost tokens were replaced in a row until this one.
    """

    published_at: datetime | None
    previous: Fingerprint | None
    rotated_at: datetime | None
    expiry: str | None
    rotate_request: str | None
    subject: str | None = None
    client_id: ClientID | None = None
    moved_at: datetime | None = None
    issued_at: datetime | None = None
    expires_at: datetime | None = None
    replacements: int = 0


def token_record_of(secret: SecretView) -> TokenRecord:
    """What the annotations of a Secret tell; nothing of what was removed or made unreadable by hand."""
    return token_record_in(secret.effective_annotations)


def token_record_in(annotations: Mapping[str, str]) -> TokenRecord:
    """What these annotations tell."""
    return TokenRecord(
        published_at=parse_time(annotations.get(PUBLISHED_AT)),
        previous=Fingerprint(annotations[PREVIOUS]) if annotations.get(PREVIOUS) else None,
        rotated_at=parse_time(annotations.get(ROTATED_AT)),
        expiry=annotations.get(EXPIRY),
        rotate_request=annotations.get(ROTATE_REQUEST),
        subject=annotations.get(SUBJECT),
        client_id=ClientID(annotations[CLIENT_ID]) if annotations.get(CLIENT_ID) else None,
        moved_at=parse_time(annotations.get(MOVED_AT)),
        issued_at=parse_time(annotations.get(ISSUED_AT)),
        expires_at=parse_time(annotations.get(EXPIRES_AT)),
        replacements=_count(annotations.get(REPLACEMENTS, "")),
    )


def _count(text: str) -> int:
    """A small number; 0 for anything else."""
    return int(text) if len(text) == 1 and text.isascii() and text.isdigit() else 0


def expiry_text(days: int | None) -> str:
    """A lifetime as the spec writes it."""
    return f"{days}d" if days is not None else "Never"


def annotations_of(record: TokenRecord) -> dict[str, str]:
    """A record as annotations; the token's own dates are written beside them."""
    texts = {
        PUBLISHED_AT: record.published_at.isoformat() if record.published_at else None,
        MOVED_AT: record.moved_at.isoformat() if record.moved_at else None,
        PREVIOUS: record.previous,
        ROTATED_AT: record.rotated_at.isoformat() if record.rotated_at else None,
        EXPIRY: record.expiry,
        SUBJECT: record.subject,
        CLIENT_ID: record.client_id,
        ROTATE_REQUEST: record.rotate_request,
        REPLACEMENTS: str(record.replacements) if record.replacements else None,
    }
    return {key: text for key, text in texts.items() if text}


def added(desired: Desired) -> dict[str, str]:
    """Annotations that tell which labels, annotations and keys come from the spec, and go when the spec drops them."""
    keys = desired.secret.keys
    names = {keys.token, keys.client_id, keys.slot, keys.expires_at}
    given = {
        ADDED_LABELS: desired.secret.labels.keys(),
        ADDED_ANNOTATIONS: desired.secret.annotations.keys(),
        ADDED_KEYS: names if names != PLAIN_KEYS else (),
    }
    return {key: ",".join(sorted(listed)) for key, listed in given.items() if listed}


def added_to(secret: SecretView, what: str) -> frozenset[str]:
    """What such an annotation of a Secret tells."""
    return frozenset(secret.effective_annotations.get(what, "").split(",")) - {""}
