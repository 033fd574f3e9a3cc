"""Annotations by which the operator knows what of a Secret is its own."""

from box_app_operator.model.desired import Desired, SecretKeys
from box_app_operator.model.secret import RECORD_NAMES, SecretView

ADDED_LABELS = "boxapps.dev/added-labels"
ADDED_ANNOTATIONS = "boxapps.dev/added-annotations"
ADDED_KEYS = "boxapps.dev/added-keys"
OWN = frozenset({*RECORD_NAMES, ADDED_LABELS, ADDED_ANNOTATIONS, ADDED_KEYS})
"""The annotations that the operator writes. Others of the same domain are not the operator's, and stay."""

_PLAIN = SecretKeys()
PLAIN_KEYS = frozenset({_PLAIN.token, _PLAIN.client_id, _PLAIN.slot, _PLAIN.expires_at})
"""The names of keys without ``spec.tokens.secret.keys``: the operator's own, also where no annotation says so."""


def expiry_text(days: int | None) -> str:
    """A lifetime as the spec writes it."""
    return f"{days}d" if days is not None else "Never"


def added(desired: Desired) -> dict[str, str]:
    """Annotations that tell which labels, annotations and keys come from the spec, and go when the spec drops them."""
    keys = desired.secret.keys
    names = {keys.token, keys.client_id, keys.slot, keys.expires_at}
    given = {
        ADDED_LABELS: desired.secret.labels.keys(),
        ADDED_ANNOTATIONS: desired.secret.annotations.keys(),
        ADDED_KEYS: names if names != PLAIN_KEYS else (),
    }
    return {key: ",".join(sorted(listed)) for key, listed in given.items() if listed}


def added_to(secret: SecretView, what: str) -> frozenset[str]:
    """What such an annotation of a Secret tells."""
    return frozenset(secret.effective_annotations.get(what, "").split(",")) - {""}
