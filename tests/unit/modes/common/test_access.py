"""What the modes share: ending tokens with the secret of a client, and which of several objects has an app."""

from typing import Any

import pytest
from tests.fakes.cluster import manifest
from tests.fakes.fates import Fate
from tests.unit.pretend import CLIENT_ID
from tests.unit.shell import Shell

from box_app_operator.cache.cluster import NamespaceView
from box_app_operator.errors import AwaitingHumanError, StalledError, TransientError
from box_app_operator.model.box import UID
from box_app_operator.model.steps import RevokeDownscoped
from box_app_operator.modes.common.access import revoke_as, revoke_downscoped_as
from box_app_operator.modes.common.claims import first_claim
from box_app_operator.modes.common.findings import managed_elsewhere
from box_app_operator.ports import Token

CLIENT = "client-1", Token("s" * 32)


def refuse(*_: Any) -> None:
    """Box does not let this client revoke."""
    raise StalledError("TokenRejected", "Not this client.")


async def test_a_token_counts_as_alive_until_its_end_is_known(shell: Shell) -> None:
    """Without an answer, and where a person must end it because Box does not let the client."""
    token, _ = shell.generate(app := shell.register())
    for before_revoke, error in ((shell.box.before_revoke, TransientError), (refuse, AwaitingHumanError)):
        shell.box.before_revoke = before_revoke
        shell.fail_next(Fate.LOST_BEFORE if error is TransientError else Fate.OK)
        with pytest.raises(error):
            await revoke_as(CLIENT, token, shell.link, shell.memory)
        answers = shell.memory.answers
        assert (answers.verdicts, answers.revocation_refused, shell.memory.token) == (
            {},
            before_revoke is refuse,
            token,
        )
    shell.box.before_revoke = lambda *_: None

    await revoke_as(CLIENT, token, shell.link, shell.memory)

    assert ([*shell.memory.answers.verdicts], shell.memory.token) == ([token.fingerprint], None)
    assert shell.box.live(app.id) == set()


@pytest.mark.parametrize(("client", "refused"), [(CLIENT, False), (CLIENT, True), (None, False)])
async def test_a_downscoped_token_keeps_nobody_waiting(shell: Shell, client: Any, refused: bool) -> None:
    """What cannot be revoked ends by itself, soon, and is tried once."""
    token, _ = shell.generate(app := shell.register())
    shell.cluster.data["less"] = {"token": token.reveal()}
    shell.box.before_revoke = refuse if refused else shell.box.before_revoke
    step = RevokeDownscoped("less", token.fingerprint)

    await revoke_downscoped_as(client, step, "billing", shell.cluster, shell.link, shell.memory)

    assert shell.memory.answers.ended == {token.fingerprint}
    assert (shell.box.live(app.id) == set()) == (client is not None and not refused)


OLDER, TEAM = "2020-01-01T00:00:00Z", {"box": "yes"}


@pytest.mark.parametrize(
    ("created", "spec", "labels", "owner"),
    [
        (OLDER, {}, TEAM, "elsewhere/viewer"),
        ("2027-01-01T00:00:00Z", {}, TEAM, None),
        (OLDER, {"enterpriseRef": {"name": "other"}}, TEAM, None),
        (OLDER, {"clientID": "b" * 32}, TEAM, None),
        (OLDER, {}, {}, None),
    ],
    ids=["older", "younger", "other enterprise", "other app", "namespace not allowed"],
)
def test_the_oldest_that_could_have_the_app_counts(created: str, spec: Any, labels: Any, owner: str | None) -> None:
    """One of another namespace is not named: it is another tenant's."""
    shell = Shell(clientID=CLIENT_ID)
    shell.link.selector = {"matchLabels": TEAM}
    body = manifest(uid="older", created=created, **{"clientID": CLIENT_ID, **spec})
    shell.store.put_app({**body, "metadata": {**body["metadata"], "namespace": "elsewhere"}})
    for namespace, has in (("billing", TEAM), ("elsewhere", labels)):
        shell.store.put_namespace(namespace, NamespaceView(UID(namespace), "1", has))

    assert first_claim(shell.desired, shell.store, shell.link) == owner
    assert "elsewhere" not in managed_elsewhere(shell.desired, "elsewhere/viewer").condition.message
    assert "billing/other" in managed_elsewhere(shell.desired, "billing/other").condition.message
