"""Access tokens: with whose credentials they are obtained and ended, and what is remembered of each."""

from datetime import timedelta

import pytest
from tests.fakes.box import ACCESS_SECONDS
from tests.unit.shell import Shell

from box_app_operator.errors import AwaitingHumanError, TransientError
from box_app_operator.model.box import ClientID, IssuedToken
from box_app_operator.model.observed import Observed
from box_app_operator.model.steps import ObtainAccessToken, RevokeToken
from box_app_operator.modes.client_credentials.client import ClientCredentialsClient

GIVEN = {"secretRef": {"name": "creds"}, "subject": {"type": "enterprise", "id": "7"}}


class Stage(Shell):
    """An app whose credentials are there."""

    def __init__(self) -> None:
        super().__init__(authentication="ClientCredentials", clientCredentials=GIVEN)
        self.cluster.kept["creds"] = {"clientID": "granted-1", "clientSecret": "s" * 32}
        self.client = ClientCredentialsClient(self.cluster, self)

    async def obtain(self, error: Exception | None = None) -> IssuedToken | None:
        """Exchange the credentials; Box may answer with an error."""

        def answer() -> None:
            if error is not None:
                raise error

        self.box.before_grant = answer
        await self.client.obtain_token(ObtainAccessToken(), self.desired, self.link, self.memory)
        return self.memory.pending.granted if self.memory.pending is not None else None

    async def revoke(self, token: IssuedToken) -> str:
        """End an access token."""
        step = RevokeToken(token.fingerprint)
        return await self.client.revoke_token(step, self.desired, Observed(), self.link, self.memory)


async def test_an_access_token_is_held_with_what_box_says_once() -> None:
    """Dates and client id; also that the admin has not authorized the app. Without an answer nothing is held."""
    stage = Stage()
    with pytest.raises(AwaitingHumanError, match="An admin must"):
        await stage.obtain(AwaitingHumanError("PendingApproval", "An admin must authorize it."))
    assert stage.memory.answers.unauthorized
    with pytest.raises(TransientError):
        await stage.obtain(TransientError("BoxUnavailable", "no answer"))
    assert (stage.memory.pending, stage.memory.answers.unauthorized) == (None, True)

    token = await stage.obtain()

    (live,) = stage.box.live_access("granted-1")
    ends = stage.now() + timedelta(seconds=ACCESS_SECONDS)
    assert token == IssuedToken(live, stage.now(), ends, client_id=ClientID("granted-1"))
    assert not stage.memory.answers.unauthorized


async def test_box_is_asked_with_whole_credentials_only() -> None:
    """To obtain a token and to end one; one that was revoked is held no longer, and does not count any more."""
    stage = Stage()
    token = await stage.obtain()
    assert token is not None
    secret = stage.cluster.kept["creds"].pop("clientSecret")
    with pytest.raises(TransientError, match="not there any more"):
        await stage.obtain()
    with pytest.raises(AwaitingHumanError, match="credentials are gone"):
        await stage.revoke(token)
    assert stage.box.live_access() == {token.fingerprint}

    stage.cluster.kept["creds"]["clientSecret"] = secret
    await stage.revoke(token)

    assert (stage.box.live_access(), stage.memory.pending) == (set(), None)
    assert stage.memory.answers.ended == {token.fingerprint}
