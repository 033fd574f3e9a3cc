"""How the commands reach a sandbox that runs."""

import functools
from collections.abc import Callable
from typing import Any

import click
import httpx

URL = click.option(
    "--url", envvar="BOX_SANDBOX_URL", show_envvar=True, default="http://127.0.0.1:8099", show_default=True
)
ADMIN = click.option(
    "--admin-token",
    envvar="BOX_SANDBOX_ADMIN_TOKEN",
    show_envvar=True,
    required=True,
    help="Better in the environment.",
)


class Remote:
    """A sandbox, with the rights of its admin. Every trouble is one line for whoever typed the command."""

    def __init__(self, url: str, admin_token: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {admin_token}"}

    def call(self, method: str, path: str, json: Any = None) -> Any:
        """The body of the answer; an answer without one is an empty body."""
        url = f"{self._url}/sandbox/v1{path}"
        try:
            response = httpx.request(method, url, headers=self._headers, json=json, timeout=10.0)
        except httpx.HTTPError as error:
            raise click.ClickException(f"The sandbox at {url} does not answer ({type(error).__name__})") from None
        body = _body(response)
        if body is None:
            raise click.ClickException(f"What answers at {url} is no sandbox (status {response.status_code})")
        if response.is_error:
            raise click.ClickException(f"The sandbox refuses: {body.get('message')} ({response.status_code})")
        return body

    def apps(self) -> list[Any]:
        """All apps."""
        return list(self.call("GET", "/apps")["entries"])

    def path(self, app: str) -> str:
        """The path of an app, by its id, name or client id."""
        found = [known for known in self.apps() if app in (known["id"], known["name"], known["client_id"])]
        if not found:
            raise click.ClickException(f"There is no app {app!r}; `box-sandbox list` shows all")
        return f"/apps/{found[0]['id']}"


def _body(response: httpx.Response) -> dict[str, Any] | None:
    if response.status_code == httpx.codes.NO_CONTENT:
        return {}
    try:
        body = response.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def remotely(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say which sandbox is meant, and that sandbox as its first argument."""

    @URL
    @ADMIN
    @functools.wraps(command)
    def wrapped(url: str, admin_token: str, **arguments: Any) -> None:
        command(Remote(url, admin_token), **arguments)

    return wrapped
