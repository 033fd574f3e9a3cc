"""Recording: what a pass of the product's own core writes when it saw this or that. Whole objects, as JSON.

A pass writes when it has nothing left to do: the steps that it cannot do are refused here, as Box or Kubernetes refuse
them.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.unit.pretend import NOON

from box_app_operator.api.spec import FINALIZER, parse_desired
from box_app_operator.core.plan import Delays, plan
from box_app_operator.core.status import build_status
from box_app_operator.model.box import Refusal, RefusalKind
from box_app_operator.model.conditions import parse_conditions
from box_app_operator.model.desired import Desired
from box_app_operator.model.observed import Observed
from box_app_operator.model.steps import Step

Json = dict[str, Any]
Look = Callable[[Desired], Observed]

MAX_STEPS = 10


@dataclass(frozen=True)
class State:
    """A status, and what should be made of it: a word of Argo CD's, and one of kstatus'."""

    name: str
    body: Json
    argo: str
    kstatus: str

    @property
    def reason(self) -> str:
        """Why the object is Ready, or not; empty without a status."""
        ready = parse_conditions(self.body.get("status") or {}).get("Ready")
        return ready.reason if ready is not None else ""

    @property
    def stalled(self) -> str:
        """Why somebody must mend the spec; empty when nobody must."""
        found = parse_conditions(self.body.get("status") or {}).get("Stalled")
        return found.reason if found is not None else ""

    @property
    def waits_beside_ready(self) -> bool:
        """Is it Ready, and yet something that the spec asks for waited for?"""
        found = parse_conditions(self.body.get("status") or {})
        return "Reconciling" in found and found["Ready"].status == "True"

    @property
    def is_of_this_spec(self) -> bool:
        """Does the status speak of the spec that is there? Otherwise its reason says nothing about it."""
        meta = self.body["metadata"]
        return (
            self.body.get("status", {}).get("observedGeneration") == meta["generation"]
            and bool(self.body["spec"].get("suspend")) == (self.reason == "Suspended")
            and ("deletionTimestamp" in meta) == (self.reason == "Deleting")
        )


def manifest(spec: Json | None = None, meta: Json | None = None) -> Json:
    """A BoxCustomApp that nobody has looked at yet."""
    plain = {
        "name": "viewer",
        "namespace": "billing",
        "uid": "6e1f9f0c-6f0a-4f0e-9b43-1f2a3b4c5d6e",
        "generation": 1,
        "creationTimestamp": "2026-03-01T11:00:00Z",
        "finalizers": [FINALIZER],
    }
    return {
        "apiVersion": "boxapps.dev/v1alpha1",
        "kind": "BoxCustomApp",
        "metadata": {**plain, **(meta or {})},
        "spec": {"displayName": "Acme Viewer", **(spec or {})},
        "status": {"observedGeneration": -1},
    }


def record(
    look: Look,
    spec: Json | None = None,
    meta: Json | None = None,
    *,
    refused: Refusal | None = None,
    before: Json | None = None,
) -> Json:
    """The object after a pass that saw this.

    Args:
        refused: how each step that was left to do was refused.
        before: the object as an earlier pass left it.
    """
    body = manifest(spec, meta)
    body["status"] = (before or {}).get("status", {})
    desired = parse_desired(body)
    observed, refusals = look(desired), dict[Step, Refusal]()
    for _ in range(MAX_STEPS):
        decided_now = plan(
            desired, observed, NOON, previous=parse_conditions(body["status"]), refusals=refusals, delays=Delays()
        )
        if not decided_now.steps:
            assert decided_now.complete, "such a pass writes nothing"
            return {**body, "status": build_status(body, desired, observed, decided_now, NOON)}
        assert refused is not None, f"there is something left to do: {decided_now.steps}"
        refusals[decided_now.steps[0]] = refused
    raise AssertionError(f"there is always something left to do: {list(refusals)}")


def later(body: Json, spec: Json | None = None, meta: Json | None = None) -> Json:
    """The object right after somebody changed it, and before the operator looked."""
    changed = copy.deepcopy(body)
    changed["metadata"] |= {**(meta or {}), "generation": body["metadata"]["generation"] + 1}
    changed["spec"] |= spec or {}
    return changed


def stalled(reason: str, message: str = "Something in the spec cannot be.") -> Refusal:
    """The author of the spec must act."""
    return Refusal(RefusalKind.STALLED, reason, message)
