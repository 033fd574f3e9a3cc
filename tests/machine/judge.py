"""What must hold at every single call, judged on the truth and not on what the operator believes.

Knows the rules of the design in its own words, so that a broken rule of the product does not break its judge too.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.fakes.box import FakeBox
from tests.fakes.cluster import FakeCluster

from box_app_operator.api.spec import parse_desired
from box_app_operator.cache.apps import Listing
from box_app_operator.model.box import AdoptionEntry, AppID, AuthorizationState, BoxApp, Fingerprint, Slot
from box_app_operator.model.desired import Retire
from box_app_operator.ports import SecretWrite

SIXTH = 6


@dataclass
class Pace:
    """When a token last took the place of another, in seconds that really passed, and how many lost ones in a row."""

    replaced_at: float | None = None
    lost: int = 0


class Judge:
    """Keeps in ``broken`` what must never happen: raised on the spot, the operator would take it for its own bug."""

    def __init__(
        self,
        box: FakeBox,
        kube: FakeCluster,
        known: Callable[[], Any],
        listing: Callable[[], Listing],
        notices: Callable[[], str],
        entries: Callable[[], list[AdoptionEntry]],
        pending: Callable[[], Fingerprint | None],
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self.box, self.kube, self.known, self.listing, self.notices = box, kube, known, listing, notices
        self.entries, self.pending, self.now, self.monotonic = entries, pending, now, monotonic
        self.overlaps: dict[Fingerprint, Any] = {}
        self.ever_published: set[Fingerprint] = set()
        self.pace = Pace()
        self.facts_lost = False
        self.looked = False
        self.coming: dict[Fingerprint, bool] = {}
        self.broken: list[str] = []
        box.before_mint, box.before_revoke, kube.before_publish = self.mint, self.revoke, self.publish
        box.before_claim = self.claim
        box.before_write, box.before_grant, kube.after_publish = self.write, self.grant, self.published

    def _must(self, so: object, otherwise: str) -> None:
        if not so:
            self.broken.append(otherwise)

    def forget_promises(self) -> None:
        """The clock was set, or the Secret is gone with what it told."""
        self.overlaps.clear()
        self.facts_lost = True
        if not self.looked:
            # What was recorded went before the new process read it.
            self.pace = Pace()

    def forget_pace(self) -> None:
        """The operator is another process, and knows what is recorded, if that is still there and its clock right."""
        self.looked = False
        if self.facts_lost:
            self.pace = Pace()

    def write(self, app: AppID, what: str, fingerprint: Fingerprint | None) -> None:
        """Nothing is done to another's app, and one that a person made is not deleted without an entry."""
        truth, body = self.box.apps.get(app), self.known()
        if truth is None or body is None:
            return
        self._must(truth.owner_uid == body["metadata"]["uid"], f"{what} another's app")
        if what == "deleted" and not truth.was_created:
            entries = [entry for entry in self.entries() if entry.client_id == truth.client_id]
            self._must(any(entry.allow_delete for entry in entries), "deleted an app without allowDelete")

    def claim(self, app: AppID, reference: str) -> None:
        """A hand-made app takes an entry of the enterprise's owner; nothing is taken from an object that lives."""
        truth, body = self.box.apps.get(app), self.known()
        if truth is None or body is None or truth.owner_uid == body["metadata"]["uid"]:
            return
        entries = [entry for entry in self.entries() if entry.client_id == truth.client_id]
        self._must(entries or truth.owner is not None, "claimed an app without an entry")
        alive = {app["metadata"]["uid"] for app in self.kube.apps.values()}
        self._must(truth.owner_uid not in alive, "took an app from an object that lives")

    def mint(self, app: AppID, slot: Slot) -> None:
        """Rule 1, I4, and that nothing but the token facet mints. Judged on what the operator could know."""
        believed, body = self.listing().by_id(app), self.known()
        if believed is None or body is None:
            return self.broken.append("minted for an unknown app")
        self._must(believed.authorization.state is AuthorizationState.AUTHORIZED, "minted without authorization")
        self._must(believed.authorization.enabled, "minted although disabled")
        self._must(slot not in believed.tokens, "minted into a slot that is occupied")
        self._must(not body["metadata"].get("deletionTimestamp"), "minted for an object that goes")
        self._must(self._active(believed) is None or self._due(believed), "minted without need")
        self._hurry(self._active(believed), self._due_by_date(believed))
        return None

    def grant(self) -> None:
        """Access tokens follow each other no faster."""
        self._hurry(self._believed_active(), by_date=True)

    def _believed_active(self) -> Fingerprint | None:
        """The token in the Secret, if it is live as the operator's clock has it."""
        desired = parse_desired(self.known())
        apps = [app for each in self.box.apps if (app := self.listing().by_id(each)) is not None]
        found = next((active for app in apps if (active := self._active(app)) is not None), None)
        secret = self.kube.secrets.get(desired.secret.name)
        if found is not None or desired.grant is None or secret is None:
            return found
        ends = datetime.fromisoformat(secret.annotations.get("boxapps.dev/expires-at", "2000-01-01T00:00:00+00:00"))
        pending = self.box.access.keys() & secret.fingerprints.values()
        return next(iter(pending), None) if ends > self.now() else None

    def _hurry(self, active: Fingerprint | None, by_date: bool) -> None:
        """At most one rotation by date in ten minutes; three lost tokens, then one in ten; on request one a minute."""
        if self.pace.replaced_at is None:
            return
        passed = self.monotonic() - self.pace.replaced_at
        if active is None:
            self._must(self.pace.lost < 3 or passed >= 600, "replaced lost tokens in a storm")
        elif by_date and not self._asked():
            self._must(passed >= 600, "rotated by date in a storm")
        else:
            self._must(passed >= 60, "rotated on request in a storm")

    def _asked(self) -> bool:
        """Is there a reason to rotate that is no date? A request, another lifetime, other credentials."""
        desired = parse_desired(self.known())
        secret = self.kube.secrets.get(desired.secret.name)
        told = dict(secret.annotations) if secret is not None else {}
        if desired.rotate_request and desired.rotate_request != told.get("boxapps.dev/rotate-requested-at"):
            return True
        if desired.grant is None:
            days = desired.token_days
            return told.get("boxapps.dev/expiry") not in (None, f"{days}d" if days is not None else "Never")
        return told.get("boxapps.dev/client-id") != self.kube.kept.get("creds", {}).get("clientID", "")

    def _active(self, app: BoxApp) -> Fingerprint | None:
        """The live token in the Secret of the wanted name."""
        body = self.known()
        secret = self.kube.secrets.get(parse_desired(body).secret.name)
        if secret is None or secret.owner_uid not in (None, body["metadata"]["uid"]):
            return None
        live = {token.fingerprint for token in app.tokens.values() if token.is_live(self.now())}
        return next((each for each in secret.fingerprints.values() if each in live), None)

    def _due(self, app: BoxApp) -> bool:
        desired = parse_desired(self.known())
        token = next(token for token in app.tokens.values() if token.fingerprint == self._active(app))
        if desired.rotate_request:
            return True
        lifetime = token.expires_at - token.created_at if token.expires_at else None
        if lifetime != (timedelta(days=desired.token_days) if desired.token_days else None):
            return True
        return self._due_by_date(app)

    def _due_by_date(self, app: BoxApp) -> bool:
        desired, now = parse_desired(self.known()), self.now()
        token = next((token for token in app.tokens.values() if token.fingerprint == self._active(app)), None)
        if token is None:
            return False
        lifetime = token.expires_at - token.created_at if token.expires_at else None
        every = desired.rotation.every
        if every is not None and now >= token.created_at + 0.9 * every:
            return True
        return bool(token.expires_at and lifetime and now >= token.expires_at - 1.1 * lifetime / SIXTH)

    def publish(self, secret: SecretWrite) -> None:
        """Rule 3."""
        fingerprint = secret.token.fingerprint
        stands = {each for view in self.kube.secrets.values() for each in view.fingerprints.values()}
        self._must(fingerprint in self.box.proven | stands, "published without proof")
        if fingerprint not in stands and secret.contents.annotations.get("boxapps.dev/previous-fingerprint"):
            # Without a previous one it is the first of all, as far as anybody can know.
            self.coming[fingerprint] = self._believed_active() is None

    def published(self, secret: SecretWrite) -> None:
        """Another token is about to stand in the Secret, in place of what is there: a call that was lost began none."""
        self.ever_published.add(secret.token.fingerprint)
        there = self.kube.secrets.get(secret.name)
        before = set(there.fingerprints.values()) if there else set()
        if secret.token.fingerprint not in before:
            self.overlaps |= dict.fromkeys(before & self.box.issued.keys(), self.now())
        lost = self.coming.pop(secret.token.fingerprint, None)
        if lost is not None:
            quiet = self.pace.replaced_at is None or self.monotonic() >= self.pace.replaced_at + 1800
            self.pace = Pace(self.monotonic(), min((0 if quiet else self.pace.lost) + lost, 3))
            self.facts_lost = False

    def revoke(self, app: AppID, slot: Slot, fingerprint: Fingerprint) -> None:
        """Rules 2, 4 and 5, I2: no consumer loses a token that it was promised."""
        truth, body, now = self.box.apps.get(app), self.known(), self.now()
        token = truth.tokens.get(slot) if truth else None
        if truth is None or body is None or token is None or token.fingerprint != fingerprint or not token.is_live(now):
            return
        desired = parse_desired(body)
        foreign = self.box.issued[fingerprint].by_hand and desired.import_from is None
        self._must(not (desired.client_id and foreign), "revoked somebody's key on an adopted app")
        active = self._active(truth)
        if desired.deleting or active is None:
            return
        self._must(fingerprint != active, "revoked the token in the Secret")
        began, cap = self.overlaps.get(fingerprint), self._cap(truth, active)
        if began is not None and (cap is None or now < cap):
            self._must(now >= began + desired.rotation.overlap, "revoked within the overlap")
        if desired.rotation.retire is Retire.WHEN_UNUSED:
            # Nobody can connect a pod with a Secret of a former name that somebody deleted, or took from its owner.
            owned = {secret.name for secret in self.kube.secrets.values() if secret.owner_uid is not None}
            pods = (pod for pod in self.kube.pods if pod.secret in {desired.secret.name, *owned})
            users = [pod.name for pod in pods if fingerprint in pod.holds]
            self._must(not users or "RetiredInUse" in self.notices(), f"revoked although {users} hold it")

    def _cap(self, app: BoxApp, active: Fingerprint) -> Any:
        """From when on the active token must be replaced, whatever was promised for the previous one."""
        token = next((token for token in app.tokens.values() if token.fingerprint == active), None)
        if token is None or token.expires_at is None:
            return None
        return token.expires_at - (token.expires_at - token.created_at) / (2 * SIXTH)

    def everything_visible(self) -> str:
        """Whatever people can read that are not allowed to read Secrets."""
        shown = [json.dumps(body, default=str) for body in self.kube.apps.values()]
        shown += [json.dumps([dict(each.annotations), dict(each.labels)]) for each in self.kube.secrets.values()]
        return " ".join([*shown, *self.kube.messages, *(str(restart) for restart in self.kube.restarts)])
