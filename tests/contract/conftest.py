"""The operator's clients for a sandbox in this process."""

import pytest
from tests.contract.clients import Clients
from tests.sandbox.conftest import box, clock, loopback, open_box, serve, silent
from tests.sandbox.world import Box

__all__ = ["box", "clock", "loopback", "open_box", "serve", "silent"]


@pytest.fixture
def clients(open_box: Box) -> Clients:
    """The operator's clients for it."""
    return Clients(open_box.client)
