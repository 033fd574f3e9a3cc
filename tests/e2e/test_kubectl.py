"""What a person sees who has nothing but kubectl."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from tests.e2e.commands import kubectl, needs_kubectl
from tests.e2e.story import make_ready

from playground import Playground
from playground.play import app_manifest, secret_manifest

ALSO_ON = ("embedded",)
"""The imitation has its own tables, validation and discovery, and whoever keeps the demo uses kubectl on it."""

COLUMNS = ["NAME", "READY", "AUTHORIZED", "TOKEN", "EXPIRES", "REASON", "AGE"]

pytestmark = needs_kubectl


def row(play: Playground, ns: str, name: str = "viewer", *flags: str) -> dict[str, str]:
    """The row of ``kubectl get bca`` by column."""
    shown = kubectl(play, "get", "bca", name, "-n", ns, *flags).stdout.splitlines()
    header, cells = shown[0], shown[1]
    starts = [index for index, char in enumerate(header) if char != " " and (index == 0 or header[index - 1] == " ")]
    ends = [*starts[1:], None]
    return {header[a:b].strip(): cells[a:b].strip() for a, b in zip(starts, ends, strict=True)}


def pending(play: Playground, ns: str) -> None:
    """Waiting for the admin."""
    play.app(ns, "viewer")


def declined(play: Playground, ns: str) -> None:
    """The admin said no."""
    play.app(ns, "viewer")
    play.await_condition(ns, "viewer", "PendingApproval")
    play.box.decide(f"{ns} viewer", "decline")


def taken(play: Playground, ns: str) -> None:
    """Somebody else has the name."""
    play.app(ns, "viewer", displayName="Taken Name")


def conflict(play: Playground, ns: str) -> None:
    """Somebody else has a Secret of that name."""
    play.cluster.ensure(secret_manifest(ns, "viewer-box-token", {"password": "mine"}))
    play.app(ns, "viewer")


def outage(play: Playground, ns: str) -> None:
    """Box is down."""
    make_ready(play, ns)
    play.box.fault({"kind": "status", "status": 503, "path": "/", "count": None})


def disabled(play: Playground, ns: str) -> None:
    """The admin switched the app off, with a token in the Secret."""
    make_ready(play, ns)
    play.box.decide(f"{ns} viewer", "disable")


def suspended(play: Playground, ns: str) -> None:
    """Left alone."""
    make_ready(play, ns)
    play.cluster.patch(play.path(ns, "viewer"), {"spec": {"suspend": True}})


STATES: dict[str, tuple[Callable[[Playground, str], None], tuple[str, str, str], str]] = {
    "PendingApproval": (pending, ("False", "False", "False"), "A Box admin must authorize"),
    "Declined": (declined, ("False", "False", "False"), "To submit it again"),
    "NameTaken": (taken, ("False", "Unknown", "Unknown"), "Choose another spec.displayName"),
    "SecretConflict": (conflict, ("False", "Unknown", "False"), "Choose another name in spec.tokens.secret.name"),
    "BoxUnavailable": (outage, ("Unknown", "True", "True"), "answered 503"),
    "TokenRejected": (disabled, ("False", "False", "False"), "Pods get 401: Box refuses the token in Secret"),
    "Suspended": (suspended, ("Unknown", "Unknown", "Unknown"), "Set it to false to resume"),
}


@pytest.mark.parametrize("reason", STATES)
def test_get_reads_well(play: Playground, ns: str, reason: str) -> None:
    """One line says what is wrong; the wide one says who must do what. Waiting is no error in the log."""
    arrange, (ready, authorized, token), words = STATES[reason]
    arrange(play, ns)
    play.await_condition(ns, "viewer", reason)

    plain, wide = row(play, ns), row(play, ns, "viewer", "-o", "wide")

    assert list(plain) == COLUMNS
    assert (plain["READY"], plain["AUTHORIZED"], plain["TOKEN"]) == (ready, authorized, token)
    assert plain["REASON"] == reason
    assert words in wide["MESSAGE"]
    assert (wide["CLIENT-ID"] == "") == (reason in ("NameTaken", "SecretConflict"))
    waited = kubectl(play, "wait", "--for=condition=Ready", "bca/viewer", "-n", ns, "--timeout=0s")
    assert waited.returncode == 1
    assert kubectl(play, "get", "boxapp", "-n", ns, "-o", "name").stdout == "boxcustomapp.boxapps.dev/viewer\n"


def test_a_ready_app_shows_when_its_token_expires(play: Playground, ns: str) -> None:
    """True three times, the expiry, and no complaint."""
    body = make_ready(play, ns)

    plain = row(play, ns)

    assert (plain["READY"], plain["AUTHORIZED"], plain["TOKEN"], plain["REASON"]) == ("True", "True", "True", "Ready")
    assert plain["EXPIRES"] == body["status"]["tokens"]["active"]["expiryTime"]


def test_applying_twice_changes_nothing(play: Playground, ns: str) -> None:
    """No defaults in spec and nothing written there: GitOps sees no difference."""
    manifest = yaml.safe_dump(app_manifest(ns, "viewer", cors={"domains": ["https://app.example.com"]}))
    assert kubectl(play, "apply", "-f", "-", stdin=manifest).stdout.strip().endswith("created")
    play.await_condition(ns, "viewer", "PendingApproval")

    again = kubectl(play, "apply", "-f", "-", stdin=manifest)

    assert again.stdout.strip().endswith("unchanged"), again
    assert play.get(ns, "viewer")["metadata"]["generation"] == 1


def test_a_misspelt_field_is_refused(play: Playground, ns: str) -> None:
    """kubectl asks the server to validate, and the server knows the schema."""
    manifest = app_manifest(ns, "viewer", cors={"domain": ["https://app.example.com"]})

    refused = kubectl(play, "apply", "-f", "-", stdin=yaml.safe_dump(manifest))

    assert refused.returncode == 1
    assert 'unknown field "spec.cors.domain"' in refused.stderr


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("bca.spec.cors.domains", "Full origins"),
        ("bca.spec.tokens.expiry", "Lifetime of an App Token"),
        ("bca.status.tokens.active.fingerprint", "SHA-256"),
        ("bent.spec.console.mode", "Automated"),
    ],
)
def test_explain_explains(play: Playground, path: str, words: str) -> None:
    """``kubectl explain`` has a sentence for every field."""
    assert words in kubectl(play, "explain", path).stdout


def test_the_examples_are_valid(play: Playground) -> None:
    """What users copy passes the server's validation."""
    examples = Path(__file__).parents[2] / "examples"
    files = [*examples.glob("*.yaml"), *examples.glob("real-box/*.yaml")]
    manifests = [str(file) for file in sorted(files) if "namespace" not in file.name]
    play.namespace("box-demo")

    for manifest in manifests:
        done = kubectl(play, "apply", "--dry-run=server", "-f", manifest)
        assert done.returncode == 0, done.stderr
