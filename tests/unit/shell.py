"""One object in a cluster and its app in Box, both imitated, and what is remembered: for the parts that do I/O."""

from typing import Any

from tests.fakes.box import FakeBox
from tests.fakes.cluster import NAME, NAMESPACE, FakeCluster, reference_of
from tests.fakes.fates import Fate
from tests.fakes.link import FakeLink, OneEnterprise, StillClock

from box_app_operator.cache.attempts import Memory
from box_app_operator.model.box import AuthorizationState, BoxApp, PendingToken, Slot
from box_app_operator.model.desired import AppKey
from box_app_operator.model.observed import Observed
from box_app_operator.ports import Token

KEY = AppKey(NAMESPACE, NAME)
S = AuthorizationState


class Shell(OneEnterprise, StillClock):
    """What the parts are made with: it is the clock and the enterprises, too."""

    link: FakeLink

    def __init__(self, **spec: Any) -> None:
        self.cluster, self.memory = FakeCluster.with_app(**spec), Memory()
        self.fates, self.store = self.cluster.fates, self.cluster.listed()
        self.box = FakeBox(self.fates, self.now)
        self.link = FakeLink(self.box, self.box)
        self.link.listing.known = True
        self.resource = self.store.apps[KEY]
        self.desired = self.resource.desired

    def edit(self, **parts: Any) -> None:
        """Somebody changes the object, and the watch tells of it."""
        self.resource = self.store.put_app(self.cluster.change(**parts))
        self.desired = self.resource.desired

    def fail_next(self, *fates: Fate) -> None:
        """What becomes of the next calls; as it is with none: no answer, but the effect."""
        self.fates.next = list(fates or (Fate.LOST_AFTER,))

    def register(self, state: S = S.AUTHORIZED) -> BoxApp:
        """The object's app, which the listing knows."""
        app = self.box.register(self.desired.display_name, reference_of(self.desired))
        self.box.decide(app.id, state, enabled=state is S.AUTHORIZED)
        self.link.listing.restore(self.box.apps[app.id])
        return self.box.apps[app.id]

    def generate(self, app: BoxApp, slot: Slot = Slot.PRIMARY) -> tuple[Token, Observed]:
        """A pending token in a slot of the app, and what a look shows of both."""
        token = self.box.generate(app.id, slot, 60)
        self.memory.set_pending(PendingToken(token.fingerprint, proven=True), token)
        self.link.listing.restore(self.box.apps[app.id])
        return token, Observed(known=True, app=self.box.apps[app.id], pending=self.memory.pending)
