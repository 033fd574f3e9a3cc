"""A Secret as the operator remembers it, and what its annotations tell of the token in it. Values only.

They are written in one go with the token. They, not the status, say since when it has been there and what it took the
place of: a crash between the Secret and the status loses nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from box_app_operator.model.box import UID, ClientID, Fingerprint
from box_app_operator.model.conditions import parse_time

FINGERPRINT = "boxapps.dev/fingerprint"
SECRET_NAME = "boxapps.dev/secret-name"
PUBLISHED_AT = "boxapps.dev/published-at"
PUBLISHED_FOR = "boxapps.dev/published-for"
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
RECORD_NAMES = frozenset(
    {
        *(FINGERPRINT, SECRET_NAME, PUBLISHED_AT, MOVED_AT, ROTATED_AT, PREVIOUS, EXPIRY, SUBJECT, CLIENT_ID),
        *(ISSUED_AT, EXPIRES_AT, ROTATE_REQUEST, REPLACEMENTS, PARENT, WANTED, PUBLISHED_FOR),
    }
)
"""The annotations that record something of the token."""


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """What the annotations of a Secret tell of its token, nothing of what was removed or made unreadable by hand.

    ``fingerprint`` is the token that was written there, ``secret_name`` the Secret's name then, ``published_at`` when
    that was, and ``published_for`` the uid of the object that it was written for; ``moved_at`` is when the first token
    was written under this name, None unless renamed Secrets were still there when another followed. ``previous`` is the
    token that it took the place of, None for the first; ``rotated_at`` is when that happened, None when the previous
    one had been lost. ``expiry`` is the lifetime that was asked for, ``rotate_request`` the request for a rotation that
    it fulfils. ``subject`` is on whose behalf an access token was obtained, ``client_id`` with whose credentials.
    ``issued_at`` and ``expires_at`` are the token's own dates; without a console endpoint they are recorded nowhere
    else. ``replacements`` is how many lost tokens were replaced in a row until this one. Of a downscoped token,
    ``parent`` is the one that it was made from, and ``wanted`` stands for its scopes and resource.
    """

    fingerprint: Fingerprint | None = None
    secret_name: str | None = None
    published_at: datetime | None = None
    published_for: UID | None = None
    moved_at: datetime | None = None
    previous: Fingerprint | None = None
    rotated_at: datetime | None = None
    expiry: str | None = None
    subject: str | None = None
    client_id: ClientID | None = None
    issued_at: datetime | None = None
    expires_at: datetime | None = None
    rotate_request: str | None = None
    replacements: int = 0
    parent: str | None = None
    wanted: str | None = None


def read_record(annotations: Mapping[str, str]) -> TokenRecord:
    """What these annotations tell."""
    text = annotations.get
    return TokenRecord(
        fingerprint=Fingerprint(text(FINGERPRINT, "")) or None,
        secret_name=text(SECRET_NAME),
        published_at=parse_time(text(PUBLISHED_AT)),
        published_for=UID(text(PUBLISHED_FOR, "")) or None,
        moved_at=parse_time(text(MOVED_AT)),
        previous=Fingerprint(text(PREVIOUS, "")) or None,
        rotated_at=parse_time(text(ROTATED_AT)),
        expiry=text(EXPIRY),
        subject=text(SUBJECT),
        client_id=ClientID(text(CLIENT_ID, "")) or None,
        issued_at=parse_time(text(ISSUED_AT)),
        expires_at=parse_time(text(EXPIRES_AT)),
        rotate_request=text(ROTATE_REQUEST),
        replacements=_count(text(REPLACEMENTS, "")),
        parent=text(PARENT),
        wanted=text(WANTED),
    )


def _count(text: str) -> int:
    """A small number; 0 for anything else."""
    return int(text) if len(text) == 1 and text.isascii() and text.isdigit() else 0


def annotations_of(record: TokenRecord) -> dict[str, str]:
    """A record as annotations."""
    texts = {
        FINGERPRINT: record.fingerprint,
        SECRET_NAME: record.secret_name,
        PUBLISHED_AT: _written(record.published_at),
        PUBLISHED_FOR: record.published_for,
        MOVED_AT: _written(record.moved_at),
        PREVIOUS: record.previous,
        ROTATED_AT: _written(record.rotated_at),
        EXPIRY: record.expiry,
        SUBJECT: record.subject,
        CLIENT_ID: record.client_id,
        ISSUED_AT: _written(record.issued_at),
        EXPIRES_AT: _written(record.expires_at),
        ROTATE_REQUEST: record.rotate_request,
        REPLACEMENTS: str(record.replacements) if record.replacements else None,
        PARENT: record.parent,
        WANTED: record.wanted,
    }
    return {key: text for key, text in texts.items() if text}


def _written(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


@dataclass(frozen=True)
class SecretView:
    """A Secret as the operator remembers it: fingerprints of its values, never the values.

    ``fingerprints`` maps keys of ``data`` to the fingerprints of their values: the operator's own, and a bounded number
    of others. ``owner_uid`` is the uid of the controlling owner, ``owner_kind`` and ``owner_name`` say which object
    that is. ``overruled`` are annotations that another writer changes back each time, as the operator wrote them last.
    """

    namespace: str
    name: str
    uid: UID
    resource_version: str
    owner_uid: UID | None
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    fingerprints: Mapping[str, Fingerprint]
    owner_kind: str = ""
    owner_name: str = ""
    overruled: Mapping[str, str] = field(default_factory=dict)

    @property
    def effective_annotations(self) -> Mapping[str, str]:
        """The annotations that decisions rest on."""
        return {**self.annotations, **self.overruled} if self.overruled else self.annotations

    @cached_property
    def record(self) -> TokenRecord:
        """What they tell of the token, read once."""
        return read_record(self.effective_annotations)

    def holds(self, token: Fingerprint | None) -> bool:
        """Does it hold this value, under whatever key?"""
        return token in self.fingerprints.values()
