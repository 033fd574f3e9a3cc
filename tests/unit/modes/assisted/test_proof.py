"""What Box is asked about a key, and what is made of the answers."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from box_app_operator.cache.attempts import PlatformAnswers
from box_app_operator.cache.identities import Identities
from box_app_operator.errors import TransientError
from box_app_operator.model.box import AppID
from box_app_operator.model.platform_view import Identity, Verdict
from box_app_operator.modes.assisted.proof import BoxAccess, Candidate, judge
from box_app_operator.ports import Token

ENTERPRISE = "1234567"
MINE, OTHERS = AppID("4711"), AppID("7")
AWAY = TransientError("BoxUnavailable", "no answer", uncertain=True, unreachable=True)
PAUSE = TransientError("BoxUnavailable", "answered 429", retry_after_seconds=2)
BROKEN = TransientError("BoxUnavailable", "answered 500", uncertain=True)


def identity(app: AppID | None = MINE, enterprise: str = ENTERPRISE) -> Identity:
    """Somebody whom a key acts for; a person without an app."""
    login = f"AutomationUser_{app}_x@boxdevedition.com" if app else "jane@acme.example"
    return Identity(login, f"App {app}", app, enterprise)


@dataclass
class FakePlatform:
    """Answers the two questions; an error is raised. ``asked`` are the questions, in order."""

    proof: Any = Verdict.LIVE
    whose: Any = None
    asked: list[str] = field(default_factory=list)

    async def prove(self, token: Token) -> Verdict:
        """What becomes of a token."""
        return self._answer("prove", self.proof)  # type: ignore[no-any-return]

    async def identify(self, token: Token) -> Identity | Verdict | None:
        """Whose it is."""
        return self._answer("identify", self.whose)  # type: ignore[no-any-return]

    def _answer(self, question: str, answer: Any) -> Any:
        self.asked.append(question)
        if isinstance(answer, Exception):
            raise answer
        return answer


class World:
    """One enterprise, one object, and keys of it."""

    def __init__(self, platform: FakePlatform) -> None:
        self.platform, self.answers = platform, PlatformAnswers()
        self.box = BoxAccess(platform, Identities(), ENTERPRISE)  # type: ignore[arg-type]  # two of its methods

    async def judge(self, name: str = "a", *, published: bool = False, app: AppID | None = None) -> Verdict:
        """Ask Box about a key."""
        token = Token(name)
        await judge(Candidate(token, f"Key {name!r}", published), self.box, self.answers, app)
        return self.answers.verdicts[token.fingerprint]

    def words(self, name: str) -> str:
        """What is wrong with a key."""
        return self.answers.messages[Token(name).fingerprint]


@pytest.mark.parametrize("verdict", [Verdict.DEAD, Verdict.DISABLED, Verdict.NARROW])
async def test_the_proof_alone_refuses_a_new_key(verdict: Verdict) -> None:
    """Whose it is does not matter any more."""
    world = World(FakePlatform(verdict, identity()))

    assert await world.judge() is verdict
    assert world.platform.asked == ["prove"]


async def test_a_new_key_is_proven_and_asked_whose_it_is() -> None:
    """In this order; the answer is remembered for the key and for the object."""
    world = World(FakePlatform(whose=identity()))

    assert await world.judge() is Verdict.LIVE
    assert world.platform.asked == ["prove", "identify"]
    assert (world.answers.identity, world.box.identities.answers) == (identity(), True)


@pytest.mark.parametrize("answer", [Verdict.NARROW, Verdict.DEAD, None, BROKEN], ids=["403", "401", "404", "500"])
@pytest.mark.parametrize("published", [False, True], ids=["new", "published"])
async def test_a_key_is_never_refused_because_box_does_not_say_whose_it_is(answer: Any, published: bool) -> None:
    """Neither dead nor narrow nor unavailable; that Box does not say it is remembered."""
    world = World(FakePlatform(whose=answer))

    assert await world.judge(published=published) is Verdict.LIVE
    assert (world.answers.identity, world.box.identities.answers) == (None, False)


@pytest.mark.parametrize("error", [AWAY, PAUSE], ids=["no-answer", "429"])
async def test_without_any_answer_nothing_is_made_of_a_new_key(error: TransientError) -> None:
    """It is asked about again: nobody knows yet whether Box says whose it is."""
    world = World(FakePlatform(whose=error))

    with pytest.raises(TransientError):
        await world.judge()

    assert (world.answers.verdicts, world.box.identities.answers) == ({}, None)


@pytest.mark.parametrize(
    ("who", "verdict", "words"),
    [
        (identity(None), Verdict.A_PERSONS, "it acts for jane@acme.example, a person"),
        (identity(enterprise="9"), Verdict.OTHER_ENTERPRISE, "it belongs to enterprise 9, not to 1234567."),
        (identity(OTHERS), Verdict.OTHER_APP, "it belongs to app 7 (App 7), not to app 4711."),
    ],
)
async def test_a_key_of_somebody_else_is_refused_where_box_says_so(who: Identity, verdict: Verdict, words: str) -> None:
    """Also where it did not say so of the key before."""
    world = World(FakePlatform(whose=Verdict.NARROW))
    await world.judge("earlier")
    world.platform.whose = who

    assert await world.judge(app=MINE) is verdict
    assert world.words("a").startswith(words)


async def test_the_first_key_decides_which_app_is_meant() -> None:
    """And it is named, so that whoever handed over two knows which of them counts."""
    world = World(FakePlatform(whose=identity()))
    await world.judge("a")
    world.platform.whose = identity(OTHERS)

    assert await world.judge("b") is Verdict.OTHER_APP
    assert world.words("b") == "it belongs to app 7 (App 7), not to app 4711. Key 'a' came first."


async def test_a_published_key_costs_one_call() -> None:
    """In the first look of a process it says whose it is; from then on it is proven."""
    world = World(FakePlatform(whose=identity()))

    for _ in range(3):
        assert await world.judge(published=True) is Verdict.LIVE

    assert world.platform.asked == ["identify", "prove", "prove"]


async def test_a_published_key_costs_one_call_where_box_does_not_say_whose_it_is() -> None:
    """403 says as well that Box knows the token; it is asked again once in a resync, and only one key of all."""
    world = World(FakePlatform(whose=Verdict.NARROW))
    for name in ("a", "b"):
        assert await world.judge(name, published=True) is Verdict.LIVE
    assert world.platform.asked == ["identify", "prove"]

    world.box.identities.resync()
    for name in ("a", "b", "a"):
        assert await world.judge(name, published=True) is Verdict.LIVE

    assert world.platform.asked[2:] == ["identify", "prove", "prove"]


async def test_box_may_begin_to_say_whose_a_key_is() -> None:
    """It is noticed at a resync; then every key is asked about."""
    world = World(FakePlatform(whose=Verdict.NARROW))
    await world.judge(published=True)
    world.platform.whose = identity()
    world.box.identities.resync()

    await world.judge(published=True)

    assert (world.answers.identity, world.box.identities.answers) == (identity(), True)
    world.platform.whose = Verdict.NARROW
    await world.judge("narrow")
    assert world.box.identities.answers is True


async def test_a_persons_token_says_nothing_of_what_box_tells_of_keys() -> None:
    """Users may always ask who they are."""
    world = World(FakePlatform(whose=identity(None)))

    assert await world.judge() is Verdict.A_PERSONS
    assert world.box.identities.answers is None


async def test_a_published_key_that_may_read_no_files_any_more_is_live() -> None:
    """Pods have it, and it must be revoked some day: it is not taken for one that is over."""
    assert await World(FakePlatform(Verdict.NARROW, None)).judge(published=True) is Verdict.LIVE


async def test_a_published_key_of_a_disabled_app_costs_one_call() -> None:
    """At each resync, until somebody enables the app."""
    world = World(FakePlatform(Verdict.DISABLED, Verdict.DISABLED))

    for _ in range(2):
        assert await world.judge(published=True) is Verdict.DISABLED

    assert world.platform.asked == ["identify", "identify"]


async def test_a_published_key_that_is_over_is_found_dead_by_the_proof() -> None:
    """Whatever it is asked first."""
    world = World(FakePlatform(Verdict.DEAD, Verdict.DEAD))

    assert await world.judge(published=True) is Verdict.DEAD
    assert world.platform.asked == ["identify", "prove"]
    assert world.box.identities.answers is None


async def test_an_earlier_complaint_is_taken_back() -> None:
    """The enterprise's id was wrong, and the key is over by now: nothing of the id is said."""
    world = World(FakePlatform(whose=identity(enterprise="9")))
    await world.judge()
    world.platform.proof = Verdict.DEAD

    assert await world.judge() is Verdict.DEAD
    assert world.words("a") == ""
