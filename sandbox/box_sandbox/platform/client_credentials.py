"""The Client Credentials Grant: an access token for an app's id and secret.

Source: box/developer.box.com, authentication/client-credentials, and what was observed where it says nothing. The order
of the checks is assumed. Not imitated: app users, and settings of an app that change after its authorization.
"""

from datetime import timedelta
from typing import Any

from box_sandbox.http.answers import OAuthError
from box_sandbox.state.model import App
from box_sandbox.state.sandbox import Sandbox

GRANT = "client_credentials"
WRONG_GRANT = "The grant type is unauthorized for this client_id"
WRONG_CLIENT = "The client credentials are invalid"
NOT_AUTHORIZED = "This app is not authorized by the enterprise admin"


def grant(state: Sandbox, form: dict[str, str]) -> dict[str, Any]:
    """The answer to ``POST /oauth2/token`` with client credentials. There is no refresh token."""
    app = _client(state, form)
    user = _subject(state, app, form)
    until = state.now() + timedelta(seconds=state.access_token_seconds)
    return {
        "access_token": state.issue(app, "client_credentials", until, user=user),
        "expires_in": state.access_token_seconds,
        "token_type": "bearer",
        "restricted_to": [],
    }


def knows_secret(app: App, secret: object) -> bool:
    """Is this the client secret of the app? An app without one has none to know."""
    return app.client_secret != "" and secret == app.client_secret


def _client(state: Sandbox, form: dict[str, str]) -> App:
    client_id = form.get("client_id")
    if not client_id:
        # The text was observed at /oauth2/revoke (Box support, profile 26704222227), the rest is assumed.
        raise OAuthError("invalid_request", "Client id was not found in the headers or body")
    app = next((app for app in state.live() if app.client_id == client_id), None)
    if app is not None and app.kind != "client_credentials":
        # Box support 360044193033.
        raise OAuthError("unauthorized_client", WRONG_GRANT)
    if app is None or not knows_secret(app, form.get("client_secret")):
        # box/developer.box.com#902; the guide itself gives "Grant credentials are invalid" for a wrong secret, too.
        raise OAuthError("invalid_client", WRONG_CLIENT)
    if not app.usable:
        # Observed: box/boxcli#154. That it is the same for an app that is disabled is assumed.
        raise OAuthError("unauthorized_client", NOT_AUTHORIZED)
    return app


def _subject(state: Sandbox, app: App, form: dict[str, str]) -> str | None:
    """The user whom the token shall act as; None for the service account."""
    type_, number = form.get("box_subject_type"), form.get("box_subject_id", "")
    if type_ == "enterprise" and number == app.enterprise:
        return None
    if type_ not in ("enterprise", "user") or (type_ == "user" and not app.user_access):
        # Box community 33124219684371. That a missing or unknown type gets the same is assumed.
        raise OAuthError("unauthorized_client", 'The "box_subject_type" value is unauthorized for this client_id')
    user = state.users.get(number) if type_ == "user" else None
    if user is None or user.enterprise != app.enterprise:
        # The guide: the subject cannot be used by this app.
        raise OAuthError("invalid_grant", "Grant credentials are invalid")
    return user.id
