"""The door of a mode, as decisions see it: what is decided in one mode and not in another. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from box_app_operator.model.conditions import Condition
from box_app_operator.model.desired import Desired
from box_app_operator.model.finding import Finding
from box_app_operator.model.observed import Observed
from box_app_operator.tokens.refused import Published, Refused


class ModeRules(Protocol):
    """The rules of one mode. They are stateless.

    Attributes:
        sees_whole_app: does Box tell all of an app, so that nothing about it stays unknown for want of a token?
        tokens_end_soon: do all its tokens end by themselves within hours, so that nothing has to be revoked for good?
    """

    sees_whole_app: bool
    tokens_end_soon: bool

    def check_app(self, desired: Desired, observed: Observed, now: datetime) -> tuple[Finding, ...]:
        """What is found about ``Registered``, which comes first, ``CORSSynced`` and ``Authorized``.

        In the order of their steps.
        """

    def check_tokens(self, desired: Desired, observed: Observed, now: datetime, restart_window: timedelta) -> Finding:
        """What is found about ``TokenReady``: the rules for tokens, with what this mode makes of their steps."""

    def check_refused(self, published: Published, observed: Observed, now: datetime) -> Refused | None:
        """Does Box refuse the published token? None also where that cannot be known."""

    def finish_deletion(self, desired: Desired, observed: Observed, now: datetime) -> Finding:
        """What is left to do in Box before the object may be removed. There is an app, and it is this object's."""

    def describe_app(
        self, desired: Desired, observed: Observed, conditions: Sequence[Condition], now: datetime
    ) -> dict[str, Any]:
        """The fields of ``status`` that say which app it is: appID, clientID, consoleURL, authorization, corsDomains.

        Those that are None are left out.
        """
