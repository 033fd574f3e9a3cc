"""Where people go: addresses of Box's consoles. None is guessed; those that Box does not promise say so."""

from __future__ import annotations

from box_app_operator.model.box import AppID

CONSOLE = "https://app.box.com/developers/console"
"""The Developer Console. Source: box/developer.box.com."""
ADMIN_APPS = "https://app.box.com/master/platform-apps"
"""The Platform Apps Manager of the Admin Console; observed in public repositories, not promised by Box."""


def app_page(app_id: AppID) -> str:
    """An app's page in the Developer Console. Source: box/developer.box.com, pages/platform/user-types."""
    return f"{CONSOLE}/app/{app_id}"
