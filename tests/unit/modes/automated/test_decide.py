"""What is decided about an app that the console endpoint lists."""

from dataclasses import replace

import pytest
from tests.unit.examples import CORS, WITH_CORS, look, ready_world, standing
from tests.unit.pretend import APP_ID, NOON, decide

from box_app_operator.model.box import AuthorizationState
from box_app_operator.model.steps import RenameApp, SetCorsDomains, SubmitApp
from box_app_operator.modes.automated.decide import AutomatedRules


def test_steps_come_in_the_order_in_which_the_admin_should_see_them() -> None:
    """CORS domains are set before the app is submitted."""
    world = standing(AuthorizationState.NOT_SUBMITTED, cors_domains=CORS)
    world = look(world, app=replace(world.app, name="Old", cors_domains=()))

    assert [type(step) for step in decide(world).steps] == [RenameApp, SetCorsDomains, SubmitApp]
    found = AutomatedRules().check_app(world.desired, world.observed, NOON)
    assert [finding.condition.type for finding in found] == ["Registered", "CORSSynced", "Authorized"]


@pytest.mark.parametrize(
    "there", ["https://APP.acme.com", "HTTPS://app.acme.com", "https://app.acme.com:443", "HTTPS://app.ACME.com:443"]
)
def test_origins_are_compared_as_browsers_send_them(there: str) -> None:
    """Scheme and host have no case, and a scheme's own port says nothing."""
    world = look(ready_world(WITH_CORS), app=replace(ready_world(WITH_CORS).app, cors_domains=(there,)))

    assert decide(world).steps == ()


@pytest.mark.parametrize(
    "there", [("https://app.acme.com:80",), ("http://app.acme.com",), (), (*CORS, "https://b.acme.com")]
)
def test_another_port_scheme_or_number_of_origins_is_drift(there: tuple[str, ...]) -> None:
    """Drift is corrected with the whole list of the spec."""
    world = look(ready_world(WITH_CORS), app=replace(ready_world(WITH_CORS).app, cors_domains=there))

    assert decide(world).steps == (SetCorsDomains(APP_ID, CORS),)
