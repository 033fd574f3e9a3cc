"""Doing, about tokens in Box: each mode obtains and ends them in its own way, and all of them are proven in one."""

from dataclasses import replace

from box_app_operator.cache.attempts import Memory
from box_app_operator.enterprise.protocols import Link
from box_app_operator.errors import FewerRightsError, TransientError
from box_app_operator.model.conditions import Reason
from box_app_operator.model.desired import Desired
from box_app_operator.model.observed import Observed
from box_app_operator.model.steps import Obtaining, ProveToken, RevokeDownscoped, RevokeSlot, RevokeToken, Revoking
from box_app_operator.modes.common.access import platform_of, revoke_downscoped_as
from box_app_operator.modes.common.client import ModeClient
from box_app_operator.ports import Cluster, Platform


async def change_token(
    step: Obtaining | ProveToken | Revoking | RevokeDownscoped,
    desired: Desired,
    observed: Observed,
    client: ModeClient,
    cluster: Cluster,
    link: Link,
    memory: Memory,
) -> str:
    """Do it; says for the log what was done."""
    match step:
        case ProveToken(fingerprint):
            return await _prove(fingerprint, platform_of(link), memory)
        case RevokeDownscoped():
            credentials = await client.credentials(desired)
            return await revoke_downscoped_as(credentials, step, desired.namespace, cluster, link, memory)
        case RevokeSlot() | RevokeToken():
            return await client.revoke_token(step, desired, observed, link, memory)
        case _:
            return await client.obtain_token(step, desired, link, memory)


async def _prove(fingerprint: str, platform: Platform, memory: Memory) -> str:
    pending, token = memory.pending, memory.token
    if pending is None or token is None:
        raise TransientError(Reason.AWAITING_TOKEN, f"Token {fingerprint} is not held any more")
    try:
        proven = await platform.accepts(token)
    except FewerRightsError:
        if pending.granted is None:
            raise
        # An access token may do what the app's scopes say, which need not be to read files.
        proven = True
    memory.pending = replace(pending, proven=proven)
    return f"token {fingerprint} is {'accepted' if proven else 'rejected'} by Box"
