"""What must hold after every end-to-end test, whatever it did.

The audit log of the control plane keeps every status and Event that was ever written, so that nothing escapes these
checks by being overwritten.
"""

import json
from collections.abc import Iterator
from typing import Any

from tests.unit.status_invariants import check_status

from playground import Cluster, Playground
from playground.cluster import is_own
from playground.play import GROUP

FORBIDDEN = 403
NOT_LOOKED_AT = {"observedGeneration": -1}
"""What the schema gives to a new object."""


class Aftermath:
    """Looks back at what happened since ``begin``.

    Attributes:
        refusals_expected: does this test take rights away?
        last_words: parts of the lines with which this test expects the operator to end.
    """

    def __init__(self, play: Playground) -> None:
        self.refusals_expected = False
        self.last_words: tuple[str, ...] = ()
        self._play = play
        self._log_size = 0
        self._audit_start = play.cluster.audit_size()
        self._audit_size = self._audit_start

    def begin(self) -> None:
        """A test begins."""
        self.refusals_expected, self.last_words = False, ()
        self._log_size, self._audit_size = len(self._play.logs()), self._play.cluster.audit_size()

    def check(self) -> None:
        """Raise AssertionError for whatever must not have happened."""
        self._check_log()
        self._check_rights()
        self._check_statuses()

    def _check_log(self) -> None:
        """An error in the log is a bug: waiting is not one, and neither is a Box that is out of reach."""
        said = self._play.logs()[self._log_size :].splitlines()
        loud = [line for line in said if " ERROR " in line or "Traceback" in line or " CRITICAL " in line]
        bad = [line for line in loud if not any(words in line for words in self.last_words)]
        assert not bad, "\n".join(said[-60:])

    def _check_rights(self) -> None:
        """The rights that ship are enough, for reading as well as for writing."""
        refused = [
            (entry["verb"], entry.get("requestURI"))
            for entry in self._play.cluster.audit(self._audit_size)
            if is_own(entry)
            and entry["responseStatus"]["code"] == FORBIDDEN
            and "being terminated" not in str(entry["responseStatus"])
        ]
        assert self.refusals_expected or not refused, refused

    def _check_statuses(self) -> None:
        """Every status that was written keeps the invariants, and differs from the one before."""
        last: dict[str, Any] = {}
        edited: set[str] = set()
        for entry in self._entries():
            body = entry.get("responseObject") or {}
            if body.get("kind") != "BoxCustomApp" or body.get("status", NOT_LOOKED_AT) == NOT_LOOKED_AT:
                continue
            uid = body["metadata"]["uid"]
            by_hand, of_status = not is_own(entry), entry["objectRef"].get("subresource") == "status"
            if by_hand or (uid in edited and not of_status):
                # Whatever the test wrote there, the operator's next status is judged by itself.
                edited.add(uid)
                last.pop(uid, None)
                continue
            edited.discard(uid)
            before, last[uid] = last.get(uid), body
            check_status(before, body)
            if of_status and before is not None:
                assert before["status"] != body["status"], f"a status was written that changed nothing: {body}"

    def _entries(self) -> Iterator[dict[str, Any]]:
        """What the operator wrote, and every status that somebody else did."""
        for entry in self._play.cluster.audit(self._audit_size):
            by_hand = (entry.get("objectRef") or {}).get("subresource") == "status"
            if (by_hand or is_own(entry)) and entry["verb"] in ("create", "patch", "update"):
                yield entry

    def check_no_leaks(self) -> None:
        """No token that Box ever issued stands anywhere but in the data of a Secret."""
        tokens = {entry["token"]: entry["fingerprint"] for entry in self._play.box.issued_tokens()}
        for place, text in self._everything():
            leaked = [fingerprint for token, fingerprint in tokens.items() if token in text]
            assert not leaked, f"tokens {leaked} stand in {place}"

    def _everything(self) -> Iterator[tuple[str, str]]:
        yield "the operator's log", self._play.logs()
        yield "the sandbox's log", self._play.box.log.read_text(errors="replace")
        with self._play.cluster.audit_log.open("rb") as file:
            file.seek(self._audit_start)
            yield "the audit log", file.read().decode(errors="replace")
        for path in (f"{GROUP}/boxcustomapps", f"{GROUP}/boxenterprises", "/api/v1/events", "/api/v1/secrets"):
            for item in self._play.cluster.get(path)["items"]:
                item.pop("data", None)
                yield f"{path}/{item['metadata']['name']}", json.dumps(item)


def clear_cluster(cluster: Cluster) -> None:
    """Let the next module begin with nothing. No operator runs any more, so that finalizers are taken off here."""
    for plural in ("boxcustomapps", "boxenterprises"):
        for item in cluster.get(f"{GROUP}/{plural}")["items"]:
            meta = item["metadata"]
            scope = f"/namespaces/{meta['namespace']}" if "namespace" in meta else ""
            path = f"{GROUP}{scope}/{plural}/{meta['name']}"
            if meta.get("finalizers"):
                cluster.patch(path, {"metadata": {"finalizers": None}})
            cluster.delete(path)
