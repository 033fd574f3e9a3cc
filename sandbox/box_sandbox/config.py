"""How the sandbox runs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

ACCESS_TOKEN_SECONDS = 4175
"""As in the sample of box/developer.box.com, authentication/tokens/downscope.

That tokens for client credentials live as long is assumed: authentication/client-credentials speaks of 60 minutes, and
samples of other grants of a little more.
"""


@dataclass(frozen=True, slots=True)
class SandboxConfig:
    """How the sandbox runs.

    ``auto_approve_seconds``: how long after its submission an app is authorized, None for never.
    ``requests_per_minute``: per caller, Box documents 1000 per user. ``reveal_issued_tokens``: tests may read every
    token's value back; Box never allows that. ``console_enabled``: is there a Console API? Box has none.
    ``access_token_seconds``: how long downscoped tokens and those for client credentials live.
    ``clock_offset_seconds``: how far Box's clock is ahead of this machine's, negative when it is behind.
    ``app_tokens_without_users_me``: App Tokens, and what is downscoped from them, may not ask who they act as.
    """

    console_token: str
    admin_token: str
    auto_approve_seconds: float | None = None
    taken_names: tuple[str, ...] = ()
    requests_per_minute: int = 1000
    reveal_issued_tokens: bool = False
    state_file: Path | None = None
    console_enabled: bool = True
    access_token_seconds: int = ACCESS_TOKEN_SECONDS
    clock_offset_seconds: float = 0.0
    app_tokens_without_users_me: bool = False
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
