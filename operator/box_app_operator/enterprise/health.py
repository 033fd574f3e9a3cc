"""The health of one enterprise: what is known of it, since when, and whether that is worth telling. No I/O."""

import logging
from datetime import datetime

from box_app_operator.errors import AwaitingHumanError, OperatorError, StalledError, TransientError
from box_app_operator.model.box import Problem
from box_app_operator.model.conditions import Condition, Reason

logger = logging.getLogger(__name__)

REFUSED = frozenset({Reason.CREDENTIAL_REJECTED, Reason.CREDENTIAL_FORBIDDEN})
"""What is there and of no use: nothing continues before the owner changes it. What is missing is waited for instead."""
WELL = Condition("Ready", "True", Reason.READY, "The console and the platform answer, and the credential is accepted.")


class Health:
    """Follows tries and their outcomes.

    Attributes:
        problem: what keeps Box from being asked; None when nothing does.
        probed: did any try end yet, well or not?
        stalled: must the owner of the enterprise change what is there?
        failures: tries in a row that failed.
        tried_generation: of the BoxEnterprise's spec that all this speaks of; None before the first try ended.
    """

    def __init__(self, name: str) -> None:
        self.problem: Problem | None = None
        self.probed = False
        self.stalled = False
        self.failures = 0
        self.tried_generation: int | None = None
        self._name = name
        self._trying_generation = 0
        self._failing_since: datetime | None = None
        self._trouble: Condition | None = None

    @property
    def is_sound(self) -> bool:
        """Did the last try end well?"""
        return self.probed and self._failing_since is None

    @property
    def condition(self) -> Condition | None:
        """The BoxEnterprise's own ``Ready``; None while nothing is known."""
        if not self.probed:
            return None
        return self._trouble if self.problem is not None else WELL

    def begin(self, generation: int) -> None:
        """Another try begins, with the spec of this generation."""
        self._trying_generation = generation

    def keep(self, generation: int) -> None:
        """The spec is of this generation now, and differs in nothing that a try depends on: what is known holds."""
        if self.tried_generation == self._trying_generation:
            self.tried_generation = generation
        self._trying_generation = generation

    def forget(self) -> None:
        """It is another console now: nothing is known of it."""
        self.probed = False

    def well(self) -> bool:
        """The try went well. Tells whether that is news."""
        recovered, first = self.problem is not None, self._is_first_word()
        self.problem, self.probed, self.stalled = None, True, False
        self.failures, self._failing_since = 0, None
        if recovered:
            logger.info("BoxEnterprise %s: reachable again", self._name)
        return recovered or first

    def failed(self, error: OperatorError, now: datetime) -> bool:
        """The try failed. Tells whether that is news; a single stumble is none."""
        self.failures += 1
        self._failing_since = self._failing_since or now
        known = self.probed and self.tried_generation == self._trying_generation
        if isinstance(error, TransientError) and self.failures == 1 and known and self.problem is None:
            logger.warning("BoxEnterprise %s: %s", self._name, error)
            return False
        return self._note(error, self._failing_since)

    def _note(self, error: OperatorError, since: datetime) -> bool:
        before = self._trouble if self.problem is not None else None
        waits_for_owner = isinstance(error, AwaitingHumanError | StalledError)
        reason = Reason.ENTERPRISE_NOT_READY if waits_for_owner else Reason.BOX_UNAVAILABLE
        message = f"BoxEnterprise {self._name!r} is not ready: {error.message}" if waits_for_owner else error.message
        first = self._is_first_word()
        self.stalled = isinstance(error, StalledError) or error.reason in REFUSED
        self.problem, self.probed = Problem(reason, message, since), True
        self._trouble = Condition("Ready", "False", error.reason, error.message)
        # What the owner must do is logged whenever its text changes; an outage only when its kind does.
        changed = before is None or before.reason != error.reason or (waits_for_owner and before != self._trouble)
        if first or changed:
            logger.log(logging.INFO if waits_for_owner else logging.WARNING, "BoxEnterprise %s: %s", self._name, error)
        return first or changed

    def _is_first_word(self) -> bool:
        """Is this the first that is known of the spec as it is now?"""
        first = self.tried_generation != self._trying_generation
        self.tried_generation = self._trying_generation
        return first or not self.probed
