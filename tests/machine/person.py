"""A person who does at Box's consoles what the tasks in ``status.nextSteps`` say, and nothing else."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from tests.fakes.box import FakeBox
from tests.fakes.cluster import FakeCluster

from box_app_operator.model.box import AuthorizationState, BoxApp, Fingerprint, Slot

IMPORT, CLIENT = "keys", "client"
"""The Secrets in which the person hands over keys, and the client's secret."""
EXPIRIES = {"30 days": 30, "60 days": 60, "No Expiry": None}


class Person:
    """Has access to Box's consoles and to Secrets.

    Attributes:
        refused: what a task asked for that nobody can do at the console.
        handed_over: the keys that were handed over at some time.
    """

    def __init__(self, box: FakeBox, kube: FakeCluster) -> None:
        self._box, self._kube = box, kube
        self.refused: list[str] = []
        self.handed_over: set[Fingerprint] = set()

    def do(self, app: BoxApp, task: Mapping[str, Any]) -> None:
        """One task, to the letter."""
        values = {field["name"]: field["value"] for field in task.get("values") or ()}
        does: Mapping[str, Callable[[], object]] = {
            "SetCORSDomains": lambda: self._set_origins(app, values["CORS Domains"]),
            "Submit": lambda: self._submit(app),
            "Authorize": lambda: self._box.decide(app.id, AuthorizationState.AUTHORIZED, enabled=True),
            "GenerateKey": lambda: self._generate(app, _slot(values["Generate Key"]), EXPIRIES[values["Expiry"]]),
            "RevokeKey": lambda: self._revoke(app, _slot(task["what"])),
            "DeleteApp": lambda: self._box.remove(app.id),
        }
        if task["kind"] in does:
            does[task["kind"]]()
        else:
            self.refused.append(task["what"])

    def hand_over(self, app: BoxApp, slot: Slot, days: int | None) -> None:
        """Generate a key in a free slot, and put it where the spec says."""
        key = self._box.generate(app.id, slot, days, by_hand=True)
        self.handed_over.add(key.fingerprint)
        self._kube.kept.setdefault(IMPORT, {})[str(slot)] = key.reveal()

    def _set_origins(self, app: BoxApp, text: str) -> None:
        self._box.put(replace(app, cors_domains=tuple(filter(None, text.split(", ")))))

    def _submit(self, app: BoxApp) -> None:
        if app.authorization.state is AuthorizationState.NOT_SUBMITTED:
            self._box.decide(app.id, AuthorizationState.PENDING, enabled=False)

    def _generate(self, app: BoxApp, slot: Slot, days: int | None) -> None:
        """Where the slot holds a key, the console wants that one revoked first."""
        self._revoke(app, slot)
        if self._box.apps[app.id].is_usable:
            self.hand_over(app, slot, days)

    def _revoke(self, app: BoxApp, slot: Slot) -> None:
        token = app.tokens.get(slot)
        if token is not None:
            self._box.before_revoke(app.id, slot, token.fingerprint)
            self._box.empty(app.id, slot)


def _slot(text: str) -> Slot:
    return next(slot for slot in Slot if slot.capitalize() in text)
