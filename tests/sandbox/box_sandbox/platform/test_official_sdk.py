"""Box's official Python SDK, unmodified, against the sandbox on loopback: what an app does with its token."""

import io
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from box_sdk_gen import (
    BoxAPIError,
    BoxClient,
    BoxDeveloperTokenAuth,
    BoxRetryStrategy,
    BoxSDKError,
    CreateFolderParent,
    DeveloperTokenConfig,
    NetworkSession,
    UploadFileAttributes,
    UploadFileAttributesParentField,
)
from tests.sandbox.conftest import Loopback, Serve, session_with

ROOT = "0"
CONTENT = b"an invoice, \x00 and not only text"
MADE_UP = "M" * 32


class Sdk:
    """The SDK with one token. ``secret`` is what revoking needs beside the token."""

    def __init__(self, session: NetworkSession, token: str, app: dict[str, Any], secret: str) -> None:
        self.token = token
        self._session = session
        config = DeveloperTokenConfig(client_id=app["client_id"], client_secret=secret)
        self._auth = BoxDeveloperTokenAuth(token, config=config)
        self.client = BoxClient(auth=self._auth, network_session=session)

    def me(self) -> str:
        """The login that the token acts as."""
        return str(self.client.users.get_user_me().login)

    def create_folder(self, name: str = "Invoices", parent: str = ROOT) -> str:
        """Create a folder; returns its id."""
        return str(self.client.folders.create_folder(name, CreateFolderParent(id=parent)).id)

    def upload(self, name: str = "invoice.bin", parent: str = ROOT) -> str:
        """Upload a file; returns its id."""
        attributes = UploadFileAttributes(name=name, parent=UploadFileAttributesParentField(id=parent))
        files = self.client.uploads.upload_file(attributes, io.BytesIO(CONTENT))
        return str(files.entries[0].id)

    def download(self, file: str) -> bytes:
        """The content of a file."""
        stream = self.client.downloads.download_file(file)
        assert stream is not None
        return bytes(stream.read())

    def delete(self, file: str) -> None:
        """Delete a file."""
        self.client.files.delete_file_by_id(file)

    def downscope(self, scopes: list[str], resource: str | None = None) -> str:
        """A downscoped token."""
        shown = self._auth.downscope_token(scopes, resource=resource, network_session=self._session)
        return str(shown.access_token)

    def revoke(self) -> None:
        """Revoke the token."""
        self._auth.revoke_token(network_session=self._session)


class Actor:
    """An app of the sandbox, and the SDK with tokens of its own and of others."""

    def __init__(self, box: Loopback, session: NetworkSession, name: str) -> None:
        self.box = box
        self.session = session
        self.app = box.authorized_app(name)
        self.secret = box.call("POST", f"/sandbox/v1/apps/{self.app['id']}/client-secret", 201)["client_secret"]

    def mint(self, slot: str = "primary") -> Sdk:
        """The SDK with a new token."""
        return self.using(self.box.mint(self.app, slot))

    def using(self, token: str) -> Sdk:
        """The SDK with this token."""
        return Sdk(self.session, token, self.app, self.secret)

    def resource(self, kind: str, number: str) -> str:
        """The address of an item, as downscoping wants it."""
        return f"https://api.box.com/2.0/{kind}/{number}"


@pytest.fixture
def viewer(loopback: Loopback, session: NetworkSession) -> Actor:
    """An app."""
    return Actor(loopback, session, "Viewer")


@pytest.fixture
def stranger(loopback: Loopback, session: NetworkSession) -> Actor:
    """Another app."""
    return Actor(loopback, session, "Stranger")


def refused(call: Callable[[], object]) -> tuple[int, str | None]:
    """The status and the code that Box refuses a call with."""
    with pytest.raises(BoxAPIError) as caught:
        call()
    answer = caught.value.response_info
    body = answer.body or {}
    return answer.status_code, body.get("code", body.get("error"))


def test_a_token_may_not_say_whose_it_is(serve: Serve) -> None:
    """Box's list of what App Tokens may call has no ``users/me``; what it has works all the same."""
    with session_with(box := serve(app_tokens_without_users_me=True)) as session:
        sdk = Actor(box, session, "Viewer").mint()
        child = Actor(box, session, "Parent").mint().downscope(["item_preview"])

        insufficient = (403, "insufficient_scope")
        assert refused(sdk.me) == refused(Sdk(session, child, {"client_id": ""}, "").me) == insufficient
        challenge = requests.get(
            f"{box.url}/2.0/users/me", headers={"Authorization": f"Bearer {sdk.token}"}, timeout=10
        )
        assert 'error="insufficient_scope"' in challenge.headers["WWW-Authenticate"]
        file = sdk.upload(parent=sdk.create_folder())
        assert sdk.download(file) == CONTENT
        assert sdk.client.files.get_file_by_id(file, fields=["id"]).id == file
        sdk.delete(file)


