"""Statuses of a BoxEnterprise, as its link writes them when Box or the cluster answer so."""

import asyncio
from typing import Any

from tests.fakes.link import Surroundings
from tests.gitops.record import Json, State, later
from tests.gitops.record import manifest as app_manifest

from box_app_operator.api.enterprise import parse_enterprise
from box_app_operator.api.spec import FINALIZER, Body
from box_app_operator.cache.cluster import Store
from box_app_operator.enterprise.registry import Enterprises
from box_app_operator.errors import AwaitingHumanError, OperatorError, TransientError

CREDENTIAL = {"namespace": "box-app-operator", "name": "box-console", "key": "token"}
AUTOMATED = {"mode": "Automated", "url": "https://console.example.com", "credentialsSecretRef": CREDENTIAL}
AWAY = TransientError("BoxUnavailable", "GET /2.0/users/me: no answer (ConnectError)")
REFUSED = AwaitingHumanError("CredentialRejected", "The console refuses the credential.")
FORBIDDEN = AwaitingHumanError("CredentialForbidden", "The console does not allow the listing with this credential.")


class Writer:
    """Whoever writes the status of a BoxEnterprise: ``written`` is the first one."""

    def __init__(self) -> None:
        self.written: asyncio.Future[Json] = asyncio.get_running_loop().create_future()

    async def set_finalizers(self, body: Body, finalizers: list[str]) -> Body | None:
        """No app uses it."""
        raise AssertionError(finalizers)

    async def write_status(self, body: Body, status: Json) -> Body | None:
        """What would be written."""
        if not self.written.done():
            self.written.set_result(status)
        return None


def manifest(spec: Json, **changes: Any) -> Json:
    """A BoxEnterprise that nobody has looked at yet; ``changes`` are those of its metadata."""
    meta = {"name": "default", "uid": "8a5a0f0e-0c7c-4c1f-a9d5-5d0c6b2a7f10", "generation": 1}
    return {
        "apiVersion": "boxapps.dev/v1alpha1",
        "kind": "BoxEnterprise",
        "metadata": {**meta, "creationTimestamp": "2026-03-01T11:00:00Z", **changes},
        "spec": spec,
        "status": {"observedGeneration": -1},
    }


def record(spec: Json, value: str | None = None, error: OperatorError | None = None) -> Json:
    """The object after its link tried for the first time."""
    body = manifest(spec)
    return {**body, "status": asyncio.run(_written(body, value, error))}


def record_deleted(*apps: Json) -> Json:
    """The object after it was deleted while these apps use it."""
    body = manifest(ASSISTED, generation=2, deletionTimestamp="2026-03-01T11:59:00Z", finalizers=[FINALIZER])
    return {**body, "status": asyncio.run(_written(body, None, None, *apps))}


async def _written(body: Json, value: str | None, error: OperatorError | None, *apps: Json) -> Json:
    writer, store = Writer(), Store()
    for app in apps:
        store.put_app({**app, "metadata": {**app["metadata"], "resourceVersion": "1"}})
    enterprises = Enterprises(Surroundings(value, error).for_links(store), writer, 0.0)
    try:
        enterprises.put(parse_enterprise(body), body)
        return await asyncio.wait_for(writer.written, 60)
    finally:
        await enterprises.close()


ASSISTED = {"console": {"mode": "Assisted"}}
WITH_CONSOLE = {"console": AUTOMATED}
WITH_CA = {**ASSISTED, "platform": {"caSecretRef": {**CREDENTIAL, "key": "ca.crt"}}}
READY = record(ASSISTED)
MISSING = record(WITH_CONSOLE)

ENTERPRISES = [
    State("enterprise just applied", manifest(ASSISTED), "Progressing", "InProgress"),
    State("enterprise ready", READY, "Healthy", "Current"),
    State("credential missing", MISSING, "Progressing", "InProgress"),
    State("credential is none", record(WITH_CONSOLE, "two words"), "Degraded", "Failed"),
    State("credential refused", record(WITH_CONSOLE, "secret", REFUSED), "Degraded", "Failed"),
    State("listing forbidden", record(WITH_CONSOLE, "secret", FORBIDDEN), "Degraded", "Failed"),
    State("ca missing", record(WITH_CA), "Progressing", "InProgress"),
    State("ca is none", record(WITH_CA, "no bundle"), "Degraded", "Failed"),
    State("enterprise that cannot be read", record({"console": {"mode": "Robot"}}), "Degraded", "Failed"),
    State("enterprise away", record(ASSISTED, None, AWAY), "Progressing", "InProgress"),
    State("enterprise changed", later(READY, WITH_CONSOLE), "Progressing", "InProgress"),
    State("enterprise deleted and in use", record_deleted(app_manifest()), "Progressing", "Terminating"),
    State("enterprise corrected", later(MISSING, ASSISTED), "Progressing", "InProgress"),
]
