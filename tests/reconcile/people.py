"""People who work at Box's consoles by hand, in a sandbox in this process."""

from typing import Any

from tests.sandbox.world import ADMIN, Box

CONSOLE_BY_PERSON = "/sandbox/v1/apps"
ELSEWHERE = "7654321"
"""Another enterprise than the sandbox's own."""


class People:
    """Developer and admin of a Box that may have no Console API."""

    def __init__(self, box: Box) -> None:
        self.box = box

    async def call(self, method: str, path: str, status: int, body: Any = None) -> Any:
        """Ask the sandbox for what people do by hand."""
        return await self.box.call(method, path, status, bearer=ADMIN, json=body)

    async def create(self, name: str = "Viewer", **traits: Any) -> Any:
        """A new app."""
        return await self.call("POST", CONSOLE_BY_PERSON, 201, {"name": name, **traits})

    async def decide(self, app: Any, decision: str = "authorize") -> Any:
        """The admin decides."""
        return await self.call(
            "POST", f"{CONSOLE_BY_PERSON}/{app['id']}/authorization/decision", 200, {"decision": decision}
        )

    async def authorized(self, name: str = "Viewer", **traits: Any) -> Any:
        """A new app that the admin has authorized."""
        return await self.decide(await self.create(name, **traits))

    async def app_of(self, app: Any) -> Any:
        """The app as it is now."""
        return await self.call("GET", f"{CONSOLE_BY_PERSON}/{app['id']}", 200)

    async def generate(self, app: Any, slot: str = "primary", days: int | None = 30) -> str:
        """A new key."""
        path = f"{CONSOLE_BY_PERSON}/{app['id']}/tokens/{slot}"
        return str((await self.call("POST", path, 201, {"expires_in_days": days}))["token"])

    async def secret(self, app: Any) -> str:
        """The client secret."""
        return str((await self.call("GET", f"{CONSOLE_BY_PERSON}/{app['id']}/client-secret", 200))["client_secret"])

    async def developer_token(self, app: Any) -> str:
        """A developer token."""
        return str((await self.call("POST", f"{CONSOLE_BY_PERSON}/{app['id']}/developer-token", 201))["token"])

    async def user(self, login: str = "dana@acme.example", **traits: Any) -> Any:
        """A new managed user."""
        return await self.call("POST", "/sandbox/v1/users", 201, {"login": login, **traits})

    async def me(self, token: str, fields: str | None = None) -> Any:
        """Whom a token acts as."""
        params = {"fields": fields} if fields else {}
        return await self.box.call("GET", "/2.0/users/me", 200, bearer=token, params=params)

    async def turned_away(self, token: str) -> str | None:
        """What a token that does not work is told: None for nothing at all."""
        error = await self.box.call("GET", "/2.0/users/me", 401, bearer=token)
        return error["message"] if error is not None else None
