"""The demo from the first line to the last: start everything, apply the examples, be the admin, judge, clean up."""

import contextlib
import json
import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx

from controlplane import Unavailable
from demo.apps.progress import Progress, Watch
from demo.apps.story import STORY, App, Story, apps_of, point_to, read_examples
from demo.apps.verdict import differences
from demo.cluster.choice import Refused, choose_cluster
from demo.cluster.removal import refuse_what_is_there, remove_apps, remove_rest
from demo.terminal.encore import show_commands, show_hints
from demo.terminal.interrupts import deafen, interrupt_awaited, interruptible
from demo.terminal.report import report
from demo.terminal.screen import Screen, make_screen
from playground import Cluster, Playground
from playground.chart.manifests import installation
from playground.clusters.current import NoContext
from playground.output import BUSY, POLL_SECONDS, until

PORT = 8099
TIMEOUT_SECONDS = 30.0
ADMIN_SECONDS = 0.8
LOG_LINES = 20
EXIT_FAILED, EXIT_INTERRUPTED = 1, 130
Manifest = dict[str, Any]
NOT_YET = (httpx.codes.NOT_FOUND, httpx.codes.TOO_MANY_REQUESTS)
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def main(story: Story = STORY) -> int:
    """Play the demo; returns the exit code.

    Args:
        story: what the admin does, and how each app must end.
    """
    screen = make_screen()
    with interruptible():
        try:
            return _play(screen, story, os.environ.get("CLUSTER") or "embedded", bool(os.environ.get("KEEP")))
        except KeyboardInterrupt:
            screen.say("Interrupted. Everything that was started is stopped.")
            return EXIT_INTERRUPTED
        except (Refused, NoContext, Unavailable, RuntimeError, OSError, httpx.HTTPError) as error:
            screen.say(_in_words(error), "red")
            return EXIT_FAILED


def _in_words(error: Exception) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        request, response = error.request, error.response
        return f"{request.method} {request.url.path}: {response.status_code}\n{response.text[:500]}"
    return str(error) or type(error).__name__


def _play(screen: Screen, story: Story, choice: str, keep: bool) -> int:
    examples = read_examples()
    apps = apps_of(examples, story)
    with contextlib.ExitStack() as stack:
        screen.tell("From a manifest to a working Box App Token", "bold")
        screen.tell()
        cluster = stack.enter_context(choose_cluster(choice, screen))
        screen.say(f"Kubernetes runs: {cluster.name} at {cluster.url}")
        if choice == "current":
            refuse_what_is_there(cluster, [*installation(), *examples])
            stack.callback(remove_rest, cluster, screen.say)
        playground = stack.enter_context(Playground(cluster, _box_flags(apps), reveal_tokens=False))
        if choice == "current":
            stack.callback(remove_apps, playground, screen.say)
        # Registered last, so that it comes first: from then on everything is cleaned up undisturbed.
        stack.callback(deafen)
        return _perform(screen, playground, examples, apps, keep)


def _box_flags(apps: Sequence[App]) -> tuple[str, ...]:
    taken = [flag for app in apps if app.part.name_taken for flag in ("--taken-name", app.display_name)]
    return ("--port", str(PORT if _is_free(PORT) else 0), *taken)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: connections of an earlier demo that are still winding down do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _perform(
    screen: Screen, playground: Playground, examples: Sequence[Manifest], apps: Sequence[App], keep: bool
) -> int:
    watch = Watch(playground.cluster)
    try:
        _start(screen, playground)
        _apply(screen, playground, examples, apps, watch)
        _follow_and_decide(screen, playground, watch)
        wrong = {progress.app.name: found for progress in watch.all if (found := differences(progress, playground.box))}
    except (RuntimeError, OSError, httpx.HTTPError) as error:
        screen.say(_in_words(error), "red")
        _show_log(screen, playground)
        return EXIT_FAILED
    report(screen, watch.all, wrong)
    _conclude(screen, playground, wrong)
    if keep:
        _keep(screen, playground, apps)
    elif not wrong:
        show_hints(screen)
    return EXIT_FAILED if wrong else 0


