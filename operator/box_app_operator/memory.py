"""What is remembered of one object between passes. Lost in a crash, and nothing depends on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from box_app_operator.core.model import Desired, HeldToken, Refusal, RefusalKind
from box_app_operator.core.steps import Step
from box_app_operator.ports import Token


@dataclass(slots=True)
class Memory:
    """The memory of one object.

    ``held`` and ``token`` are a minted token that is not published yet. ``doubtful`` tells that a call's answer was
    lost. ``refusals`` are steps that are not tried again for now; ``failures`` counts passes in a row that met trouble.
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

    def renew(self, desired: Desired) -> None:
        """A new spec, or a new wish to reconcile, makes refused steps worth another try."""
        asked_anew = desired.reconcile_request not in (None, self.request)
        if desired.generation != self.generation or asked_anew:
            self.refusals.clear()
        self.generation = desired.generation
        if asked_anew:
            self.request = desired.reconcile_request

    def people_acted(self) -> None:
        """Something changed in Box: what waited for a person there is worth another try."""
        self._keep(lambda refusal: refusal.kind is not RefusalKind.AWAITING_HUMAN)

    def expire(self, now: datetime) -> None:
        """Let go of refusals whose time is over."""
        self._keep(lambda refusal: refusal.until is None or refusal.until > now)

    def _keep(self, wanted: Callable[[Refusal], bool]) -> None:
        self.refusals = {step: refusal for step, refusal in self.refusals.items() if wanted(refusal)}

    @property
    def in_trouble(self) -> bool:
        """Is there anything that time will heal?"""
        return any(refusal.kind is RefusalKind.TRANSIENT for refusal in self.refusals.values())

    @property
    def retry_at(self) -> datetime | None:
        """When the first refused step may be tried again."""
        return min((refusal.until for refusal in self.refusals.values() if refusal.until), default=None)
