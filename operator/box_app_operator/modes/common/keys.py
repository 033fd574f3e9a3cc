"""Reading what people hand over in Secrets: App Tokens, client ids and client secrets.

A value is in memory for one look at the object; longer only that of a key which stands in a slot of the app.
"""

from collections.abc import Iterable

from box_app_operator.cache.attempts import PlatformAnswers
from box_app_operator.model.box import Fingerprint, Slot
from box_app_operator.model.desired import Desired
from box_app_operator.model.observed import Observed
from box_app_operator.model.platform_view import KeyView, Verdict
from box_app_operator.ports import Cluster, Token
from box_app_operator.secret.published import own_secrets

NO_KEY = "1!"
"""So begin tokens that the OAuth endpoints give out. Source: Box's notice of 2021 about longer tokens, which App Tokens
were exempt from."""
MAX_BYTES = 512
"""An App Token and a client secret have 32 characters, an access token about a hundred."""


class Keys:
    """The keys of one object during one look.

    Attributes:
        found: the values that were read so far, by fingerprint.
    """

    def __init__(self, cluster: Cluster, desired: Desired, seen: Observed, answers: PlatformAnswers) -> None:
        self._cluster = cluster
        self._desired = desired
        self._seen = seen
        self.found: dict[Fingerprint, Token] = dict(answers.values)

    async def handed_over(self) -> tuple[KeyView, ...]:
        """The keys in the Secret that the spec names, ``primary`` first."""
        name = self._desired.import_from
        values = await self._cluster.read_values(self._desired.namespace, name) if name is not None else None
        return tuple(self._read(slot, values[str(slot)]) for slot in Slot if values is not None and str(slot) in values)

    async def value(self, fingerprint: Fingerprint) -> Token | None:
        """The value of a key, as far as it was read already or a Secret of the object's own holds it."""
        if fingerprint not in self.found:
            for secret in own_secrets(self._desired, self._seen):
                if secret.holds(fingerprint):
                    token = await self._cluster.read_token(self._desired.namespace, secret.name, fingerprint)
                    self.found |= {fingerprint: token} if token is not None else {}
        return self.found.get(fingerprint)

    async def any_value(self, fingerprints: Iterable[Fingerprint]) -> Token | None:
        """The value of the first of these keys that has one."""
        for fingerprint in fingerprints:
            token = await self.value(fingerprint)
            if token is not None:
                return token
        return None

    def _read(self, slot: Slot, raw: bytes) -> KeyView:
        """A key as a person put it there; white space around it is not meant."""
        raw = raw.strip()
        text = visible(raw)
        complaint = _complaint(raw, text)
        if complaint or text is None:
            return KeyView(slot, None, Verdict.UNREADABLE, complaint)
        token = Token(text)
        self.found[token.fingerprint] = token
        return KeyView(slot, token.fingerprint, Verdict.LIVE)


def _complaint(raw: bytes, text: str | None) -> str:
    if not raw:
        return "it is empty."
    if len(raw) > MAX_BYTES:
        return f"it has {len(raw)} bytes, and no key has more than {MAX_BYTES}; put one key there and nothing else."
    if text is None:
        return "it is not text; put the key there as the console shows it."
    if len(text.split()) > 1:
        return "there is white space inside; put one key there and nothing else."
    if text.startswith(NO_KEY):
        return f"it is no key of an app, for it begins with {NO_KEY!r}; is it a downscoped token?"
    return ""


def visible(raw: bytes) -> str | None:
    """The text without the white space around it; None for what is too long or not printable ASCII.

    No client id, client secret or token has other characters. Source: RFC 6749, appendix A.
    """
    if len(raw) > MAX_BYTES:
        return None
    try:
        text = raw.decode("ascii").strip()
    except UnicodeDecodeError:
        return None
    return text if all(character.isprintable() or character.isspace() for character in text) else None


def complaint_about(secret: str, key: str) -> str:
    """What is wrong with a value that is there and can be neither client id nor client secret."""
    return (
        f"Key {key!r} of Secret {secret!r} cannot be used: it has characters other than ASCII letters, digits and "
        f"punctuation, or more than {MAX_BYTES} bytes."
    )


def client_value(raw: bytes) -> str | None:
    """A client id or a client secret; None for what can be none."""
    text = visible(raw.strip())
    return text if text and text.isprintable() else None
