"""Whether a list of the API server can be later than what is remembered, or was the cluster put back to an earlier day?

In one history resource versions of a kind only grow: a list that is asked for now has everything that was known before,
or something newer. After etcd was restored from a snapshot it has not.
"""

from collections.abc import Mapping

from box_app_operator.model.box import UID


def contradiction(known: Mapping[UID, int], latest: int, listed: Mapping[UID, int], version: int) -> str | None:
    """What shows that a list belongs to another history; None when it can be later than what is known.

    Args:
        known: the resource versions of objects of this kind that were known before the list was asked for.
        latest: the resource version of an earlier list of this kind; 0 when there was none.
        listed: the resource versions of the objects in the list.
        version: that of the list itself.
    """
    newest = max((latest, *known.values()))
    if version < newest:
        return f"resource versions went back from {newest} to {version}"
    older = sum(listed[uid] < then for uid, then in known.items() if uid in listed)
    return f"{older} of them are older than they were" if older else None
