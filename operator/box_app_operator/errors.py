"""The three errors that a pass can meet; anything else is a bug.

    OperatorError
    ├── TransientError       time heals it: look again after a while
    │   └── ForbiddenError   Kubernetes: a right is missing
    ├── AwaitingHumanError   a Box admin or a person at the console must act: look again at the next change
    │   └── FewerRightsError a token is live, and may do less than an App Token
    └── StalledError         the author of the spec must act: look again when the spec changes

Foreign exceptions are translated into these in ``box`` and ``kube``, and nowhere else. Messages never hold a token.
"""

KUBERNETES_UNAVAILABLE = "KubernetesUnavailable"
KUBERNETES_CONFLICT = "KubernetesConflict"
"""Reasons of errors that no condition has: there they count as NotYetKnown."""


class OperatorError(Exception):
    """Something that kept a step from being done.

    Attributes:
        reason: a ``Reason`` of ``model.conditions``, or one of the two above.
        message: who must do what next, or what is waited for; the same for the same trouble, so that a status that
            shows it is not written anew at every try.
        detail: what differs from try to try, for the log only: a request id, seconds.
    """

    def __init__(self, reason: str, message: str, *, detail: str = "") -> None:
        super().__init__(f"{message} ({detail})" if detail else message)
        self.reason = reason
        self.message = message
        self.detail = detail


class TransientError(OperatorError):
    """Time heals it: no answer, 429, 5xx, garbage, or a write that lost a race.

    Attributes:
        retry_after_seconds: what the other side asked for; None when it said nothing.
        uncertain: the effect may have happened although no answer came.
        unreachable: no answer at all, so that another call would only wait as long.
    """

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        detail: str = "",
        retry_after_seconds: float | None = None,
        uncertain: bool = False,
        unreachable: bool = False,
    ) -> None:
        super().__init__(reason, message, detail=detail)
        self.retry_after_seconds = retry_after_seconds
        self.uncertain = uncertain
        self.unreachable = unreachable


class ForbiddenError(TransientError):
    """Kubernetes refuses for want of a right, which may be granted any moment."""


class AwaitingHumanError(OperatorError):
    """A Box admin, or a person at the console, must act."""


class FewerRightsError(AwaitingHumanError):
    """Box knows the token, and does not let it read files, which every App Token may."""


class StalledError(OperatorError):
    """The author of the spec must act."""
