"""What the clients of all modes share: the way to Box, and ending tokens with the secret of a client."""

from box_app_operator.cache.attempts import Memory
from box_app_operator.enterprise.protocols import Link
from box_app_operator.errors import AwaitingHumanError, StalledError, TransientError
from box_app_operator.model.conditions import Reason
from box_app_operator.model.desired import Desired
from box_app_operator.model.platform_view import Verdict
from box_app_operator.model.steps import RevokeDownscoped
from box_app_operator.modes.common.keys import client_value
from box_app_operator.ports import Cluster, Console, Platform, Token

Client = tuple[str, Token]
"""Client id and client secret."""


def console_of(link: Link) -> Console:
    """The enterprise's console endpoint.

    Raises:
        TransientError: it is being connected anew.
    """
    if link.console is None:
        raise TransientError(Reason.BOX_UNAVAILABLE, "There is no connection to the console")
    return link.console


def platform_of(link: Link) -> Platform:
    """Box's public API.

    Raises:
        TransientError: it is being connected anew.
    """
    if link.platform is None:
        # That it succeeds is no news to the link, so that the object would not be woken.
        raise TransientError(Reason.BOX_UNAVAILABLE, "The connection to Box is being set up again")
    return link.platform


async def client_of(desired: Desired, cluster: Cluster) -> Client | None:
    """The client of an app with App Tokens, if the spec names both its id and its secret, and that can be one."""
    secret = client_value(await given_secret(desired, cluster))
    return (desired.client_id, Token(secret)) if desired.client_id and secret else None


async def given_secret(desired: Desired, cluster: Cluster) -> bytes:
    """What stands where the client's secret should be."""
    if desired.client_secret is None:
        return b""
    name, key = desired.client_secret
    return (await cluster.read_values(desired.namespace, name) or {}).get(key, b"")


async def revoke_as(client: Client, token: Token, link: Link, memory: Memory) -> str:
    """End a token with the secret of its client.

    Raises:
        AwaitingHumanError: Box does not let this client do it.
    """
    try:
        await platform_of(link).revoke(token, *client)
    except StalledError as error:
        memory.answers.revocation_refused = True
        raise AwaitingHumanError(Reason.AWAITING_TOKEN, error.message, detail=error.detail) from None
    memory.answers.verdicts[token.fingerprint] = Verdict.DEAD
    memory.drop_pending(token.fingerprint)
    return f"revoked token {token.fingerprint}"


async def revoke_downscoped_as(
    client: Client | None, step: RevokeDownscoped, namespace: str, cluster: Cluster, link: Link, memory: Memory
) -> str:
    """End a downscoped token. One that Box does not let this client revoke is left to its end, which is near.

    Source: Box does not say whether ``POST /oauth2/revoke`` takes downscoped tokens.
    """
    token = await cluster.read_token(namespace, step.secret, step.fingerprint)
    done = f"revoked downscoped token {step.fingerprint}"
    if token is None or client is None:
        done = f"left downscoped token {step.fingerprint} to its end: its value or the credentials are gone"
    else:
        try:
            await platform_of(link).revoke(token, *client)
        except StalledError as error:
            done = f"left downscoped token {step.fingerprint} to its end: {error.message}"
    memory.answers.ended.add(step.fingerprint)
    return done
