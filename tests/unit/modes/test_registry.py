"""Each mode has rules and calls, and each object one mode."""

from dataclasses import replace

import pytest
from tests.unit.shell import Shell
from tests.unit.strategies import DESIRED

from box_app_operator.model.desired import ClientGrant, Desired
from box_app_operator.model.observed import Mode
from box_app_operator.modes.clients import make_clients
from box_app_operator.modes.registry import RULES, mode_of

KEYS = replace(DESIRED, import_from="keys")
GRANT = replace(KEYS, grant=ClientGrant("creds", "enterprise", "1"))
MODES = [(KEYS, True, Mode.AUTOMATED, None), (KEYS, False, Mode.ASSISTED, "keys")]
MODES += [(GRANT, has_console, Mode.CLIENT_CREDENTIALS, "creds") for has_console in (True, False)]


@pytest.mark.parametrize(("desired", "has_console", "mode", "awaited"), MODES)
def test_the_mode_tells_which_secret_is_waited_for(
    shell: Shell, desired: Desired, has_console: bool, mode: Mode, awaited: str | None
) -> None:
    """Authentication and enterprise tell the mode."""
    clients = make_clients(shell.store, shell.cluster, shell)

    assert mode_of(desired, has_console=has_console) is mode
    assert clients[mode].awaited_secret(desired) == awaited
    assert set(clients) == set(RULES) == set(Mode)
