"""The operator is killed again and again while everything is under way: in the end nothing is lost and nothing doubled.

``KILL_SEED`` repeats the choices of an earlier run; the moments still depend on the machine.
"""

import itertools
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.e2e.conftest import AUTO_APPROVE
from tests.e2e.rotating import annotate
from tests.e2e.story import values

from box_app_operator.model.box import parse_reference
from playground import Playground
from playground.output import until
from playground.play import GROUP, condition

pytestmark = pytest.mark.usefixtures("operator_runs")

PLANES = ("embedded", "real")
"""Which namespaces are watched makes no difference to what is counted here."""
BOX_FLAGS = AUTO_APPROVE
APPS = 50
ROUNDS = 26
MAX_ROUNDS = 60
"""On a busy machine it happens more often that all work is done before the kill."""
FEWEST_KILLS = 20
FEWEST_ROTATIONS = 2
CREATED_AT_ONCE = 5
ROTATED_AT_ONCE = 10
DELETING = range(4, 18)
"""The rounds in which objects are deleted; enough of them follow for those that take their place to be rotated."""
BREATH = 3
"""Every so many rounds the operator may live until each request to rotate is fulfilled."""
SETTLE_SECONDS = 60


@pytest.fixture
def dice() -> random.Random:
    """Every choice of the test; what is printed here is shown when the test fails."""
    seed = int(os.environ.get("KILL_SEED") or random.randrange(2**32))
    sys.stdout.write(f"\nKILL_SEED={seed}\n")
    return random.Random(seed)


@dataclass
class Herd:
    """The apps of the test.

    Attributes:
        there: the objects that must be there, by name, as they were created.
        gone: the objects that were deleted.
        asked: how often each was asked to rotate; the last request is named after that.
    """

    play: Playground
    ns: str
    dice: random.Random
    there: dict[str, dict[str, Any]] = field(default_factory=dict)
    gone: list[dict[str, Any]] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)

    def create(self, count: int) -> None:
        """Make apps of all kinds under names that were never used."""
        for _ in range(count):
            name = f"app-{len(self.there) + len(self.gone):03}"
            overlap, retire = self.dice.choice(["500ms", "1s"]), self.dice.choice(["AfterOverlap", "WhenUnused"])
            rotation = {"overlap": overlap, "retire": retire}
            policy = self.dice.choice(["RevokeTokens", "Delete"])
            self.there[name] = self.play.app(self.ns, name, tokens={"rotation": rotation}, deletionPolicy=policy)

    def replace(self, count: int) -> None:
        """Delete some, and make as many anew under other names."""
        for name in self.dice.sample(sorted(self.there), count):
            self.play.cluster.delete(self.play.path(self.ns, name))
            self.gone.append(self.there.pop(name))
        self.create(count)

    def rotate(self, count: int) -> None:
        """Ask those to rotate that were asked least often, among equals any."""
        order = sorted(self.there, key=lambda name: (self.asked[name], self.dice.random()))
        for name in order[:count]:
            self.asked[name] += 1
            annotate(self.play, self.ns, name, "rotate-requested-at", f"request-{self.asked[name]}")

    def request_of(self, name: str) -> str | None:
        """The last request to rotate; None when there was none."""
        return f"request-{self.asked[name]}" if self.asked[name] else None


def owner_of(app: dict[str, Any]) -> str:
    """The uid of the object whose app it is, as the reference says."""
    reference = parse_reference(app["reference"])
    assert reference is not None, app
    return reference.owner.uid


def give_work(herd: Herd, number: int) -> int:
    """Hand out the work of a round; returns a number of Box calls that it is sure to cost."""
    created = min(CREATED_AT_ONCE, APPS - len(herd.there))
    herd.create(created)
    if number in DELETING:
        herd.replace(herd.dice.randint(1, 2))
    rotated = min(ROTATED_AT_ONCE, len(herd.there) - created)
    herd.rotate(rotated)
    # To register, submit, generate and prove. A rotation is to generate, prove and revoke, one of which may be done.
    return 4 * created + 2 * rotated


def kill_within(play: Playground, calls: int, since: int) -> None:
    """Kill the operator once so many Box calls were seen."""
    until(lambda: len(play.box.requests(since)) >= calls, 30, f"{calls} Box calls")
    play.operator.check()
    play.operator.kill()


def test_fifty_apps_survive_that_the_operator_is_killed_over_and_over(
    play: Playground, ns: str, dice: random.Random
) -> None:
    """Created, rotated and deleted across more than twenty kills: one app and one live token each, none left over."""
    herd, began, audit = Herd(play, ns, dice), time.monotonic(), play.cluster.audit_size()

    interrupted = kill_over_and_over(herd)
    await_none_open(herd, in_cluster, in_box, tokens)

    check_nothing_is_doubled(play)
    assert interrupted >= FEWEST_KILLS
    assert len(herd.there) == APPS
    assert {body["spec"]["deletionPolicy"] for body in herd.gone} == {"RevokeTokens", "Delete"}
    recorded = recorded_rotations(play, ns, audit)
    assert min(recorded[name] for name in herd.there) >= FEWEST_ROTATIONS, recorded
    sys.stdout.write(
        f"{interrupted} kills interrupted something; {play.box.mark()} Box calls, {len(herd.gone)} objects "
        f"deleted, {recorded.total()} of {herd.asked.total()} rotations recorded, {time.monotonic() - began:.0f} s\n"
    )


