"""What a Secret must hold, as far as it is the operator's own: compared with what is there, and with what was written.

Everything else in the Secret belongs to others and stays: labels, annotations, keys, finalizers and owners. What the
operator put there from the spec it takes away again; annotations tell which labels, annotations and keys those are.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime

from box_app_operator.model.box import UID, Fingerprint, IssuedToken, fingerprint_of
from box_app_operator.model.desired import Desired
from box_app_operator.model.observed import Observed
from box_app_operator.model.secret import SecretView
from box_app_operator.secret.annotations import ADDED_ANNOTATIONS, ADDED_KEYS, ADDED_LABELS, OWN, PLAIN_KEYS, added_to
from box_app_operator.secret.published import plain_data, secret_annotations, secret_labels

OWNER = "the owner reference"


@dataclass(frozen=True, slots=True)
class Contents:
    """The operator's own part of a Secret.

    ``fingerprints`` are those of the values, by key. ``gone_labels``, ``gone_annotations`` and ``gone_keys`` are there,
    were the operator's, and must not stay.
    """

    owner: UID
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    fingerprints: Mapping[str, Fingerprint]
    gone_labels: frozenset[str] = frozenset()
    gone_annotations: frozenset[str] = frozenset()
    gone_keys: frozenset[str] = frozenset()


def contents_of(desired: Desired, observed: Observed, token: IssuedToken, now: datetime) -> Contents:
    """What the Secret must hold once this token is in it, which is one of those that are known."""
    source, keys, there = observed.source, desired.secret.keys, observed.secret
    assert source is not None
    plain = {key: fingerprint_of(value) for key, value in plain_data(desired, source, token).items()}
    tokens = {known.fingerprint for known in source.issued} | observed.remembered.fingerprints
    if there is not None and there.record.previous is not None:
        tokens |= {there.record.previous}
    contents = Contents(
        owner=desired.uid,
        labels=secret_labels(desired),
        annotations=secret_annotations(desired, observed, source, token, now),
        fingerprints={**plain, keys.token: token.fingerprint},
    )
    return without_leftovers(contents, there, tokens, PLAIN_KEYS)


def without_leftovers(
    contents: Contents, there: SecretView | None, tokens: AbstractSet[Fingerprint], keys: AbstractSet[str]
) -> Contents:
    """The contents, with what must go from the Secret that is there.

    Args:
        tokens: none of these stays under another key, unless it is the one that is wanted.
        keys: names that are the operator's own where no annotation tells.
    """
    if there is None:
        return contents
    unwanted = {*tokens, there.record.fingerprint} - set(contents.fingerprints.values())
    own_keys = added_to(there, ADDED_KEYS) or keys
    old_keys = {key for key, fingerprint in there.fingerprints.items() if key in own_keys or fingerprint in unwanted}
    return replace(
        contents,
        gone_labels=(added_to(there, ADDED_LABELS) & there.labels.keys()) - contents.labels.keys(),
        gone_annotations=((OWN | added_to(there, ADDED_ANNOTATIONS)) & there.annotations.keys())
        - contents.annotations.keys(),
        gone_keys=frozenset(old_keys - contents.fingerprints.keys()),
    )


def differences(there: SecretView, contents: Contents) -> tuple[str, ...]:
    """Names of what differs in a Secret, never values: "label team", "key BOX_CLIENT_ID", "the owner reference"."""
    owner = () if there.owner_uid == contents.owner else (OWNER,)
    return (
        *owner,
        *_differing("label", there.labels, contents.labels, contents.gone_labels),
        *_differing("annotation", there.annotations, contents.annotations, contents.gone_annotations),
        *_differing("key", there.fingerprints, contents.fingerprints, contents.gone_keys),
    )


def _differing(what: str, there: Mapping[str, str], wanted: Mapping[str, str], gone: frozenset[str]) -> tuple[str, ...]:
    wrong = {key for key, text in wanted.items() if there.get(key) != text} | (gone & there.keys())
    return tuple(f"{what} {key}" for key in sorted(wrong))
