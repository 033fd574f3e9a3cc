"""What follows from a right to an app, or from none: the claim, or the message with the entry that it takes. Pure."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from box_app_operator.model.box import AdoptionEntry, BoxApp, Claimant, Problem, Reference
from box_app_operator.model.conditions import Reason
from box_app_operator.model.desired import DeletionPolicy, Desired
from box_app_operator.model.observed import Adoption, Observed, RememberedStatus
from box_app_operator.model.steps import ClaimApp
from box_app_operator.modes.automated.ownership import Claim, Holder, Right, is_elsewhere, may_delete, right_of
from box_app_operator.secret.published import held_by_value

_YAML_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null"})
"""Bare words that YAML 1.1 reads as something else than text."""


@dataclass(frozen=True, slots=True)
class Found:
    """An app that an object may want, with what the decision needs to know."""

    app: BoxApp
    claimant: Claimant
    holder: Holder
    entries: Sequence[AdoptionEntry]

    @property
    def reference(self) -> str:
        """What the app carries once it is the claimant's. Whether an operator registered it never changes."""
        return str(Reference(self.claimant, adopted=not self.app.was_created))


def with_ownership(desired: Desired, seen: Observed, found: Found, now: datetime) -> Observed:
    """What was observed: the app if it is this object's own, or else the claim to it, or why there is none.

    For an object that is being deleted an app that it has no claim to is no problem: there is none.
    """
    app = found.app
    deletable = may_delete(app, found.claimant, found.entries)
    seen = replace(seen, adoption=_adoption(app, deletable=deletable))
    if desired.deleting and app.owner is None and seen.remembered.app_id == app.id:
        # An earlier version adopted it, and left no mark: what this object published there ends with it.
        return replace(seen, app=app)
    claim = None if app.reference == found.reference else ClaimApp(app.id, found.reference, app.revision)
    match right_of(app, _claim(desired, seen, found.claimant), found.holder, found.entries):
        case Right.MINE:
            seen = replace(seen, app=app, claim=claim, remembered=_with_found_tokens(desired, seen, app, now))
        case Right.LOST:
            return replace(seen, claimed_by=_new_owner(found))
        case Right.NONE if _rival_of(found) is not None:
            return replace(seen, claimed_by=_rival_of(found))
        case Right.NONE:
            return _with(seen, desired, _not_allowed(desired, found, now))
        case _:
            seen = replace(seen, claim=claim)
    if desired.deletion_policy is DeletionPolicy.DELETE and not deletable:
        return _with(seen, desired, _not_deletable(desired, found, now))
    return seen


def _with_found_tokens(desired: Desired, seen: Observed, app: BoxApp, now: datetime) -> RememberedStatus:
    """With the newest token that a takeover found: pods may hold it, so it is phased out as an own one."""
    remembered, pending = seen.remembered, seen.pending
    if remembered.claim_uid == desired.uid or remembered.fingerprints or not app.was_created:
        return remembered
    live = [token for token in app.issued if token.is_live(now)]
    found = [token for token in live if pending is None or token.fingerprint != pending.fingerprint]
    newest = max(found, key=lambda token: token.created_at, default=None)
    return replace(remembered, retiring=newest.fingerprint) if newest is not None else remembered


def _with(seen: Observed, desired: Desired, problem: Problem) -> Observed:
    """Trouble that was there before is not hidden."""
    return seen if seen.problem is not None or desired.deleting else replace(seen, problem=problem)


def _adoption(app: BoxApp, *, deletable: bool) -> Adoption:
    if app.was_created:
        return Adoption.NOT_NEEDED
    return Adoption.ALLOWED_WITH_DELETE if deletable else Adoption.ALLOWED


def _claim(desired: Desired, seen: Observed, claimant: Claimant) -> Claim:
    return Claim(
        claimant,
        desired.display_name,
        desired.client_id,
        frozenset(held_by_value(desired, seen)),
        had_app=seen.remembered.claim_uid == desired.uid,
        asks_again=desired.claim_request is not None,
    )


def _new_owner(found: Found) -> str:
    """Where the app is by now, and nothing more: it may be another tenant's."""
    reference = found.app.owner
    assert reference is not None
    return f"cluster {reference.owner.cluster}" if is_elsewhere(reference, found.claimant) else "this cluster"


def _rival_of(found: Found) -> str | None:
    """The living object of the same namespace that has the app."""
    reference = found.app.owner
    here = reference is not None and reference.owner.namespace == found.claimant.namespace and found.holder.alive
    return reference.owner.place if here and reference is not None else None


def _not_allowed(desired: Desired, found: Found, now: datetime) -> Problem:
    entry, alive = entry_text(desired, found), found.holder.alive
    which = f"with client id {desired.client_id}" if desired.client_id is not None else repr(found.app.name)
    whose = "belongs to another BoxCustomApp" if alive else "was not registered by this BoxCustomApp"
    also = ", with from: and the present BoxCustomApp as namespace/name" if alive else ""
    message = (
        f"The Box app {which} {whose}. The owner of BoxEnterprise {desired.enterprise!r} can allow "
        f"it to be adopted by adding to spec.adoption{also}: {entry}"
    )
    return Problem(Reason.ADOPTION_NOT_ALLOWED, message, now, stalled=True)


def _not_deletable(desired: Desired, found: Found, now: datetime) -> Problem:
    message = (
        "spec.deletionPolicy is Delete, and this BoxCustomApp may not delete the app that it adopted. Choose another "
        f"deletionPolicy, or ask the owner of BoxEnterprise {desired.enterprise!r} to add to spec.adoption: "
        f"{entry_text(desired, found)}"
    )
    return Problem(Reason.INVALID_SPEC, message, now, stalled=True)


def entry_text(desired: Desired, found: Found) -> str:
    """The entry that allows what the spec asks for, as one line of YAML to paste."""
    claimant, reference = found.claimant, found.app.owner
    fields = {"namespace": claimant.namespace, "namespaceUID": str(claimant.namespace_uid), "name": claimant.name}
    if reference is not None and is_elsewhere(reference, claimant):
        came_from = {"fromCluster": reference.owner.cluster}
    elif reference is not None and reference.owner.namespace_uid not in ("", claimant.namespace_uid):
        came_from = {"fromNamespaceUID": str(reference.owner.namespace_uid)}
    else:
        came_from = {}
    if desired.client_id is not None or not came_from:
        fields = {"clientID": str(found.app.client_id), **fields}
    fields |= came_from
    texts = [f"{key}: {_yaml(text)}" for key, text in fields.items()]
    texts += ["allowDelete: true"] if desired.deletion_policy is DeletionPolicy.DELETE else []
    return f"- {{{', '.join(texts)}}}"


def _yaml(text: str) -> str:
    """A text as YAML reads it back: ``true``, ``1e5`` and ``12`` are names that Kubernetes allows."""
    plain = re.fullmatch(r"[A-Za-z][-A-Za-z0-9.]*", text) and text.lower() not in _YAML_WORDS
    return text if plain else json.dumps(text)
