"""Odd input at a real API server: it says what the table says, and the rules cost no more than it allows."""

from typing import Any

from tests.e2e.story import box_app, make_ready, stated
from tests.odd_input import APPS, ENTERPRISES, GOOD_APPS, GOOD_ENTERPRISES, ORIGINS, SAME, SPANS

from box_app_operator.api.origins import normal_form
from playground import Playground
from playground.cluster import collection_of
from playground.play import app_manifest

ALSO_ON = ("embedded",)
"""The imitation has validation of its own, with rules in CEL."""

GOOD = [origin for origin, hint in ORIGINS.items() if hint is None]


def said(play: Playground, manifest: dict[str, Any]) -> str:
    """Why the API server refuses an object; empty when it takes it. Nothing is kept of it."""
    response = play.cluster.send("POST", collection_of(manifest), manifest)
    if response.is_success:
        play.cluster.delete(f"{collection_of(manifest)}/{manifest['metadata']['name']}")
        return ""
    assert response.status_code == 422, response.text
    return str(response.json()["message"])


def of_app(play: Playground, ns: str, **spec: Any) -> str:
    """What is said of a BoxCustomApp with this spec. It waits for an enterprise, so that nothing is made in Box."""
    return said(play, app_manifest(ns, "odd", **{"enterpriseRef": {"name": "nowhere"}, **spec}))


def of_enterprise(play: Playground, spec: dict[str, Any]) -> str:
    """What is said of a BoxEnterprise with this spec."""
    meta = {"name": "odd"}
    return said(play, {"apiVersion": "boxapps.dev/v1alpha1", "kind": "BoxEnterprise", "metadata": meta, "spec": spec})


def test_every_origin_gets_the_right_words(play: Playground, ns: str) -> None:
    """Comma lists, international names, look-alike letters, ports, IPv6 and IPv4 among them."""
    wrong = {}
    for origin, hint in ORIGINS.items():
        text = of_app(play, ns, cors={"domains": ["https://other.example", origin]})
        if (text == "") != (hint is None) or (hint is not None and f"CORS origin '{origin}' {hint}" not in text):
            wrong[origin] = text

    assert wrong == {}


def test_no_origin_stands_there_twice(play: Playground, ns: str) -> None:
    """In other letters, or with the port that the scheme has anyway."""
    found = [(one, other, "twice" in of_app(play, ns, cors={"domains": [one, other]})) for one, other, _ in SAME]

    assert found == SAME


def test_all_good_origins_at_once_reach_box(play: Playground, ns: str) -> None:
    """Written in one way and told by Box in another they are in order, and nothing is set a second time."""
    body = make_ready(play, ns, cors={"domains": GOOD})

    assert stated(body, "CORSSynced")["status"] == "True"
    assert box_app(play, ns)["cors_domains"] == [normal_form(origin) for origin in GOOD]


def test_the_longest_list_is_allowed(play: Playground, ns: str) -> None:
    """What a rule may cost is reckoned when it runs, too."""
    domains = [f"https://{'a' * 60}.{'b' * 60}.{'c' * 60}.{number:02}.example:{10000 + number}" for number in range(64)]

    assert of_app(play, ns, cors={"domains": domains}) == ""
    assert "stands in the list twice" in of_app(play, ns, cors={"domains": [*domains[:63], domains[0].upper()]})


def test_spans_that_cannot_work_are_refused(play: Playground, ns: str) -> None:
    """With the words of the operator's own rules."""
    texts = [(tokens, word, of_app(play, ns, tokens=tokens)) for tokens, word in SPANS]

    assert [(tokens, text) for tokens, word, text in texts if (text == "") != (word is None)] == []
    assert [(tokens, text) for tokens, word, text in texts if word is not None and word not in text] == []


def test_what_cannot_be_is_refused_with_what_to_write(play: Playground, ns: str) -> None:
    """Names, keys, durations, scopes, resources; URLs, references and selectors of a BoxEnterprise."""
    texts = [(spec, word, of_app(play, ns, **spec)) for spec, word in APPS]
    texts += [(spec, word, of_enterprise(play, spec)) for spec, word in ENTERPRISES]

    assert [(spec, text) for spec, word, text in texts if word not in text] == []
    assert play.get(ns, "odd") is None


def test_what_can_be_is_taken(play: Playground, ns: str) -> None:
    """The rules are no narrower than the operator."""
    assert [text for spec in GOOD_APPS if (text := of_app(play, ns, **spec))] == []
    assert [text for spec in GOOD_ENTERPRISES if (text := of_enterprise(play, spec))] == []
