"""Looking at an app that uses the Client Credentials Grant: its credentials, and the access token in the Secret.

Box lists no access tokens: the Secret's annotations tell the dates of the one that is published, memory those of one
that is not yet. Earlier ones end by themselves within the hour.
"""

from collections.abc import Mapping
from dataclasses import replace

from box_app_operator.cache.attempts import PlatformAnswers
from box_app_operator.model.box import ClientID, IssuedToken, UnlistedTokens
from box_app_operator.model.desired import Desired
from box_app_operator.model.observed import Observed
from box_app_operator.model.platform_view import PlatformView
from box_app_operator.model.secret import SecretView
from box_app_operator.modes.common.keys import client_value, complaint_about
from box_app_operator.ports import Cluster, Token
from box_app_operator.secret.published import client_said_by, own_secret, token_of

CLIENT_ID, CLIENT_SECRET = "clientID", "clientSecret"


class Grants:
    """Adds to an observation what can be known of an app with the Client Credentials Grant."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def look(self, desired: Desired, seen: Observed, answers: PlatformAnswers) -> Observed:
        """No call to Box: a token proves itself when it is given out."""
        values = await self._values(desired)
        credentials = _credentials(values)
        trouble = _trouble(desired.grant.secret, values) if credentials is None and desired.grant is not None else None
        given = ClientID(credentials[0]) if credentials is not None else None
        tokens = _tokens(desired, seen, answers, given)
        known = given or next((token.client_id for token in tokens), None) or seen.remembered.client_id
        source = UnlistedTokens(known, tokens, follows_spec=False)
        platform_view = PlatformView(
            trouble=trouble,
            unauthorized=answers.unauthorized,
            can_revoke=credentials is not None,
            ended=frozenset(answers.ended),
        )
        return replace(seen, unlisted=source, platform_view=platform_view)

    async def credentials(self, desired: Desired) -> tuple[str, Token] | None:
        """Client id and client secret; None while either is missing, or can be none."""
        return _credentials(await self._values(desired))

    async def _values(self, desired: Desired) -> Mapping[str, bytes]:
        if desired.grant is None:
            return {}
        return await self._cluster.read_values(desired.namespace, desired.grant.secret) or {}


def _credentials(values: Mapping[str, bytes]) -> tuple[str, Token] | None:
    client_id, secret = (client_value(values.get(key, b"")) for key in (CLIENT_ID, CLIENT_SECRET))
    return (client_id, Token(secret)) if client_id and secret else None


def _trouble(secret: str, values: Mapping[str, bytes]) -> str:
    """Why the credentials cannot be used, and what to do."""
    given = (key for key in (CLIENT_ID, CLIENT_SECRET) if values.get(key, b"").strip())
    wrong = next((key for key in given if client_value(values[key]) is None), None)
    if wrong is not None:
        return f"{complaint_about(secret, wrong)} Put it there as the Developer Console shows it under Configuration."
    return (
        f"Secret {secret!r} with the keys {CLIENT_ID!r} and {CLIENT_SECRET!r} is missing. Create it with what the "
        "Developer Console shows under Configuration."
    )


def _tokens(
    desired: Desired, seen: Observed, answers: PlatformAnswers, given: ClientID | None
) -> tuple[IssuedToken, ...]:
    """The published token, if the Secret still tells all of it, and the one that is pending.

    Args:
        given: the client id of the credentials as they are now.
    """
    tokens = []
    secret = own_secret(desired, seen)
    published = _published(secret, desired, (given, seen.remembered.client_id)) if secret is not None else None
    if published is not None and published.fingerprint not in answers.ended:
        tokens.append(published)
    if seen.pending is not None and seen.pending.granted is not None:
        tokens.append(seen.pending.granted)
    return tuple(tokens)


def _published(secret: SecretView, desired: Desired, known: tuple[ClientID | None, ...]) -> IssuedToken | None:
    record, fingerprint = secret.record, token_of(secret, desired)
    client_id = client_said_by(secret, known)
    if fingerprint is None or record.fingerprint != fingerprint or client_id is None:
        return None
    if record.issued_at is None or record.expires_at is None:
        return None
    return IssuedToken(fingerprint, record.issued_at, record.expires_at, client_id=client_id)
