"""Looking at the credentials of an app with the Client Credentials Grant."""

from dataclasses import replace

import pytest
from tests.unit.modes.common.test_keys import Secrets
from tests.unit.strategies import DESIRED

from box_app_operator.cache.attempts import PlatformAnswers
from box_app_operator.model.desired import ClientGrant, Desired
from box_app_operator.model.observed import Observed
from box_app_operator.modes.client_credentials.observe import Grants


def granted(**values: bytes) -> tuple[Grants, Desired]:
    """An app whose Secret with client credentials holds these values."""
    desired = replace(DESIRED, client_id=None, grant=ClientGrant("creds", "enterprise", "1"))
    return Grants(Secrets(**values)), desired  # type: ignore[arg-type]  # it reads nothing else


@pytest.mark.parametrize("key", ["clientID", "clientSecret"])
@pytest.mark.parametrize("value", ["gehéim".encode(), b"a\x00b", b"x" * 513])
async def test_credentials_that_can_be_none_are_not_sent(key: str, value: bytes) -> None:
    """Key and Secret are named, and what to do; no value is said."""
    grants, desired = granted(**{"clientID": b"id", "clientSecret": b"secret", key: value})

    seen = await grants.look(desired, Observed(), PlatformAnswers())

    assert await grants.credentials(desired) is None
    assert seen.platform_view.trouble is not None
    assert seen.platform_view.trouble.startswith(
        f"Key {key!r} of Secret 'creds' cannot be used: it has characters other than "
    )
    assert seen.platform_view.trouble.endswith("Put it there as the Developer Console shows it under Configuration.")


@pytest.mark.parametrize("values", [{}, {"clientID": b"id"}, {"clientID": b"id", "clientSecret": b" \n"}])
async def test_missing_credentials_are_asked_for(values: dict[str, bytes]) -> None:
    """Also when they are empty."""
    grants, desired = granted(**values)

    assert "is missing. Create it" in (
        (await grants.look(desired, Observed(), PlatformAnswers())).platform_view.trouble or ""
    )