def _start(screen: Screen, playground: Playground) -> None:
    screen.say(f"Box is played by the sandbox at {playground.box.url}")
    # A BoxEnterprise counts its apps every 30 s at most; whoever plays with KEEP=1 should not have to wait for that.
    playground.start_operator("--log-format=plain", "--status-pause=1s")
    screen.say("The operator runs, with the rights that it ships with and no others")


def _apply(
    screen: Screen, playground: Playground, examples: Sequence[Manifest], apps: Sequence[App], watch: Watch
) -> None:
    parts = {id(app.manifest): app for app in apps}
    for manifest in examples:
        if manifest["kind"] == "BoxEnterprise":
            point_to(manifest, playground.box.url)
            playground.credential(manifest["spec"]["console"]["credentialsSecretRef"]["name"])
        _create(playground.cluster, manifest)
        if id(manifest) in parts:
            watch.begin(parts[id(manifest)])
    watch.sort(apps)
    screen.say(f"Applied examples/*.yaml: {len(apps)} apps for one Box enterprise")


def _create(cluster: Cluster, manifest: Manifest) -> None:
    """Create an object; an API server that has just learned of its kind may refuse it for a while."""

    def attempt() -> httpx.Response | None:
        response = cluster.create(_as_kubectl_would(manifest))
        return None if response.status_code in NOT_YET else response.raise_for_status()

    until(attempt, TIMEOUT_SECONDS, f"{manifest['kind']} {manifest['metadata']['name']} to be accepted")


def _as_kubectl_would(manifest: Manifest) -> Manifest:
    """With the annotation that lets ``kubectl apply`` go on from here."""
    meta = manifest["metadata"]
    annotations = {**meta.get("annotations", {}), LAST_APPLIED: json.dumps(manifest)}
    return {**manifest, "metadata": {**meta, "annotations": annotations}}


def _follow_and_decide(screen: Screen, playground: Playground, watch: Watch) -> None:
    def follow(done: Callable[[], bool], seconds: float = TIMEOUT_SECONDS * BUSY) -> None:
        deadline = time.monotonic() + seconds
        while not done() and time.monotonic() < deadline:
            playground.operator.check()
            screen.update(watch.all, watch.look())
            time.sleep(POLL_SECONDS)

    with screen.live():
        follow(lambda: all(progress.has_ended or progress.is_pending for progress in watch.all))
        for progress in [progress for progress in watch.all if progress.is_pending and progress.app.part.decision]:
            if screen.is_terminal:
                # An admin takes a moment, and who watches should see it happen.
                follow(lambda: False, ADMIN_SECONDS)
            _decide(screen, playground, progress)
        follow(lambda: all(progress.has_ended for progress in watch.all))
        screen.update(watch.all, watch.look())


def _decide(screen: Screen, playground: Playground, progress: Progress) -> None:
    decision, name = str(progress.app.part.decision), progress.app.display_name
    screen.say(f"The admin {'approves' if decision == 'authorize' else 'declines'} {name!r}", "bold")
    playground.box.decide(name, decision)
    progress.decided = time.monotonic()


def _conclude(screen: Screen, playground: Playground, wrong: Mapping[str, list[str]]) -> None:
    if not wrong:
        screen.say("Every app ended as expected.", "green")
        screen.tell()
        return
    for name, found in wrong.items():
        for difference in found:
            screen.say(f"{name}: {difference}", "red")
    _show_log(screen, playground)


def _show_log(screen: Screen, playground: Playground) -> None:
    screen.tell()
    screen.tell("The operator's last words:")
    for line in playground.logs().splitlines()[-LOG_LINES:]:
        screen.tell(f"  {line}", "dim")


def _keep(screen: Screen, playground: Playground, apps: Sequence[App]) -> None:
    with interrupt_awaited() as wait:
        show_commands(screen, playground, apps)
        wait()
    screen.say("Stopping everything that was started")
