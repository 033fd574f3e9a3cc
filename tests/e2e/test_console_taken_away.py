"""A BoxEnterprise loses its console endpoint: apps that were registered through it are a person's from then on."""

import pytest
from tests.e2e.people import await_step
from tests.e2e.story import await_gone, await_one_token, box_app, live_tokens, make_ready

from playground import Playground
from playground.play import GROUP

pytestmark = pytest.mark.usefixtures("operator_runs")
WITHOUT = {"spec": {"console": {"mode": "Assisted", "url": None, "credentialsSecretRef": None}}}


def test_an_app_that_was_registered_is_not_forgotten(play: Playground, ns: str) -> None:
    """Its client id is asked for; deletion waits until Box accepts its token no longer."""
    corp = f"{ns}-corp"
    play.enterprise(corp, resyncInterval="1s")
    client_id = make_ready(play, ns, enterpriseRef={"name": corp})["status"]["clientID"]
    token = await_one_token(play, ns)

    play.cluster.patch(f"{GROUP}/boxenterprises/{corp}", WITHOUT)

    assert client_id in await_step(play, ns, "into spec.clientID")
    assert play.get(ns, "viewer")["status"]["clientID"] == client_id
    play.cluster.delete(play.path(ns, "viewer"))
    assert await_step(play, ns, "Press Revoke") == "Press Revoke for the Primary Access Token."
    assert live_tokens(play, box_app(play, ns)) == [token]

    play.box.revoke_key(f"{ns} viewer")

    await_gone(play, ns)
