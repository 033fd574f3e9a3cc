"""Whether a list can be later than what is remembered."""

import pytest

from box_app_operator.cache.history import contradiction
from box_app_operator.model.box import UID


def versions(**found: int) -> dict[UID, int]:
    """Resource versions by uid."""
    return {UID(uid): version for uid, version in found.items()}


@pytest.mark.parametrize(
    ("known", "latest", "listed", "version"),
    [
        ({}, 0, {}, 1),
        ({}, 7, {}, 7),
        (versions(a=5), 0, versions(a=5), 5),
        (versions(a=5), 7, versions(a=8, b=9), 9),
        (versions(a=5, gone=6), 7, versions(a=5), 9),
    ],
)
def test_a_list_of_the_same_history(known: dict[UID, int], latest: int, listed: dict[UID, int], version: int) -> None:
    """Objects stay as they are, grow newer, come and go."""
    assert contradiction(known, latest, listed, version) is None


def test_resource_versions_that_go_back() -> None:
    """Below an earlier list, or below an object that was known."""
    assert contradiction({}, 9, {}, 8) == "resource versions went back from 9 to 8"
    assert contradiction(versions(gone=12), 9, {}, 11) == "resource versions went back from 12 to 11"


def test_an_object_that_grew_younger() -> None:
    """A restored cluster may count on far above the backup; its objects are those of the backup all the same."""
    listed = versions(a=5, b=7)

    assert contradiction(versions(a=6, b=7, c=8), 9, listed, 1_000_000) == "1 of them are older than they were"
