"""What Box makes up: ids, secrets, tokens. All of it from a source that cannot be guessed."""

import secrets
import string

from box_sandbox.state.model import TokenKind

ALPHANUMERIC = string.ascii_letters + string.digits


def random_text(alphabet: str, length: int) -> str:
    """Text that cannot be guessed."""
    return "".join(secrets.choice(alphabet) for _ in range(length))


def new_client_id() -> str:
    """32 lower-case letters and digits, as in every example of box/developer.box.com."""
    return random_text(string.ascii_lowercase + string.digits, 32)


def new_client_secret() -> str:
    """32 letters and digits, as in the example of Box OpenAPI 2024.0."""
    return random_text(ALPHANUMERIC, 32)


def new_login(app_number: str) -> str:
    """The address of a service account (box/developer.box.com, pages/platform/user-types)."""
    return f"AutomationUser_{app_number}_{random_text(ALPHANUMERIC, 10)}@boxdevedition.com"


def new_token(kind: TokenKind) -> str:
    """Keys have 32 letters and digits (box/developer.box.com, applications/app-tokens), others are long.

    Those begin with ``1!`` (authentication/tokens/downscope). That developer tokens look like keys is assumed.
    """
    if kind in ("app_token", "developer"):
        return random_text(ALPHANUMERIC, 32)
    return f"1!{random_text(ALPHANUMERIC + '-_', 86)}"
