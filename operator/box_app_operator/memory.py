"""What is remembered of one object between passes."""

from __future__ import annotations

from dataclasses import dataclass, field

from box_app_operator.core.model import HeldToken, Refusal
from box_app_operator.core.steps import Step
from box_app_operator.ports import Token


@dataclass(slots=True)
class Memory:
    """What is remembered of one object between passes; lost in a crash, and nothing depends on it.

    ``held`` and ``token`` are a minted token that is not published yet. ``doubtful`` tells that a call's answer was
    lost. ``refusals`` hold until the spec changes, or the next resync.
    """

    held: HeldToken | None = None
    token: Token | None = None
    doubtful: bool = False
    refusals: dict[Step, Refusal] = field(default_factory=dict)
    failures: int = 0
    generation: int = 0
    request: str | None = None

    def hold(self, held: HeldToken, token: Token) -> None:
        """Keep a minted token until it is published."""
        self.held, self.token = held, token

    def let_go(self) -> None:
        """Forget the held token."""
        self.held = self.token = None
