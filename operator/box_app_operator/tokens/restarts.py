"""Restarting the workloads that a spec names, once for each token.

A workload is marked with the fingerprint in its pod template, which makes Kubernetes roll it out, and with the time of
the restart beside it. The time is what counts: a workload that several apps name was restarted for all of them when it
was restarted after the last of their publications.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from box_app_operator.model.box import known_token
from box_app_operator.model.conditions import Reason
from box_app_operator.model.desired import WorkloadRef
from box_app_operator.model.finding import Notice
from box_app_operator.model.observed import WorkloadView
from box_app_operator.model.steps import RestartWorkload
from box_app_operator.tokens.active import Current

TOKEN_MARK = "boxapps.dev/token"
"""On the pod template, and so on every pod: the fingerprint of the token that it was restarted for."""
RESTARTED_AT = "boxapps.dev/restarted-at"
"""On the workload itself: when the operator restarted it last."""
MISSED = timedelta(hours=1)
"""So long after a publication a workload is still restarted, although the previous token is gone. Later a workload that
is added to the list would be restarted for a rotation of long ago."""


RESTART_TIMEOUT = timedelta(minutes=5)
"""So long the previous token waits for restarts: a workload that cannot be restarted holds nothing up for ever."""
LOOK_AGAIN = timedelta(minutes=1)
"""After a workload could not be looked at."""


@dataclass(frozen=True, slots=True)
class Restarts:
    """What is left to restart. ``pending`` tells that some of it has not happened yet."""

    steps: tuple[RestartWorkload, ...] = ()
    pending: bool = False
    look_again_at: datetime | None = None
    notices: tuple[Notice, ...] = ()
    message: str = ""


def concerned(current: Current) -> tuple[WorkloadRef, ...]:
    """The workloads that may have to be restarted for the active token: none for the first token of all."""
    record = current.record
    if record.previous is None:
        return ()
    if known_token(current.source, record.previous) is None and current.now >= current.replaced_at + MISSED:
        return ()
    return tuple(ref for ref in current.desired.rotation.restart if str(ref) not in current.restarted)


def restart_at(ref: WorkloadRef, current: Current, window: timedelta) -> datetime:
    """When a workload may be restarted: at once, or after the window in which others that name it may rotate too."""
    return current.replaced_at + (window if ref in current.observed.shared else timedelta())


def check_restarts(current: Current, window: timedelta) -> Restarts:
    """Which workloads come next, and which cannot be restarted."""
    steps, waits, missing, unseen = [], [], [], []
    for ref in concerned(current):
        view, at = current.observed.workloads.get(ref), restart_at(ref, current, window)
        if current.now < at:
            waits.append(at)
        elif view is None:
            unseen.append(ref)
        elif not view.exists:
            missing.append(ref)
        elif not _is_restarted(view, current):
            steps.append(RestartWorkload(ref, current.fingerprint))
    notices = tuple(_missing(ref) for ref in missing)
    sentences = [notice.message for notice in notices] + [
        f"{ref} cannot be read, so it is not restarted yet." for ref in unseen
    ]
    moments = [*waits, *([current.now + LOOK_AGAIN] if unseen else [])]
    return Restarts(
        steps=tuple(steps),
        pending=bool(steps or moments) and current.now < current.replaced_at + window + RESTART_TIMEOUT,
        look_again_at=min(moments, default=None),
        notices=notices,
        message=" ".join(sentences),
    )


def _is_restarted(view: WorkloadView, current: Current) -> bool:
    """Are its pods made anew since the publication, by the operator or by Stakater Reloader?"""
    by_reloader = view.reloader_auto or current.desired.secret.name in view.reloader_secrets
    if by_reloader or view.token == current.fingerprint:
        return True
    return view.restarted_at is not None and view.restarted_at >= current.replaced_at


def restarted(current: Current) -> list[str]:
    """The workloads of the spec that were restarted for the active token, as "Kind/name"."""
    seen = {
        str(ref)
        for ref, view in current.observed.workloads.items()
        if current.record.previous is not None and view.exists and _is_restarted(view, current)
    }
    refs = map(str, current.desired.rotation.restart)
    return [ref for ref in refs if ref in seen or ref in current.restarted]


def _missing(ref: WorkloadRef) -> Notice:
    return Notice(
        Reason.WORKLOAD_NOT_FOUND,
        f"{ref} of spec.tokens.rotation.restart does not exist. The rotation continues without it. Create it, or "
        "remove it from the list.",
    )
