"""Names of apps, which are unique across all of Box: what is said while another app has the wanted one."""

from dataclasses import dataclass, replace
from enum import Enum

from box_app_operator.model.conditions import Reason
from box_app_operator.model.desired import Desired
from box_app_operator.model.finding import Finding


def name_key(name: str) -> str:
    """What two names have in common that Box may take for the same one.

    Source: Box does not say whether upper and lower case differ; if they do, an app is woken in vain.
    """
    return name.casefold()


class Leaving(Enum):
    """How an app is about to give up its name. The values are the words for people."""

    DELETED = "is being deleted"
    RENAMED = "is about to be renamed"


@dataclass(frozen=True, slots=True)
class NameHolder:
    """Another BoxCustomApp, ``namespace`` and ``name``, whose app has the wanted name and is about to give it up."""

    namespace: str
    name: str
    leaving: Leaving


def wait_for_name(finding: Finding, desired: Desired, holder: NameHolder | None) -> Finding:
    """The finding about the registration: a name that is about to be free is waited for, and stalls no object.

    One of another namespace is another tenant's, and no name of it is shown.
    """
    if holder is None or not finding.stalled or finding.condition.reason != Reason.NAME_TAKEN:
        return finding
    known = holder.namespace == desired.namespace
    whose = f"BoxCustomApp {holder.namespace}/{holder.name}" if known else "a BoxCustomApp of another namespace"
    message = (
        f"The app of {whose} has the name {desired.display_name!r} and {holder.leaving.value}. "
        "You need not do anything: the registration continues as soon as the name is free in Box."
    )
    return replace(finding, stalled=False).with_message(message)
