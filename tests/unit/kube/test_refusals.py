"""What is shown of the API server's words about a Secret, and who is told to act upon them."""

import base64

import pytest

from box_app_operator.errors import OperatorError, StalledError, TransientError
from box_app_operator.kube.api import Cause, KubeError, KubeUnavailableError
from box_app_operator.kube.refusals import HIDDEN, LONGEST, refused_deletion, refused_write, shown
from box_app_operator.model.box import UID, fingerprint_of
from box_app_operator.model.secret import SecretView
from box_app_operator.ports import SecretWrite, Token
from box_app_operator.secret.contents import Contents

VALUE = "q7Zt3m9KpX2vB8nLr5Ys1Wc4Hd6Fg0Ja"
TOKEN = Token(VALUE)
OLD = "An0therT0kenThatStandsThereStill"
FIELDS = {
    "metadata.name": "spec.tokens.secret.name",
    "data": "spec.tokens.secret.keys",
    "metadata.labels": "spec.tokens.secret.labels",
}
WRITE = SecretWrite("viewer-box", "BOX_APP_TOKEN", TOKEN, {}, Contents(UID("u"), {}, {}, {}), FIELDS)
THERE = SecretView("billing", "viewer-box", UID("s"), "1", None, {}, {}, {"BOX_APP_TOKEN": fingerprint_of(OLD)})
POLICY = (
    "secrets \"viewer-box\" is forbidden: ValidatingAdmissionPolicy 'teams' with binding 'teams' denied request: "
    "every Secret carries the label 'team'"
)
QUOTA = 'secrets "viewer-box" is forbidden: exceeded quota: few, requested: count/secrets=1, used: count/secrets=0'
RIGHT = 'secrets is forbidden: User "system:serviceaccount:a:b" cannot create resource "secrets" in API group ""'
WEBHOOK = 'admission webhook "scan.example.com" denied the request: no'


def encoded(text: str) -> str:
    """As it stands in a Secret."""
    return base64.b64encode(text.encode()).decode()


def refuse(status: int, reason: str, said: str, *causes: Cause) -> OperatorError:
    """What becomes of an answer of the API server."""
    return refused_write(KubeError("PATCH /a/secret", status, reason, said, causes), WRITE, THERE)


@pytest.mark.parametrize(
    ("status", "reason", "said", "causes"),
    [
        (422, "Invalid", POLICY, (Cause("", "every Secret carries the label 'team'"),)),
        (403, "Forbidden", POLICY, (Cause("", "every Secret carries the label 'team'"),)),
        (403, "Forbidden", QUOTA, ()),
        (403, "Forbidden", RIGHT, ()),
        (422, "Invalid", WEBHOOK, (Cause("metadata.labels", "no"),)),
        (400, "BadRequest", WEBHOOK, ()),
        (422, "Invalid", 'Secret "viewer-box" is invalid: data: Forbidden: immutable', (Cause("data", "immutable"),)),
        (422, "Invalid", 'Secret "viewer-box" is invalid: type: no', (Cause("type", "no"),)),
        (413, "RequestEntityTooLarge", "the request is too large", ()),
    ],
)
def test_what_is_not_the_authors_is_tried_again_in_its_own_words(
    status: int, reason: str, said: str, causes: tuple[Cause, ...]
) -> None:
    """A policy, a quota, a right, a webhook, somebody who made it immutable: time, or somebody else, mends it."""
    error = refuse(status, reason, said, *causes)

    assert isinstance(error, TransientError)
    assert error.reason == "SecretRefused"
    assert error.message == f"Kubernetes refuses Secret 'viewer-box': {said}"


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("metadata.labels", "spec.tokens.secret.labels"),
        ("metadata.labels[team]", "spec.tokens.secret.labels"),
        ("metadata.name", "spec.tokens.secret.name"),
        ("data[..]", "spec.tokens.secret.keys"),
    ],
)
def test_what_the_author_wrote_is_named_by_its_field(path: str, field: str) -> None:
    """With the cause; nothing is tried again before the spec changes."""
    said = f'Secret "viewer-box" is invalid: {path}: Invalid value: "bad key": name part must consist of letters'
    error = refuse(422, "Invalid", said, Cause(path, 'Invalid value: "bad key": name part must consist of letters'))

    assert isinstance(error, StalledError)
    assert error.reason == "InvalidSpec"
    expected = f'Kubernetes refuses {field}: Invalid value: "bad key": name part must consist of letters'
    assert error.message == expected


def test_annotations_that_the_spec_does_not_give_are_not_the_authors() -> None:
    """Those of others may be too large as well."""
    said = 'Secret "viewer-box" is invalid: metadata.annotations: Too long'

    assert refuse(422, "Invalid", said, Cause("metadata.annotations", "Too long")).reason == "SecretRefused"


@pytest.mark.parametrize(("status", "reason"), [(409, "AlreadyExists"), (409, "Conflict"), (404, "NotFound")])
def test_a_race_is_no_refusal(status: int, reason: str) -> None:
    """It is looked at again, and no policy is blamed."""
    error = refuse(status, reason, "whatever")

    assert isinstance(error, TransientError)
    assert error.reason == "AwaitingToken"


def test_a_webhook_that_cannot_be_asked_is_named_and_an_outage_stays_one() -> None:
    """Both are 500: the API server says which."""
    down = KubeUnavailableError("POST /s answered 500", None, 'failed calling webhook "scan.example.com": refused')
    slow = KubeUnavailableError("POST /s answered 504", 3.0, "etcdserver: request timed out")

    assert "scan.example.com" in str(refused_write(down, WRITE, None))
    assert refused_write(slow, WRITE, None) is slow


def test_a_deletion_that_is_refused_says_why() -> None:
    """In the API server's words, too."""
    error = refused_deletion(KubeError("DELETE /s", 403, "Forbidden", RIGHT), "viewer-box")

    assert error.reason == "SecretRefused"
    assert RIGHT in error.message


@pytest.mark.parametrize(
    "quoted",
    [
        VALUE,
        encoded(VALUE),
        VALUE[:12],
        VALUE[-8:],
        encoded(VALUE)[5:20],
        f"data.BOX_APP_TOKEN={encoded(VALUE)}",
        OLD,
        encoded(OLD),
        f"data.BOX_APP_TOKEN={encoded(OLD)}",
    ],
)
def test_no_value_is_shown(quoted: str) -> None:
    """Neither the token that was sent nor what stood there, plain or in base64, nor a part of the one that was sent."""
    error = refuse(403, "Forbidden", f"policy says: '{quoted}' is bad")

    assert error.message == f"Kubernetes refuses Secret 'viewer-box': {HIDDEN}"


def test_what_looks_like_a_token_is_covered() -> None:
    """One that nobody here knows, in a policy's message about another Secret."""
    assert shown(f"compare with {VALUE}, please") == "compare with ***, please"
    assert shown("see validatingadmissionpolicies of 6e1f9f0c-6f0a-4f0e-9b43-000000000000") == (
        "see validatingadmissionpolicies of 6e1f9f0c-6f0a-4f0e-9b43-000000000000"
    )


def test_words_are_bounded_and_on_one_line() -> None:
    """They get into a condition and an Event."""
    assert shown("one\n\ttwo\u202e three\x00") == "one two  three "
    assert len(shown("no " * LONGEST)) == LONGEST + 3
