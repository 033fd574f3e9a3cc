"""Keys that people hand over: what Box is asked about them and how often, what is held, and who ends them."""

from typing import Any

import pytest
from tests.unit.shell import S, Shell

from box_app_operator.cache.attempts import PlatformAnswers
from box_app_operator.cache.identities import Identities
from box_app_operator.errors import AwaitingHumanError, TransientError
from box_app_operator.model.box import ClientID, Slot, UnlistedTokens
from box_app_operator.model.observed import Observed
from box_app_operator.model.platform_view import Verdict
from box_app_operator.model.steps import RevokeToken
from box_app_operator.modes.assisted.client import AssistedClient
from box_app_operator.modes.assisted.observe import SAMPLE_HOST, AssistedObserver
from box_app_operator.modes.assisted.proof import BoxAccess
from box_app_operator.modes.assisted.slots import choose_pending
from box_app_operator.ports import Token

SECRET = {"clientSecretRef": {"name": "client", "key": "secret"}}
WILDCARD = {"cors": {"domains": ["https://*.a.example"]}}


class Stage(Shell):
    """An app that people made, with a key in each slot, and a Box that notes what it is asked."""

    def __init__(self, **spec: Any) -> None:
        super().__init__(clientID="client-1", tokens={"importFrom": {"name": "keys"}}, **spec)
        self.app, self.asked = self.register(), list[str]()
        self.keys = {
            slot: self.box.generate(self.app.id, slot, 60, by_hand=True) for slot in (Slot.SECONDARY, Slot.PRIMARY)
        }
        self.cluster.kept["keys"] = {str(slot): key.reveal() for slot, key in self.keys.items()}
        self.cluster.kept["client"] = {"secret": "s" * 32}
        for name in ("prove", "identify", "allows_origin", "revoke"):
            setattr(self.box, name, self._noted(name, getattr(self.box, name)))

    def _noted(self, name: str, call: Any) -> Any:
        async def noted(token: Token, *more: Any) -> Any:
            self.asked += [name, *(each for each in more if isinstance(each, str))]
            return await call(token, *more)

        return noted

    async def look(self) -> Observed:
        """One look; the questions of earlier ones do not count."""
        self.asked.clear()
        box = BoxAccess(self.box, self.link.identities, None)
        return await AssistedObserver(self.cluster).look(self.desired, Observed(), box, self.memory.answers, self.now())


async def test_a_key_is_asked_about_once_and_held_until_it_is_published() -> None:
    """Of two the one in the primary slot. An origin is tried once, too, until a resync if it is not as it should be."""
    stage = Stage(**WILDCARD)
    sample, each = f"https://{SAMPLE_HOST}.a.example", ["prove", "identify"]

    seen = await stage.look()

    assert stage.asked == [*each, *each, "allows_origin", sample]
    assert seen.pending is not None
    held = stage.memory.value_of(seen.pending.fingerprint)
    assert held is not None
    assert held.reveal() == stage.keys[Slot.PRIMARY].reveal()
    assert seen.unlisted is not None
    assert seen.unlisted.slots == {key.fingerprint: slot for slot, key in stage.keys.items()}
    tokens = {
        slot: token
        for token in seen.unlisted.issued
        for slot in Slot
        if seen.unlisted.slot_of(token.fingerprint) is slot
    }
    assert seen.pending == choose_pending(stage.desired, Observed(), seen.platform_view.keys, tokens)
    await stage.look()
    assert stage.asked == []
    stage.memory.clear_refusals()
    await stage.look()
    assert stage.asked == ["prove", "prove", "allows_origin", sample]


async def test_of_keys_of_two_apps_the_first_one_counts() -> None:
    """Whatever their order in the Secret; the message says which it was."""
    stage = Stage()
    other = stage.box.register("Others", "")
    stage.box.decide(other.id, S.AUTHORIZED, enabled=True)
    key = stage.box.generate(other.id, Slot.SECONDARY, 60, by_hand=True)
    stage.cluster.kept["keys"] = {"secondary": key.reveal(), "primary": stage.keys[Slot.PRIMARY].reveal()}

    first, second = (await stage.look()).platform_view.keys

    assert (first.verdict, second.verdict) == (Verdict.LIVE, Verdict.OTHER_APP)
    assert second.message.endswith(f", not to app {stage.app.id}. Key 'primary' came first.")


async def test_a_key_that_box_does_not_identify_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as Box accepts it: nobody can tell whose it is."""
    stage = Stage()
    assert not (await stage.look()).platform_view.unidentified

    async def narrow(_: Token) -> Verdict:
        return Verdict.NARROW

    monkeypatch.setattr(stage.box, "identify", narrow)
    stage.memory.answers, stage.link.identities = PlatformAnswers(), Identities()
    assert (await stage.look()).platform_view.unidentified


@pytest.mark.parametrize(("spec", "lost"), [(SECRET, "nothing"), (SECRET, "client"), (SECRET, "keys"), ({}, "nothing")])
async def test_a_key_is_revoked_with_the_secret_of_its_client(spec: Any, lost: str) -> None:
    """By its value. Where either is lost, a person does it, in the slot that it stands in, and Box is not asked."""
    stage, person = Stage(**spec), not spec or lost != "nothing"
    stage.cluster.kept.pop(lost, None)
    key = stage.keys[Slot.SECONDARY].fingerprint
    source = UnlistedTokens(ClientID("client-1"), (), {key: Slot.SECONDARY})
    client, args = AssistedClient(stage.store, stage.cluster, stage), (stage.link, stage.memory)
    call = client.revoke_token(RevokeToken(key), stage.desired, Observed(unlisted=source), *args)
    if person:
        with pytest.raises(AwaitingHumanError, match="Press Revoke for the Secondary Access Token"):
            await call
    else:
        await call
    assert stage.asked == ([] if person else ["revoke", "client-1"])
    assert (key in stage.box.live(stage.app.id)) == person


@pytest.mark.parametrize("replaced", [False, True])
async def test_only_the_connection_that_is_in_use_can_be_found_broken(replaced: bool) -> None:
    """A call that was under way while the enterprise connected anew fails, too, and is no reason to do it again."""
    stage = Stage()

    async def fail(_: Token) -> Any:
        stage.link.platform = None if replaced else stage.link.platform
        raise TransientError("BoxUnavailable", "no answer (RuntimeError)", uncertain=True, unreachable=True)

    stage.box.prove = fail  # type: ignore[method-assign]
    client = AssistedClient(stage.store, stage.cluster, stage)
    with pytest.raises(TransientError):
        await client.observe(stage.desired, Observed(), stage.link, stage.memory.answers)

    assert stage.link.suspected == (0 if replaced else 1)
    assert stage.memory.answers.verdicts == {}
