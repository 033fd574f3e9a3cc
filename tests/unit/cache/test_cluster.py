"""The store: older news never replace newer ones."""

from dataclasses import replace
from typing import Any

import pytest

from box_app_operator.api.spec import read_app
from box_app_operator.cache.cluster import NamespaceView, SecretMark, Store
from box_app_operator.model.box import UID, ClientID
from box_app_operator.model.desired import AppKey
from box_app_operator.model.secret import SecretView

KEY = AppKey("billing", "viewer")
SECRET = SecretView("billing", "s", UID("s-1"), "5", None, {}, {}, {})


def app(
    version: int = 5, uid: str = "u-1", created: str = "2026-01-01T00:00:00Z", name: str = "viewer", **spec: Any
) -> Any:
    """A BoxCustomApp."""
    meta = {
        "namespace": "billing",
        "name": name,
        "uid": uid,
        "resourceVersion": str(version),
        "creationTimestamp": created,
        "managedFields": [{"manager": "kubectl"}],
    }
    return {"kind": "BoxCustomApp", "metadata": meta, "spec": {"displayName": "x", **spec}, "extra": 1}


def keys_of(store: Store, enterprise: str) -> list[AppKey]:
    """The apps that refer to this BoxEnterprise."""
    return [found.key for found in store.apps_of_enterprise(enterprise)]


def filled(*bodies: Any) -> Store:
    """A store that was told of these apps."""
    store = Store()
    for body in bodies:
        store.put_app(body)
    return store


@pytest.mark.parametrize(("first", "second", "kept"), [(5, 6, "6"), (6, 5, "6"), (9, 10, "10"), (10, 9, "10")])
def test_the_newer_of_two_states_is_kept_whatever_comes_last(first: int, second: int, kept: str) -> None:
    """Versions are numbers and not text."""
    assert filled(app(first), app(second)).apps[KEY].body["metadata"]["resourceVersion"] == kept


def test_another_life_of_the_same_name_takes_its_place() -> None:
    """Deleted and created again: the uid is what tells."""
    store = filled(app(5, "u-1"), app(7, "u-2"))

    assert store.key_of(UID("u-1")) is None
    assert store.key_of(UID("u-2")) == KEY
    store.drop_app(KEY, UID("u-1"))
    assert store.apps.get(KEY) is not None
    store.drop_app(KEY, UID("u-2"))
    assert (store.apps.get(KEY), store.key_of(UID("u-2"))) == (None, None)


def test_apps_are_kept_without_what_nobody_looks_at() -> None:
    """Memory per app is in the budget; the original stays as it is."""
    body = app()
    kept = filled(body).apps[KEY].body

    assert "managedFields" not in kept["metadata"]
    assert "extra" not in kept
    assert "managedFields" in body["metadata"]
    assert read_app(kept).body == kept


def test_claims_to_one_client_id_are_ordered_by_age() -> None:
    """The oldest object has the app; a claim that was given up is none."""
    younger = app(name="younger", uid="u-2", created="2026-02-01T00:00:00Z", clientID="c")
    store = filled(younger, app(name="older", clientID="c"))
    assert [claimant.key.name for claimant in store.claims(ClientID("c"))] == ["older", "younger"]

    store.put_app(app(6, name="older"))
    assert [claimant.key.name for claimant in store.claims(ClientID("c"))] == ["younger"]
    store.drop_app(AppKey("billing", "younger"), UID("u-2"))
    assert store.claims(ClientID("c")) == []


def test_apps_are_found_by_the_name_that_they_want_in_box() -> None:
    """In upper or lower case; a name that is not wanted any more leads nowhere."""
    other = AppKey("billing", "other")
    store = filled(app(displayName="Acme Viewer"), app(name="other", uid="u-2", displayName="ACME viewer"))
    assert store.keys_named("acme viewer") == [KEY, other] or store.keys_named("acme viewer") == [other, KEY]

    store.put_app(app(6, displayName="Another"))
    assert store.keys_named("Acme Viewer") == [other]
    store.drop_app(other, UID("u-2"))
    assert (store.keys_named("Acme Viewer"), store.keys_named("another")) == ([], [KEY])


def test_apps_are_found_by_enterprise_and_by_namespace() -> None:
    """When an enterprise or the labels of a namespace change; not in the enterprise that an app referred to before."""
    store = filled(app(), app(name="other", uid="u-2", enterpriseRef={"name": "acme"}))
    assert (keys_of(store, "default"), keys_of(store, "acme")) == ([KEY], [AppKey("billing", "other")])
    assert len(store.keys_in_namespace("billing")) == 2
    assert store.keys_in_namespace("elsewhere") == []

    store.put_app(app(6, enterpriseRef={"name": "corp"}))
    assert (keys_of(store, "default"), keys_of(store, "corp")) == ([], [KEY])
    store.drop_app(KEY, UID("u-1"))
    assert keys_of(store, "corp") == []


