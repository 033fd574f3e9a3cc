"""Odd input: the operator's rules and the schema's, in CEL, say the same. The real API server is asked in e2e."""

from dataclasses import replace
from typing import Any

import pytest
from tests.odd_input import APPS, ENTERPRISES, GOOD_APPS, GOOD_ENTERPRISES, ORIGINS, SAME, SPANS
from tests.unit.api.test_crds import APP, ENTERPRISE, complaints, with_origins
from tests.unit.examples import CORS, WITH_CORS, ready_world, said
from tests.unit.pretend import decide, in_mode

from box_app_operator.api.origins import normal_form, origin_problem, same_origins
from box_app_operator.api.spec import parse_desired
from box_app_operator.model.conditions import Reason
from box_app_operator.model.desired import Desired
from box_app_operator.model.observed import Mode
from box_app_operator.model.platform_view import PlatformView

Json = dict[str, Any]

META = {"namespace": "n", "name": "a", "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z"}


def desired(**spec: Any) -> Desired:
    """What the operator reads, whatever the schema would have said."""
    return parse_desired({"metadata": META, "spec": {"displayName": "x", **spec}})


@pytest.mark.parametrize(("origin", "hint"), ORIGINS.items())
def test_schema_and_operator_say_the_same_of_an_origin(origin: str, hint: str | None) -> None:
    """To the letter; the schema cannot quote a line break."""
    expected = [] if hint is None else [f"CORS origin '{origin}' {hint}"]

    assert [origin_problem(origin)] == (expected or [None])
    assert [text.partition(": CORS origin")[1:] for text in with_origins("https://other", origin)] == [
        (": CORS origin", text.removeprefix("CORS origin")) for text in expected
    ]


@pytest.mark.parametrize(("one", "other", "same"), SAME)
def test_schema_and_operator_take_the_same_origins_for_one(one: str, other: str, same: bool) -> None:
    """A browser sends the same for both: upper or lower case, and a scheme's own port, make no difference."""
    assert same_origins((one,), (other,)) is same
    said_twice = [text for text in with_origins(one, "https://third", other) if "stands in the list twice" in text]
    assert len(said_twice) == same
    assert all(f"'{normal_form(one)}'" in text for text in said_twice)
    assert len(desired(cors={"domains": [one, other]}).cors_domains) == (1 if same else 2)


@pytest.mark.parametrize(("tokens", "word"), SPANS)
def test_schema_and_operator_say_the_same_of_spans(tokens: Json, word: str | None) -> None:
    """One complaint, about the same field."""
    invalid, refused = desired(tokens=tokens).invalid, complaints(APP, {"displayName": "x", "tokens": tokens})

    assert (invalid is None, refused == []) == (word is None, word is None)
    assert word is None or (word in str(invalid) and [word in text for text in refused] == [True])


REFUSED = [(APP, {"displayName": "x", **spec}, word) for spec, word in APPS]
REFUSED += [(ENTERPRISE, spec, word) for spec, word in ENTERPRISES]


@pytest.mark.parametrize(("crd", "spec", "word"), REFUSED)
def test_what_cannot_be_is_refused(crd: Json, spec: Json, word: str) -> None:
    """One complaint for one mistake, with words that help."""
    (text,) = complaints(crd, spec)

    assert word in text


@pytest.mark.parametrize("spec", GOOD_APPS)
def test_what_an_app_can_have_passes(spec: Json) -> None:
    """Names in every script among it."""
    assert complaints(APP, {"displayName": "x", **spec}) == []
    assert desired(**spec).invalid is None


@pytest.mark.parametrize("spec", GOOD_ENTERPRISES)
def test_what_an_enterprise_can_have_passes(spec: Json) -> None:
    """Every good one."""
    assert complaints(ENTERPRISE, spec) == []


BAD = replace(WITH_CORS, bad_origin="spec.cors.domains[1]: it is none.")


@pytest.mark.parametrize(
    ("mode", "known"), [(Mode.AUTOMATED, PlatformView()), (Mode.ASSISTED, PlatformView(origins={CORS[0]: True}))]
)
def test_a_bad_origin_of_an_earlier_schema_stops_nothing_but_cors(mode: Mode, known: PlatformView) -> None:
    """The author hears of it; the token stays published, and domains in Box stay as they are."""
    world = in_mode(ready_world(BAD), mode, platform_view=known)

    plan = decide(world)

    assert plan.steps == ()
    assert (said(plan, "CORSSynced").status, said(plan, "CORSSynced").reason) == ("False", Reason.ORIGIN_REJECTED)
    assert said(plan, "Stalled").message == BAD.bad_origin
    assert said(plan, "TokenReady").status == "True"


def test_only_good_origins_are_wanted() -> None:
    """As browsers send them, and each once."""
    found = desired(cors={"domains": ["HTTPS://A.example:443", "https://a.example", "https://ü", "http://b:80"]})

    assert found.cors_domains == ("https://a.example", "http://b")
    assert found.bad_origin is not None
    assert found.bad_origin.startswith("spec.cors.domains[2]: CORS origin 'https://ü' has letters beyond ASCII")
    assert found.invalid is None
