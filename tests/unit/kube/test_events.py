"""Events on their way to the API server: each is there once, whatever becomes of the first try."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import pytest

from box_app_operator.errors import TransientError
from box_app_operator.kube.api import KubeError
from box_app_operator.kube.objects import KubeObjects

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
APP = {
    "apiVersion": "boxapps.dev/v1alpha1",
    "kind": "BoxCustomApp",
    "metadata": {"namespace": "billing", "name": "viewer", "uid": "u", "resourceVersion": "1"},
}
LOST = TransientError("KubernetesUnavailable", "no answer", uncertain=True)
TAKEN = KubeError("POST", HTTPStatus.CONFLICT, "AlreadyExists")
FORBIDDEN = KubeError("POST", HTTPStatus.FORBIDDEN, "Forbidden")
GONE = KubeError("POST", HTTPStatus.GONE, "Gone")


class Api:
    """Answers each request with the next outcome."""

    def __init__(self, *outcomes: Exception | None) -> None:
        self.outcomes, self.names = list(outcomes), []

    async def request(self, method: str, path: str, *, body: Any = None, **_: Any) -> Any:
        """Note the name of the Event."""
        assert (method, path) == ("POST", "/api/v1/namespaces/billing/events")
        self.names.append(body["metadata"]["name"])
        outcome = self.outcomes.pop(0)
        if outcome is not None:
            raise outcome
        return body


@pytest.mark.parametrize(
    ("outcomes", "tries", "logged"),
    [
        ((None,), 1, False),
        ((LOST, None), 2, False),
        ((LOST, TAKEN), 2, False),
        ((GONE, None), 2, False),
        ((LOST, LOST), 2, True),
        ((FORBIDDEN,), 1, True),
    ],
)
async def test_a_lost_event_is_tried_once_more(
    outcomes: tuple[Exception | None, ...], tries: int, logged: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Under the same name, so that it cannot be there twice."""
    api = Api(*outcomes)
    objects = KubeObjects(api, "box-app-operator")  # type: ignore[arg-type]  # all that is asked of it

    await objects.emit_event(APP, warning=False, reason="TokenRotated", message="m", now=NOON)

    assert (len(api.names), len(set(api.names))) == (tries, 1)
    assert ("could not be written" in caplog.text) is logged