def test_a_file_of_nobody_is_not_found(viewer: Actor, stranger: Actor, a_month: Callable[[], None]) -> None:
    """The answer to a live token; one that is over is refused. ``fields`` gives those beside type, id and etag."""
    sdk = viewer.mint()
    file = sdk.upload()

    def look(who: Sdk, number: str) -> tuple[int, str | None]:
        return refused(lambda: who.client.files.get_file_by_id(number, fields=["id"]))

    assert look(sdk, "1") == look(stranger.mint(), file) == (404, "not_found")
    found = sdk.client.files.get_file_by_id(file, fields=["id", "size"])
    assert (found.id, found.type, found.size, found.name) == (file, "file", len(CONTENT), None)
    a_month()
    assert look(sdk, "1") == look(sdk, file) == (401, None)


def test_files_come_back_as_they_went(viewer: Actor) -> None:
    """Create a folder, upload into it, list it, download, delete; then it is gone."""
    sdk = viewer.mint()
    folder = sdk.create_folder()
    file = sdk.upload(parent=folder)

    listed = sdk.client.folders.get_folder_items(folder).entries
    assert [(entry.id, entry.name) for entry in listed or []] == [(file, "invoice.bin")]
    described = sdk.client.files.get_file_by_id(file)
    assert (described.size, described.parent.id if described.parent else None) == (len(CONTENT), folder)
    assert sdk.download(file) == CONTENT
    sdk.delete(file)
    assert refused(lambda: sdk.download(file)) == (404, "not_found")
    assert refused(lambda: sdk.delete(file)) == (404, "not_found")


def test_the_root_is_a_folder(viewer: Actor) -> None:
    """Folder 0 exists, has no parent, and shows what is in it."""
    sdk = viewer.mint()
    folder = sdk.create_folder()

    root = sdk.client.folders.get_folder_by_id(ROOT)
    assert (root.name, root.etag, root.parent) == ("All Files", None, None)
    assert root.item_collection is not None
    assert [entry.id for entry in root.item_collection.entries or []] == [folder]


def test_a_name_is_used_once_in_a_folder(viewer: Actor) -> None:
    """409 ``item_name_in_use`` for a folder and for a file; 404 where there is no folder."""
    sdk = viewer.mint()
    file = sdk.upload("Invoices")

    assert refused(sdk.create_folder) == (409, "item_name_in_use")
    assert refused(lambda: sdk.upload("Invoices")) == (409, "item_name_in_use")
    assert refused(lambda: sdk.upload("other", parent=file)) == (404, "not_found")
    assert refused(lambda: sdk.create_folder(parent="17")) == (404, "not_found")


def test_the_download_address_holds_no_token(viewer: Actor) -> None:
    """The address works without a token, and nothing of the token is in it."""
    sdk = viewer.mint()
    file = sdk.upload()

    address = sdk.client.downloads.get_download_file_url(file)
    assert sdk.token not in address
    assert urlsplit(address).query == ""
    assert requests.get(address, timeout=10).content == CONTENT
    assert requests.get(address.replace(file, "17"), timeout=10).status_code == 404


def make_expired(actor: Actor, a_month: Callable[[], None]) -> Sdk:
    """A token whose time is over."""
    sdk = actor.mint("secondary")
    a_month()
    return sdk


def make_revoked(actor: Actor, a_month: Callable[[], None]) -> Sdk:
    """A token that was revoked."""
    sdk = actor.mint("secondary")
    actor.box.call("DELETE", f"/console/v1/apps/{actor.app['id']}/tokens/secondary", 204)
    return sdk


def make_made_up(actor: Actor, a_month: Callable[[], None]) -> Sdk:
    """A token that Box never issued."""
    return actor.using(MADE_UP)


