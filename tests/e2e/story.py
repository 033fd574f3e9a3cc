"""Things that many tests do, in one word each."""

import base64
from collections.abc import Callable
from typing import Any

import httpx

from playground import Playground
from playground.output import until
from playground.play import GROUP, NAMESPACE, condition

DOMAINS = ["https://app.example.com", "https://*.internal.example.com", "http://localhost:3000"]

LABELS = {"app.kubernetes.io/managed-by": "box-app-operator", "boxapps.dev/app": "viewer"}
"""The operator's own, on every Secret of the app "viewer"."""


def values(secret: Any) -> dict[str, str]:
    """The data of a Secret, decoded."""
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}


def stated(body: Any, type_: str = "Ready") -> dict[str, Any]:
    """A condition, which must be there."""
    found = condition(body, type_)
    assert found is not None, f"there is no condition {type_}: {body.get('status')}"
    return found


def message_of(body: Any, type_: str = "Ready") -> str:
    """The message of a condition, which must be there."""
    return str(stated(body, type_)["message"])


def secret_path(ns: str, name: str = "viewer-box-token") -> str:
    """The API path of a Secret."""
    return f"/api/v1/namespaces/{ns}/secrets/{name}"


def enterprise_path(name: str) -> str:
    """The API path of a BoxEnterprise."""
    return f"{GROUP}/boxenterprises/{name}"


def change(play: Playground, ns: str, name: str = "viewer", **spec: Any) -> httpx.Response:
    """Try to change fields of an app's spec; None takes one away. The answer may be a refusal."""
    return play.cluster.send("PATCH", play.path(ns, name), {"spec": spec}, "application/merge-patch+json")


def make_ready(play: Playground, ns: str, name: str = "viewer", **spec: Any) -> dict[str, Any]:
    """Make an app, approve it, wait until it is Ready; returns the object."""
    play.app(ns, name, **spec)
    return approve(play, ns, name)


def approve(play: Playground, ns: str, name: str = "viewer") -> dict[str, Any]:
    """Wait until the app is submitted, approve it as its admin would, wait until it is Ready; returns the object."""
    authorize(play, ns, name)
    return play.await_condition(ns, name, "Ready")


def submit(play: Playground, ns: str, name: str = "viewer", **spec: Any) -> None:
    """Make an app, and authorize it as its admin would."""
    play.app(ns, name, **spec)
    authorize(play, ns, name)


def authorize(play: Playground, ns: str, name: str = "viewer") -> None:
    """Wait until the app is submitted, and approve it as its admin would."""
    play.await_condition(ns, name, "PendingApproval", "Authorized")
    play.box.decide(play.get(ns, name)["spec"]["displayName"], "authorize")


def await_body(
    play: Playground, ns: str, fits: Callable[[Any], object], what: str, name: str = "viewer", seconds: float = 20.0
) -> dict[str, Any]:
    """Wait until an object is as it should be; returns it."""

    def look() -> dict[str, Any] | None:
        body = play.get(ns, name)
        return dict(body) if fits(body) else None

    return until(look, seconds, what)


def await_gone(play: Playground, ns: str, name: str = "viewer", seconds: float = 30.0) -> None:
    """Wait until an object is gone."""
    until(lambda: play.get(ns, name) is None, seconds, f"{ns}/{name} to go")


def delete(play: Playground, ns: str, name: str = "viewer") -> None:
    """Delete an object and wait until it is gone."""
    play.cluster.delete(play.path(ns, name))
    await_gone(play, ns, name)


def force(play: Playground, ns: str) -> None:
    """Have a deleted object go, whatever becomes of Box."""
    force_delete = {"metadata": {"annotations": {"boxapps.dev/force-delete": "true"}}}
    play.cluster.patch(play.path(ns, "viewer"), force_delete)
    await_gone(play, ns)


def box_app(play: Playground, ns: str, name: str = "viewer") -> dict[str, Any]:
    """The app in Box that belongs to an object of the default display name."""
    app = play.box.app(f"{ns} {name}")
    assert app is not None, f"Box has no app {ns} {name}"
    return app


def live_tokens(play: Playground, app: dict[str, Any]) -> list[str]:
    """Values of the tokens of an app that Box accepts."""
    return [entry["token"] for entry in play.box.issued_tokens() if entry["app_id"] == app["id"] and entry["live"]]


def await_one_token(play: Playground, ns: str, name: str = "viewer", seconds: float = 20.0) -> str:
    """Wait until exactly one token of the app is live and it is the one in the Secret; returns it.

    This is invariant I1 of the design.
    """

    def settled() -> str | None:
        secret, live = play.secret(ns, f"{name}-box-token"), live_tokens(play, box_app(play, ns, name))
        token = values(secret).get("BOX_APP_TOKEN") if secret else None
        return token if token is not None and live == [token] else None

    return until(settled, seconds, f"exactly one live token of {ns}/{name}, in its Secret")


def named_apps(play: Playground, name: str) -> list[dict[str, Any]]:
    """All apps in Box of this name: never more than one."""
    return [app for app in play.box.apps() if app["name"] == name]


def await_enterprise(play: Playground, name: str, reason: str) -> dict[str, Any]:
    """Wait until a BoxEnterprise is Ready, or not, for this reason and this generation."""

    def look() -> dict[str, Any] | None:
        body = play.cluster.get(f"{GROUP}/boxenterprises/{name}")
        found = condition(body, "Ready")
        current = found is not None and found["observedGeneration"] == body["metadata"]["generation"]
        return dict(body) if current and found is not None and found["reason"] == reason else None

    return until(look, 20, f"BoxEnterprise {name} to be Ready for {reason}")


def delete_by_force(play: Playground, enterprise: str) -> None:
    """Delete a BoxEnterprise although apps use it, and wait until it is gone."""
    path = enterprise_path(enterprise)
    play.cluster.patch(path, {"metadata": {"annotations": {"boxapps.dev/force-delete": "true"}}})
    play.cluster.delete(path)
    await_enterprise_gone(play, enterprise)


def await_enterprise_gone(play: Playground, name: str) -> None:
    """Wait until a BoxEnterprise is gone."""
    until(lambda: play.cluster.get(enterprise_path(name)) is None, 20, f"BoxEnterprise {name} to go")


def console_with(play: Playground, secret: str, ns: str = NAMESPACE, **changes: str) -> dict[str, Any]:
    """``spec.console`` of an enterprise whose credential is in this Secret, under the key "token"."""
    reference = {"namespace": ns, "name": secret, "key": "token"}
    return {"mode": "Automated", "url": play.box.url, "credentialsSecretRef": reference, **changes}


def ready_count(play: Playground) -> int:
    """How many apps are Ready, in all namespaces."""
    items = play.cluster.get(f"{GROUP}/boxcustomapps")["items"]
    return sum((condition(item, "Ready") or {}).get("status") == "True" for item in items)