@pytest.mark.parametrize(
    ("version", "uid", "kept"), [("4", "s-1", "5"), ("6", "s-1", "6"), ("10", "s-1", "10"), ("7", "s-2", "7")]
)
def test_an_older_secret_does_not_replace_a_newer_one(version: str, uid: str, kept: str) -> None:
    """The operator's own write is put in at once; the watch may be late."""
    store = Store()
    store.put_secret(SECRET)
    store.put_secret(replace(SECRET, resource_version=version, uid=UID(uid)))
    secret = store.secret("billing", "s")
    assert secret is not None
    assert secret.resource_version == kept


@pytest.mark.parametrize(("uid", "left"), [(None, False), ("s-1", False), ("s-0", True)])
def test_a_secret_is_forgotten_only_when_it_is_the_one_that_went(uid: str | None, left: bool) -> None:
    """News of an earlier Secret of that name do not count."""
    store = Store()
    store.put_secret(SECRET)
    store.drop_secret("billing", "s", UID(uid) if uid else None)

    assert (store.secret("billing", "s") is not None) is left


def mark(version: str, owner: str | None = None, name: str = "viewer-box-token") -> SecretMark:
    """What a watch tells of a Secret."""
    return SecretMark("billing", name, UID("s-1"), version, UID(owner) if owner else None)


def test_a_secret_is_unread_until_it_was_read_in_the_state_that_a_watch_told_of() -> None:
    """Watches tell that a Secret changed, not what it holds."""
    store = filled(app())
    view = replace(SECRET, name="viewer-box-token")

    assert store.mark_secret(mark("5"))
    assert store.is_unread("billing", "viewer-box-token")
    store.put_secret(view)
    assert not store.is_unread("billing", "viewer-box-token")
    assert store.mark_secret(mark("6"))
    assert store.is_unread("billing", "viewer-box-token")


def test_the_echo_of_an_own_write_need_not_be_read() -> None:
    """What was written is known, also before the watch tells of it, and it is news all the same."""
    store = filled(app())
    store.put_secret(replace(SECRET, name="viewer-box-token", resource_version="8"))

    assert store.mark_secret(mark("8"))
    assert not store.is_unread("billing", "viewer-box-token")
    assert not store.mark_secret(mark("8")), "heard twice"
    assert not store.mark_secret(mark("7")), "older news"


def test_of_a_secret_that_concerns_no_app_nothing_is_kept_but_that_it_is_there() -> None:
    """A tenant may make any number of Secrets with the operator's label."""
    store = filled(app())
    store.put_secret(replace(SECRET, name="other", resource_version="4"))
    store.mark_secret(mark("5", name="other"))

    assert store.secret("billing", "other") is None
    assert store.is_unread("billing", "other")
    assert store.concerns_app(mark("5"))
    assert store.concerns_app(mark("5", owner="u-1", name="other"))
    assert not store.concerns_app(mark("5", owner="u-9", name="other"))


def test_the_secrets_of_an_owner_are_known_by_what_was_told_and_by_what_was_read() -> None:
    """Until both agree, and not a moment longer."""
    store = filled(app())
    store.mark_secret(mark("5", owner="u-1"))
    assert store.names_owned(UID("u-1")) == ["viewer-box-token"]
    assert store.secrets_of(UID("u-1")) == []

    view = replace(SECRET, name="viewer-box-token", owner_uid=UID("u-1"))
    store.put_secret(view)
    assert store.secrets_of(UID("u-1")) == [view]

    store.mark_secret(mark("6"))
    store.put_secret(replace(view, resource_version="6", owner_uid=None))
    assert store.names_owned(UID("u-1")) == []
    assert store.secrets_of(UID("u-1")) == []


def test_what_matters_of_a_namespace_is_news_once() -> None:
    """Other changes of a namespace wake nobody."""
    store = Store()
    view = NamespaceView(UID("n"), "1", {"team": "x"})

    assert store.put_namespace("a", view)
    assert not store.put_namespace("a", view._replace(resource_version="2"))
    assert store.put_namespace("a", view._replace(labels={}))
    assert store.put_namespace("a", view._replace(labels={}, terminating=True))
    assert store.is_terminating("a")
    assert "a" in store.namespaces
    store.drop_namespace("a")
    assert "a" not in store.namespaces
    assert not store.is_terminating("a")


def test_labels_of_an_unknown_namespace_are_none() -> None:
    """A selector that needs one does not match then."""
    store = Store()
    store.put_namespace("a", NamespaceView(UID("n"), "1", {"team": "x"}))

    assert (store.labels_of("a"), store.labels_of("b")) == ({"team": "x"}, {})
