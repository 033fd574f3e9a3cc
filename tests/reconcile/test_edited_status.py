"""An app is not let go for a word in its status: the last look is for the operator's own mark."""

from typing import Any

import pytest
from tests.contract.clients import Clients
from tests.reconcile.test_passes import KEY, Stage
from tests.sandbox.world import Box, ManualClock

from box_app_operator.model.box import AppID


@pytest.mark.parametrize("said", ["4711", "../../x", "", 7, None])
async def test_a_wrong_app_id_does_not_let_the_app_live_on(
    open_box: Box, clients: Clients, clock: ManualClock, said: Any
) -> None:
    """The listing does not know the app, and somebody edited ``status.appID``: it is found by its reference."""
    stage = Stage(open_box, clients, clock)
    await stage.approve()
    await stage.turn()
    app = stage.app
    stage.link.listing.drop(AppID(app["id"]))
    stage.change_app(status={**stage.status, "appID": said})
    stage.delete()

    await stage.reconciler.reconcile(KEY)

    assert stage.app["id"] == app["id"]
    assert stage.app["tokens"] == {"primary": None, "secondary": None}
    assert stage.store.apps.get(KEY) is None