def kill_over_and_over(herd: Herd) -> int:
    """Round for round: hand out work, kill while it is done, start again; returns how many kills left work undone."""
    play, interrupted = herd.play, 0
    for number in range(MAX_ROUNDS):
        if number >= ROUNDS and interrupted >= FEWEST_KILLS:
            break
        if number % BREATH == 0:
            await_none_open(herd, in_cluster)
        since = play.box.mark()
        sure = give_work(herd, number)
        kill_within(play, herd.dice.randint(1, sure), since)
        interrupted += any(in_cluster(herd))
        check_nothing_is_doubled(play)
        play.operator.start()
    return interrupted


def check_nothing_is_doubled(play: Playground) -> None:
    """Not for a moment are there two apps of one name, or of one object."""
    for field_ in ("name", "reference"):
        often = {text: count for text, count in Counter(app[field_] for app in play.box.apps()).items() if count > 1}
        assert not often, f"Box has apps of the same {field_}: {often}"


def await_none_open(herd: Herd, *checks: Callable[[Herd], Iterator[str]]) -> None:
    """Wait until these checks find nothing any more that is not as it must be."""
    open_: list[str] = []

    def look() -> bool:
        open_[:] = itertools.chain.from_iterable(check(herd) for check in checks)
        return not open_

    try:
        until(look, SETTLE_SECONDS, "everything to settle")
    except TimeoutError as error:
        raise TimeoutError("\n".join([str(error), *open_, herd.play.logs()[-6000:]])) from None


def in_cluster(herd: Herd) -> Iterator[str]:
    """Exactly the objects that must be there are, Ready, with their last rotation recorded."""
    items = herd.play.cluster.get(f"{GROUP}/namespaces/{herd.ns}/boxcustomapps")["items"]
    names = {item["metadata"]["name"] for item in items}
    yield from (f"{name} is missing" for name in herd.there.keys() - names)
    for item in items:
        name, status = item["metadata"]["name"], item.get("status") or {}
        if item["metadata"].get("deletionTimestamp"):
            yield f"{name} hangs in its deletion"
        elif (condition(item, "Ready") or {}).get("status") != "True":
            yield f"{name} is not Ready: {condition(item, 'Ready')}"
        elif status.get("lastHandledRotateAt") != herd.request_of(name):
            yield f"{name} records {status.get('lastHandledRotateAt')}, not {herd.request_of(name)}"


def in_box(herd: Herd) -> Iterator[str]:
    """Box has the app of every object, and of those that were deleted only what their policy leaves, without tokens."""
    apps = {owner_of(app): app for app in herd.play.box.apps()}
    for name, body in herd.there.items():
        if apps.pop(body["metadata"]["uid"], None) is None:
            yield f"{name} has no app"
    for body in herd.gone:
        app, policy = apps.pop(body["metadata"]["uid"], None), body["spec"]["deletionPolicy"]
        if app is not None and policy == "Delete":
            yield f"{app['name']} was to be deleted"
        elif app is not None and any(app["tokens"].values()):
            yield f"{app['name']} was to have no tokens: {app['tokens']}"
    yield from (f"nobody made {mark}" for mark in apps)


def tokens(herd: Herd) -> Iterator[str]:
    """Each app has exactly one live token, the one in its Secret, and nothing else in Box is live."""
    live: dict[str, set[str]] = {}
    for entry in herd.play.box.issued_tokens():
        if entry["live"]:
            live.setdefault(entry["app_id"], set()).add(entry["token"])
    for name in herd.there:
        secret = herd.play.secret(herd.ns, f"{name}-box-token")
        app_id = ((herd.play.get(herd.ns, name) or {}).get("status") or {}).get("appID", "")
        mine = live.pop(app_id, set())
        if secret is None or mine != {values(secret)["BOX_APP_TOKEN"]}:
            yield f"{name} has {len(mine)} live tokens, and its Secret {'is missing' if secret is None else 'another'}"
    yield from (f"app {app_id} has {len(left)} live tokens that nobody knows" for app_id, left in live.items())


def recorded_rotations(play: Playground, ns: str, start: int) -> Counter[str]:
    """How many different requests to rotate were ever recorded in the status of each app, deleted ones too."""
    written = (entry.get("responseObject") or {} for entry in play.cluster.audit(start))
    apps = (body for body in written if body.get("kind") == "BoxCustomApp" and body["metadata"]["namespace"] == ns)
    found = {(body["metadata"]["name"], (body.get("status") or {}).get("lastHandledRotateAt")) for body in apps}
    return Counter(name for name, request in found if request is not None)