@pytest.mark.parametrize("make", [make_expired, make_revoked, make_made_up])
def test_a_dead_token_does_nothing(viewer: Actor, a_month: Callable[[], None], make: Callable[..., Sdk]) -> None:
    """An expired, a revoked and a made-up token get 401 everywhere, and 400 ``invalid_grant`` when downscoped."""
    file = viewer.mint().upload()
    dead = make(viewer, a_month)

    calls: list[Callable[[], object]] = [
        dead.me,
        dead.create_folder,
        dead.upload,
        lambda: dead.download(file),
        lambda: dead.delete(file),
    ]
    assert [refused(call) for call in calls] == [(401, None)] * len(calls)
    assert refused(lambda: dead.downscope(["item_download"])) == (400, "invalid_grant")


def test_what_revoking_a_dead_token_does(viewer: Actor, a_month: Callable[[], None]) -> None:
    """A revoked or made-up token cannot be revoked: 400 ``invalid_token``. An expired one can."""
    assert refused(make_revoked(viewer, a_month).revoke) == (400, "invalid_token")
    assert refused(make_made_up(viewer, a_month).revoke) == (400, "invalid_token")
    make_expired(viewer, a_month).revoke()
    assert viewer.box.call("GET", f"/console/v1/apps/{viewer.app['id']}")["tokens"]["secondary"] is None


def test_a_foreign_token_reaches_nothing_of_ours(viewer: Actor, stranger: Actor) -> None:
    """Another app's token is somebody else, finds none of our items, and cannot be revoked in our name."""
    ours = viewer.mint()
    folder, file = ours.create_folder(), ours.upload()
    theirs = stranger.mint()

    assert theirs.me() == stranger.app["service_account"]["login"] != ours.me()
    for call in (
        lambda: theirs.create_folder("New", folder),
        lambda: theirs.upload("new", folder),
        lambda: theirs.download(file),
        lambda: theirs.delete(file),
    ):
        assert refused(call) == (404, "not_found")
    resource = viewer.resource("files", file)
    assert refused(lambda: theirs.downscope(["item_download"], resource)) == (400, "invalid_resource")
    assert refused(viewer.using(theirs.token).revoke) == (400, "invalid_request")
    assert theirs.me()


def test_revoking_ends_a_token_at_once(viewer: Actor) -> None:
    """The revoked token is over and its slot empty; the other one works on. Nobody revokes without the secret."""
    primary, secondary = viewer.mint(), viewer.mint("secondary")
    token = primary.token
    impostor = Sdk(viewer.session, token, viewer.app, "wrong")
    nobody = Sdk(viewer.session, token, {"client_id": "unknown"}, viewer.secret)

    assert refused(impostor.revoke) == (400, "invalid_client")
    assert refused(nobody.revoke) == (400, "invalid_request")
    primary.revoke()
    assert refused(viewer.using(token).me) == (401, None)
    assert viewer.box.call("GET", f"/console/v1/apps/{viewer.app['id']}")["tokens"]["primary"] is None
    assert secondary.me()


def test_a_scope_allows_its_calls_only(viewer: Actor) -> None:
    """Each call works with its scope and is refused with the others: 403 ``insufficient_scope``."""
    whole = viewer.mint()
    file = whole.upload()
    preview, download, upload, delete = (
        viewer.using(whole.downscope([scope]))
        for scope in ("item_preview", "item_download", "item_upload", "item_delete")
    )
    insufficient = (403, "insufficient_scope")

    assert preview.client.files.get_file_by_id(file).id == file
    assert refused(lambda: preview.download(file)) == insufficient
    assert download.download(file) == CONTENT
    assert refused(lambda: download.upload("new")) == insufficient
    assert refused(download.create_folder) == insufficient
    assert upload.upload("new")
    assert refused(lambda: upload.delete(file)) == insufficient
    assert refused(lambda: delete.download(file)) == insufficient
    delete.delete(file)


def test_a_folder_is_the_limit_of_a_downscoped_token(viewer: Actor) -> None:
    """Inside of the folder, at any depth, all is allowed; outside of it, and at the root, nothing."""
    whole = viewer.mint()
    folder = whole.create_folder()
    deep = whole.upload("deep", parent=whole.create_folder("Deeper", folder))
    outside = whole.upload("outside")
    scopes = ["item_upload", "item_download", "item_delete", "item_preview"]
    limited = viewer.using(whole.downscope(scopes, viewer.resource("folders", folder)))
    insufficient = (403, "insufficient_scope")

    assert limited.download(deep) == CONTENT
    assert limited.upload("new", parent=folder)
    limited.delete(deep)
    assert refused(lambda: limited.download(outside)) == insufficient
    assert refused(lambda: limited.delete(outside)) == insufficient
    assert refused(lambda: limited.upload("new")) == insufficient
    assert refused(lambda: limited.create_folder("New")) == insufficient
    assert refused(lambda: limited.client.folders.get_folder_by_id(ROOT)) == insufficient
    assert whole.download(outside) == CONTENT


