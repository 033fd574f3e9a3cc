"""What the annotations of a Secret record of its token."""

from dataclasses import fields, replace

from tests.unit.examples import ONE, TWO, ready_world
from tests.unit.pretend import CLIENT_ID, NOON

from box_app_operator.model.box import UID
from box_app_operator.model.secret import PUBLISHED_AT, RECORD_NAMES, TokenRecord, annotations_of, read_record


def test_a_record_is_read_as_it_was_written() -> None:
    """Each of its fields has an annotation of its own."""
    record = TokenRecord(
        *(
            ONE.fingerprint,
            "viewer",
            NOON,
            UID("u"),
            NOON,
            TWO.fingerprint,
            NOON,
            "60d",
            "user:1",
            CLIENT_ID,
            NOON,
            NOON,
        ),
        *("now", 3, "p" * 16, "w" * 16),
    )
    plain = TokenRecord()
    assert all(getattr(record, field.name) != getattr(plain, field.name) for field in fields(TokenRecord))

    assert read_record(annotations_of(record)) == record
    assert annotations_of(record).keys() == RECORD_NAMES
    assert (annotations_of(plain), read_record({})) == ({}, plain)


def test_the_record_of_a_secret_is_what_the_operator_wrote() -> None:
    """Also where another writer changes it back each time."""
    secret = ready_world().observed.secret
    assert secret is not None
    assert secret.record == read_record(secret.annotations)
    assert secret.holds(secret.record.fingerprint)
    overruled = replace(secret, overruled={PUBLISHED_AT: NOON.isoformat()})
    assert overruled.record == replace(secret.record, published_at=NOON)
    assert not secret.holds(None)
