"""Why the API server did not take a write of a Secret: its own words, as far as they may be shown.

Whoever refuses may quote the object: a policy with a message of its own, a webhook, even the API server. The token, or
a good part of it, must not get into a status that way.
"""

import base64
import binascii
import re
from collections.abc import Collection, Iterator
from http import HTTPStatus

from box_app_operator.errors import OperatorError, StalledError, TransientError
from box_app_operator.kube.api import Cause, KubeError, KubeUnavailableError
from box_app_operator.model.box import Fingerprint, fingerprint_of
from box_app_operator.model.conditions import Reason
from box_app_operator.model.secret import SecretView
from box_app_operator.ports import SecretWrite, Token

LONGEST = 500
"""So many characters of what is said are shown."""
PIECE = 8
"""So many characters of a token in a row are taken for a part of it."""
HIDDEN = "(its message is not shown, because it quotes a value)"
_WORDS = (re.compile(r"[A-Za-z0-9+/_=.~!-]{16,}"), re.compile(r"[A-Za-z0-9+/]{16,}={0,2}"))
_RANDOM = re.compile(r"(?=[A-Za-z+/]*[0-9])[A-Za-z0-9+/]{24,}={0,2}")


def refused_write(
    error: KubeError | KubeUnavailableError, secret: SecretWrite, existing: SecretView | None
) -> OperatorError:
    """What it means for the object that its Secret was not written."""
    if isinstance(error, KubeUnavailableError):
        # The API server itself is well: whom it had to ask does not answer.
        return _refused(secret, existing, error.said) if "webhook" in error.said else error
    if error.reason == "AlreadyExists":
        # Whose it is shows at the next look; only a look may call it a conflict.
        return TransientError(Reason.AWAITING_TOKEN, f"Secret {secret.name!r} appeared meanwhile")
    if error.status in (HTTPStatus.CONFLICT, HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        return TransientError(Reason.AWAITING_TOKEN, f"Secret {secret.name!r} changed meanwhile")
    authors = _authors(error, secret)
    if authors is not None:
        field, message = authors
        return StalledError(Reason.INVALID_SPEC, f"Kubernetes refuses {field}: {_shown(message, secret, existing)}")
    return _refused(secret, existing, error.said or str(error))


def refused_deletion(error: KubeError, name: str) -> TransientError:
    """What it means for the object that a Secret was not deleted."""
    message = f"Kubernetes does not let the operator delete Secret {name!r}: {shown(error.said or str(error))}"
    return TransientError(Reason.SECRET_REFUSED, message)


def _refused(secret: SecretWrite, existing: SecretView | None, said: str) -> TransientError:
    message = f"Kubernetes refuses Secret {secret.name!r}: {_shown(said, secret, existing)}"
    return TransientError(Reason.SECRET_REFUSED, message)


def _authors(error: KubeError, secret: SecretWrite) -> Cause | None:
    """What the API server's own validation finds wrong with what the spec gives, by the field of the spec.

    A policy can answer 422 as well: it names no field, and begins with who it is.
    Source: k8s.io/apiserver, admission/plugin/policy/validating, and admission/plugin/webhook/errors.
    """
    if error.status != HTTPStatus.UNPROCESSABLE_ENTITY or not error.said.startswith("Secret "):
        return None
    for cause in error.causes:
        # A whole ``data`` that is refused is too large or immutable, which is not the spec's fault.
        path = next((path for path in secret.fields if cause.field.startswith(path)), None)
        if path is not None and cause.field != "data":
            return Cause(secret.fields[path], cause.message)
    return None


def _shown(said: str, secret: SecretWrite, existing: SecretView | None) -> str:
    return shown(said, secret.token, existing.fingerprints.values() if existing is not None else ())


def shown(said: str, token: Token | None = None, known: Collection[Fingerprint] = ()) -> str:
    """What was said, without any value of a Secret, on one line and bounded.

    Args:
        token: the token that was sent.
        known: fingerprints of values that were in the Secret before.
    """
    text = " ".join(said[: 4 * LONGEST].split())
    text = "".join(character if character.isprintable() else " " for character in text)
    candidates = (word for pattern in _WORDS for word in pattern.findall(text)) if known else ()
    if (token is not None and _quotes(text, token)) or any(_is_value(word, known) for word in candidates):
        return HIDDEN
    text = _RANDOM.sub("***", text)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _quotes(text: str, token: Token) -> bool:
    return any(piece in text for piece in _pieces(token))


def _pieces(token: Token) -> Iterator[str]:
    """All parts of the token that are long enough to be no accident, also as the API server has it, in base64."""
    value = token.reveal()
    for form in (value, base64.b64encode(value.encode()).decode()):
        yield from (form[start : start + PIECE] for start in range(max(1, len(form) - PIECE + 1)))


def _is_value(word: str, known: Collection[Fingerprint]) -> bool:
    """Is it a value that was in the Secret, plain or in base64?"""
    try:
        plain = base64.b64decode(word, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        plain = ""
    return fingerprint_of(word) in known or (plain != "" and fingerprint_of(plain) in known)
