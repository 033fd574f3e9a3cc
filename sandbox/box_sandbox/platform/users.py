"""``GET /2.0/users/me``: whom a token acts as. Source: Box OpenAPI 2024.0, ``User``.

Whether App Tokens may call it is not documented: Box's list of what they may call does not have it
(box/developer.box.com, authentication/app-token/endpoints), and the sample in the guide beside it does
(authentication/app-token/without-sdk). So the sandbox can play both.
"""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from box_sandbox.http.routing import route
from box_sandbox.platform.content import caller, insufficient_scope, json_answer, preflight
from box_sandbox.state.model import ENTERPRISE, AccessToken, Account, App


async def me(request: Request) -> Response:
    """The service account of an app, or a person; ``fields`` narrows and widens what is shown."""
    state, account, token = caller(request)
    if state.config.app_tokens_without_users_me and _is_of_app_tokens(state.apps[token.app_id], token):
        raise insufficient_scope()
    user = _user(account)
    fields = request.query_params.get("fields")
    if fields:
        known = {**user, "enterprise": _enterprise(account.enterprise)}
        user = {name: known[name] for name in ("type", "id", *fields.split(",")) if name in known}
    return json_answer(request, user)


def _is_of_app_tokens(app: App, token: AccessToken) -> bool:
    """Is it an App Token, or downscoped from one? A developer token of the same app is a person's."""
    return app.kind == "app_token" and token.kind != "developer"


def _user(account: Account) -> dict[str, Any]:
    return {
        "type": "user",
        "id": account.account_id,
        "name": account.name,
        "login": account.login,
        "created_at": account.created_at.isoformat(timespec="seconds"),
        "modified_at": account.modified_at.isoformat(timespec="seconds"),
        "language": "en",
        "timezone": "America/Los_Angeles",
        "space_amount": 10_737_418_240,
        "space_used": sum(len(item.content) for item in account.items.values()),
        "max_upload_size": 52_428_800,
        "status": "active",
        "job_title": "",
        "phone": "",
        "address": "",
        "avatar_url": "",
    }


def _enterprise(number: str) -> dict[str, str]:
    name = "Sandbox Enterprise" if number == ENTERPRISE else f"Enterprise {number}"
    return {"type": "enterprise", "id": number, "name": name}


ROUTES = [route("/2.0/users/me", {"GET": me, "OPTIONS": preflight})]
