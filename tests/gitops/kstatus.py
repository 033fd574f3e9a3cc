"""kstatus, as far as it speaks of custom resources: what Flux, kpt and ``cli-utils`` make of an object.

Source: kubernetes-sigs/cli-utils v0.37.2, ``pkg/kstatus/status``: the generic rules and the check of ``Ready``. Those
of fluxcd/cli-utils v1.4.0 are the same. Said anew here, so that they can be checked where there is no Go; where there
is, ``test_kstatus.py`` holds this to the original.
"""

from typing import Any


def kstatus(body: Any) -> str:
    """One word: Terminating, InProgress, Failed or Current."""
    meta, status = body["metadata"], body.get("status") or {}
    if meta.get("deletionTimestamp"):
        return "Terminating"
    if "generation" in meta and status.get("observedGeneration", meta["generation"]) != meta["generation"]:
        return "InProgress"
    conditions = status.get("conditions") or ()
    for each in conditions:
        if (each["type"], each["status"]) == ("Reconciling", "True"):
            return "InProgress"
        if (each["type"], each["status"]) == ("Stalled", "True"):
            return "Failed"
    ready = next((each["status"] for each in conditions if each["type"] == "Ready"), "True")
    return "Current" if ready == "True" else "InProgress"
