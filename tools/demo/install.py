"""``make install-demo``: Helm installs the chart into a real control plane, and an app becomes Ready.

Where this machine can have a node the release runs as pods on it. Elsewhere processes in the clothes of pods play them.
"""

import base64
import contextlib
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import yaml

from controlplane import Unavailable
from demo.apps.story import EXAMPLES
from demo.cluster.ground import Ground, choose_ground
from demo.terminal.interrupts import deafen, interruptible
from demo.terminal.screen import Screen, make_screen, new_table
from playground import Cluster
from playground.box import Box
from playground.chart.helm import CHART, HelmFailed
from playground.chart.pod import NoPods
from playground.cluster import ACCOUNT, NAMESPACE
from playground.output import until
from playground.play import GROUP, condition, secret_manifest

SECONDS = 60.0
EXIT_FAILED, EXIT_INTERRUPTED = 1, 130
APP = f"{GROUP}/namespaces/box-demo/boxcustomapps/invoices"
SECRET = "/api/v1/namespaces/box-demo/secrets/invoices-box-token"
SHOWN_METRICS = ("apps{", "steps_total", "token_soonest_expiry_seconds{", "enterprise_ready{", "leader ")


def main() -> int:
    """Play it; returns the exit code."""
    screen = make_screen()
    with interruptible():
        try:
            _play(screen)
        except KeyboardInterrupt:
            screen.say("Interrupted. Everything that was started is stopped.")
            return EXIT_INTERRUPTED
        except (HelmFailed, Unavailable, NoPods, RuntimeError, OSError, httpx.HTTPError) as error:
            screen.say(str(error) or type(error).__name__, "red")
            return EXIT_FAILED
    return 0


def _play(screen: Screen) -> None:
    screen.tell("From a Helm chart to a working Box App Token", "bold")
    screen.tell()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="install-demo-")))
        ground = stack.enter_context(choose_ground(screen.say, folder))
        # Registered last, so that it comes first: from then on everything is cleaned up undisturbed.
        stack.callback(deafen)
        screen.say(f"Kubernetes runs: {ground.cluster.name} at {ground.cluster.url}")
        screen.say(f"Box is played by the sandbox at {ground.box.url}")
        _install(screen, ground)
        _make_ready(screen, ground.cluster, ground.box)
        _show_metrics(screen, ground)
        _uninstall(screen, ground)


def _values(ground: Ground) -> dict[str, Any]:
    """What a platform engineer would write into values.yaml, but for what this machine asks for."""
    reference = {"namespace": NAMESPACE, "name": "box-console", "key": "token"}
    console = {"mode": "Automated", "url": ground.box.url, "credentialsSecretRef": reference}
    values = ground.values()
    return {
        **values,
        "settings": {**values.get("settings", {}), "logFormat": "plain"},
        "enterprise": {"create": True, "spec": {"console": console, "platform": {"url": ground.box.url}}},
    }


def _install(screen: Screen, ground: Ground) -> None:
    values = _values(ground)
    screen.say(f"helm install {ACCOUNT} {CHART.relative_to(CHART.parents[1])} --namespace {NAMESPACE}, with:")
    for line in yaml.safe_dump(values, sort_keys=False).splitlines():
        screen.tell(f"        {line}", "dim")
    kinds = Counter(manifest["kind"] for manifest in ground.install(values))
    screen.say("Installed: " + ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())))
    ground.cluster.ensure(secret_manifest(NAMESPACE, "box-console", {"token": ground.box.console_token}))
    screen.say(f"The console's credential is in Secret {NAMESPACE}/box-console")
    ground.start(screen.say)


def _make_ready(screen: Screen, cluster: Cluster, box: Box) -> None:
    for file in ("00-namespace.yaml", "invoices.yaml"):
        cluster.create(yaml.safe_load((EXAMPLES / file).read_text())).raise_for_status()
        screen.say(f"kubectl apply -f examples/{file}")
    _await_ready(cluster, "PendingApproval")
    name = cluster.get(APP)["spec"]["displayName"]
    screen.say(f"The app is registered and submitted. The admin approves {name!r}", "bold")
    box.decide(name, "authorize")
    body = _await_ready(cluster, "Ready")
    screen.say(str((condition(body, "Ready") or {})["message"]), "green")
    screen.tell()
    table = new_table("CONDITION", "STATUS", "REASON")
    for found in body["status"]["conditions"]:
        table.add_row(found["type"], found["status"], found["reason"])
    screen.show(table)
    screen.tell()
    data = cluster.get(SECRET)["data"]
    sizes = [f"{key} ({len(base64.b64decode(value))} bytes)" for key, value in sorted(data.items())]
    screen.say("Secret box-demo/invoices-box-token: " + ", ".join(sizes))


def _await_ready(cluster: Cluster, reason: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        body = cluster.get(APP)
        found = condition(body, "Ready")
        return dict(body) if found is not None and found["reason"] == reason else None

    return until(look, SECONDS, f"the app to be Ready for {reason}")


def _show_metrics(screen: Screen, ground: Ground) -> None:
    url, text = ground.metrics()
    screen.say(f"Some of {url}:")
    for line in text.splitlines():
        if line.removeprefix("box_app_operator_").startswith(SHOWN_METRICS):
            screen.tell(f"        {line}", "dim")


def _uninstall(screen: Screen, ground: Ground) -> None:
    screen.say(f"helm uninstall {ACCOUNT}, while the app is there:")
    try:
        ground.uninstall()
    except HelmFailed as refused:
        _quote(screen, str(refused))
    else:
        raise RuntimeError("the uninstall should have been refused while an app has the operator's finalizer")
    ground.cluster.delete(APP)
    until(lambda: ground.cluster.get(APP) is None, SECONDS, "the app to go")
    screen.say("kubectl delete bca/invoices: its tokens are revoked, the object is gone. helm uninstall again:")
    _quote(screen, ground.uninstall())
    screen.say("Uninstalled. Nothing was left that only the operator could let go.", "green")


def _quote(screen: Screen, text: str) -> None:
    for line in text.splitlines():
        screen.tell(f"        {line}", "dim")


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(main())