def test_the_root_reaches_everything(viewer: Actor) -> None:
    """A token for folder 0 reaches all items."""
    whole = viewer.mint()
    file = whole.upload(parent=whole.create_folder())
    assert viewer.using(whole.downscope(["item_download"], viewer.resource("folders", ROOT))).download(file) == CONTENT


def test_downscoping_never_widens(viewer: Actor) -> None:
    """A downscoped token makes neither more scopes nor another resource, and keeps its own when it asks for none."""
    whole = viewer.mint()
    file, other = whole.upload("file"), whole.upload("other")
    limited = viewer.using(whole.downscope(["item_download"], viewer.resource("files", file)))

    assert refused(lambda: limited.downscope(["item_delete"])) == (401, "invalid_scope")
    resource = viewer.resource("files", other)
    assert refused(lambda: limited.downscope(["item_download"], resource)) == (400, "invalid_resource")
    again = viewer.using(limited.downscope(["item_download"]))
    assert again.download(file) == CONTENT
    assert refused(lambda: again.download(other)) == (403, "insufficient_scope")


def test_what_cannot_be_downscoped_to(viewer: Actor) -> None:
    """400: no scope, an unknown scope, an item that is not there, an item of another kind, a shared link."""
    whole = viewer.mint()
    file = whole.upload()

    assert refused(lambda: whole.downscope([])) == (400, "invalid_scope")
    assert refused(lambda: whole.downscope(["item_download", "everything"])) == (400, "invalid_scope")
    for resource in (viewer.resource("files", "17"), viewer.resource("folders", file), "https://app.box.com/file/1"):
        assert refused(lambda r=resource: whole.downscope(["item_download"], r)) == (400, "invalid_resource")
    link = "https://app.box.com/s/abc"
    auth = BoxDeveloperTokenAuth(whole.token)
    session = viewer.session
    assert refused(lambda: auth.downscope_token(["item_download"], shared_link=link, network_session=session)) == (
        400,
        "invalid_request",
    )


def test_a_downscoped_token_lives_by_itself(viewer: Actor, a_month: Callable[[], None]) -> None:
    """It outlives its parent's revocation, can be revoked, and expires after about an hour."""
    whole = viewer.mint()
    first, second = (viewer.using(whole.downscope(["item_preview"])) for _ in range(2))
    whole.revoke()

    assert first.me()
    token = first.token
    first.revoke()
    assert refused(viewer.using(token).me) == (401, None)
    a_month()
    assert refused(second.me) == (401, None)


@pytest.mark.parametrize("decision", ["disable", "decline", "require_reauthorization"])
def test_a_token_rests_while_the_app_may_not(viewer: Actor, decision: str) -> None:
    """401 ``unauthorized`` with a body, and no downscoping; the same token works again afterwards."""
    sdk = viewer.mint()
    child = viewer.using(sdk.downscope(["item_preview"]))
    path = f"/console/v1/apps/{viewer.app['id']}/authorization/decision"

    viewer.box.call("POST", path, json={"decision": decision})
    assert refused(sdk.me) == (401, "unauthorized")
    assert refused(child.me) == (401, "unauthorized")
    assert refused(lambda: sdk.downscope(["item_preview"])) == (400, "unauthorized_client")
    viewer.box.call("POST", path, json={"decision": "authorize"})
    assert sdk.me()
    assert child.me()


def test_the_sdk_as_it_comes_gives_up_on_a_dead_token(viewer: Actor) -> None:
    """With its own retries the SDK takes 401 for a token to be refreshed, and says that it has expired."""
    session = viewer.session.with_retry_strategy(BoxRetryStrategy())
    sdk = Sdk(session, MADE_UP, viewer.app, viewer.secret)
    with pytest.raises(BoxSDKError, match="has expired"):
        sdk.me()


def test_the_sdk_as_it_comes_gets_over_a_pause(viewer: Actor) -> None:
    """With its own retries the SDK honours Retry-After."""
    sdk = Sdk(viewer.session.with_retry_strategy(BoxRetryStrategy()), viewer.mint().token, viewer.app, viewer.secret)
    viewer.box.order(kind="status", path="/2.0/", status=429, retry_after=0)
    assert sdk.me()
    assert viewer.box.call("GET", "/sandbox/v1/faults") == []
