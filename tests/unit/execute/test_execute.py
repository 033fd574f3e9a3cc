"""Steps, performed: what is done, and what is remembered where it is not known whether it was."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.fakes.fates import Fate
from tests.unit.examples import ONE
from tests.unit.shell import S, Shell

from box_app_operator.errors import FewerRightsError, OperatorError, TransientError
from box_app_operator.execute.app import change_app
from box_app_operator.execute.cluster import ClusterExecutor
from box_app_operator.execute.executor import Executor
from box_app_operator.execute.secret import SecretExecutor
from box_app_operator.execute.token import change_token
from box_app_operator.model import steps
from box_app_operator.model.box import AppID, PendingToken, Slot
from box_app_operator.model.desired import DownscopedSpec, WorkloadRef
from box_app_operator.model.observed import Mode, Observed, WorkloadView
from box_app_operator.modes.clients import make_clients
from box_app_operator.ports import Token

APP, TOKEN, WEB, NAME = AppID("1"), Token("t" * 32), WorkloadRef("Deployment", "web"), "viewer-box-token"
LESS = DownscopedSpec("less", ("item_preview",), None, timedelta(minutes=5))
MINT, CREATE = steps.MintToken(APP, Slot.PRIMARY, 60), steps.CreateApp("Viewer", "billing/viewer/u", "key")
CHANGES: list[Any] = [steps.RenameApp(APP, "Other"), steps.SetCorsDomains(APP, ("https://a.example",))]
CHANGES += [steps.SubmitApp(APP), steps.DeleteApp(APP)]
IN_BOX = [*CHANGES, CREATE, MINT, steps.ProveToken(TOKEN.fingerprint), steps.RefreshDownscoped(LESS, ONE.fingerprint)]


@pytest.mark.parametrize("fate", [Fate.OK, Fate.LOST_BEFORE, Fate.LOST_AFTER])
@pytest.mark.parametrize("step", CHANGES)
async def test_the_listing_has_what_box_answered(shell: Shell, step: Any, fate: Fate) -> None:
    """At once, before it is refreshed. Without an answer it stays as it was, and the step can be repeated."""
    before = shell.register(S.NOT_SUBMITTED)
    shell.fail_next(fate)
    if fate is not Fate.OK:
        with pytest.raises(TransientError):
            await change_app(step, shell.box, shell.link.listing)
        assert shell.link.listing.by_id(APP) == before
    await change_app(step, shell.box, shell.link.listing)
    assert shell.link.listing.by_id(APP) == shell.box.apps.get(APP) != before


@pytest.mark.parametrize("held", [True, False])
async def test_the_enterprise_is_held_before_the_object(held: bool) -> None:
    """Where that fails the object gets no finalizer: nothing could be tidied up in Box."""

    class Enterprises(Shell):
        """They can be held, or not."""

        @contextlib.asynccontextmanager
        async def kept(self, name: str) -> AsyncIterator[None]:
            """Hold one until the finalizer is written."""
            if not held:
                raise TransientError("KubernetesUnavailable", name)
            yield
            assert self.cluster.writes == ["finalizer"]

    shell = Enterprises()
    executor = ClusterExecutor(shell.store, shell.cluster, shell.memory, shell, shell)
    with contextlib.nullcontext() if held else pytest.raises(TransientError, match="default"):
        await executor.execute(steps.AddFinalizer(), shell.resource)
    assert shell.cluster.writes == ["finalizer"] * held


async def test_a_workload_is_restarted_as_it_was_seen_and_once() -> None:
    """Never unseen; one that changed since is looked at again."""
    shell, step = Shell(), steps.RestartWorkload(WEB, ONE.fingerprint)
    executor = ClusterExecutor(shell.store, shell.cluster, shell.memory, shell, shell)
    shell.cluster.workloads[WEB] = WorkloadView(WEB, resource_version="7")
    for seen in ({}, {WEB: WorkloadView(WEB, resource_version="6")}):
        shell.memory.workloads = seen
        with pytest.raises(TransientError):
            await executor.execute(step, shell.resource)
        assert shell.memory.workloads == {}
    shell.memory.workloads = dict(shell.cluster.workloads)
    await executor.execute(step, shell.resource)
    assert shell.cluster.restarts == [(WEB, ONE.fingerprint)]
    assert shell.memory.workloads == shell.cluster.workloads


@pytest.mark.parametrize("fate", [Fate.LOST_BEFORE, Fate.LOST_AFTER])
async def test_a_token_is_held_until_its_secret_is_known_to_be_written(shell: Shell, fate: Fate) -> None:
    """The value may be nowhere else. Then it is let go, and put right in its Secret beside the next that waits."""
    token, observed = shell.generate(app := shell.register())
    executor = SecretExecutor(shell.store, shell.cluster, shell.memory, shell)
    shell.fail_next(fate)
    with pytest.raises(TransientError):
        await executor.publish(steps.PublishSecret(token.fingerprint), shell.resource, observed)
    assert (shell.memory.token, shell.store.secret("billing", NAME)) == (token, None)

    seen = replace(observed, secret=shell.cluster.secrets.get(NAME))
    await executor.publish(steps.PublishSecret(token.fingerprint), shell.resource, seen)
    assert (shell.memory.token, shell.store.secret("billing", NAME)) == (None, shell.cluster.secrets[NAME])

    pending, observed = shell.generate(app, Slot.SECONDARY)
    seen = replace(observed, secret=shell.cluster.secrets[NAME])
    await executor.publish(steps.PublishSecret(token.fingerprint, ("label x",)), shell.resource, seen)
    assert (shell.memory.token, shell.cluster.values["BOX_APP_TOKEN"]) == (pending, token.reveal())


async def test_a_downscoped_token_is_made_once_however_often_its_secret_is_tried() -> None:
    """Each exchange would leave another live one."""
    shell = Shell(downscopedTokens=[{"secretName": "less", "scopes": ["item_preview"], "refreshBefore": "5m"}])
    token, observed = shell.generate(shell.register())
    executor = SecretExecutor(shell.store, shell.cluster, shell.memory, shell)
    await executor.publish(steps.PublishSecret(token.fingerprint), shell.resource, observed)
    step = steps.RefreshDownscoped(shell.desired.downscoped[0], token.fingerprint)
    for fates in ([Fate.OK, Fate.OK, Fate.LOST_BEFORE], [Fate.LOST_BEFORE]):
        shell.fail_next(*fates)
        with pytest.raises(TransientError):
            await executor.refresh(step, shell.resource, observed, shell.box)
    await executor.refresh(step, shell.resource, observed, shell.box)
    assert (
        [*shell.cluster.secrets["less"].fingerprints.values()][-1] in shell.box.children,
        shell.memory.exchanged,
    ) == (True, {})
    assert len(shell.box.children) == 1


NARROW = FewerRightsError("TokenRejected", "It may not read files.")


@pytest.mark.parametrize(
    ("answer", "granted", "proven"),
    [(True, None, True), (False, None, False), (NARROW, None, None), (NARROW, ONE, True)],
)
async def test_what_box_says_of_the_pending_token_is_remembered(answer: Any, granted: Any, proven: bool | None) -> None:
    """An access token may do what the app's scopes say, so that Box knows it is enough."""
    shell, step = Shell(), steps.ProveToken(TOKEN.fingerprint)
    client = make_clients(shell.store, shell.cluster, shell)[Mode.AUTOMATED]

    async def accepts(token: Token) -> Any:
        assert token is TOKEN
        if isinstance(answer, OperatorError):
            raise answer
        return answer

    shell.box.accepts = accepts  # type: ignore[method-assign]
    pending = PendingToken(TOKEN.fingerprint, granted=granted)
    shell.memory.set_pending(pending, TOKEN)
    with contextlib.nullcontext() if proven is not None else pytest.raises(FewerRightsError):
        await change_token(step, shell.desired, Observed(), client, shell.cluster, shell.link, shell.memory)
    assert shell.memory.pending == replace(pending, proven=proven)


@pytest.mark.parametrize("linked", [False, True], ids=["gone", "connecting"])
@pytest.mark.parametrize("step", [*IN_BOX, steps.RemoveFinalizer()])
async def test_only_a_step_in_the_cluster_needs_no_link(shell: Shell, step: steps.Step, linked: bool) -> None:
    """An object can go when its enterprise is gone. Box is as it was, also where all is at hand that a step needs."""
    clients, link = make_clients(shell.store, shell.cluster, shell), shell.link if linked else None
    shell.memory.set_pending(PendingToken(TOKEN.fingerprint), TOKEN)
    shell.link.console = shell.link.platform = None
    executor = Executor(shell.store, shell.cluster, clients, shell.memory, shell, link, shell)
    with pytest.raises(TransientError, match=r"gone|connection") if step in IN_BOX else contextlib.nullcontext():
        await executor.execute(step, shell.resource, Observed())
    assert (shell.box.apps, shell.cluster.writes) == ({}, [] if step in IN_BOX else ["finalizer"])
