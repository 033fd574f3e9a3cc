"""After the end: what to try next, as commands that can be pasted."""

import sys
from collections.abc import Sequence
from pathlib import Path

from demo.apps.story import App
from demo.terminal.screen import Screen
from playground import Playground

HINTS = """\
What to try next
  KEEP=1 make demo           leave everything running, to try kubectl on it
  CLUSTER=real make demo     play on a real kube-apiserver
  CLUSTER=current make demo  play on your own cluster, after asking
  examples/                  read what was applied, and how pods use the Secret
"""
TOKEN_FILE = "box-admin-token"


def show_hints(screen: Screen) -> None:
    """What to try when nothing is left running."""
    screen.tell(HINTS)


def show_commands(screen: Screen, playground: Playground, apps: Sequence[App]) -> None:
    """Where everything is, and what to type."""
    file = playground.folder / TOKEN_FILE
    file.touch(mode=0o600)
    file.write_text(playground.box.admin_token)
    screen.tell("Everything keeps running until Ctrl-C.", "bold")
    screen.tell(f"  Kubernetes  {playground.cluster.url}")
    screen.tell(f"  Box         {playground.box.url}")
    screen.tell(f"  kubeconfig  {playground.cluster.kubeconfig}")
    screen.tell(f"  logs        {playground.operator.log}")
    screen.tell()
    screen.tell("In another terminal, from this folder:")
    screen.tell()
    for line in _commands(playground, file, apps):
        screen.tell(line, "dim" if line.startswith("#") else "")
    screen.tell()


def _commands(playground: Playground, token_file: Path, apps: Sequence[App]) -> list[str]:
    lines = [
        f"export KUBECONFIG={playground.cluster.kubeconfig}",
        "kubectl get bca -A -w",
        "kubectl explain boxcustomapp.spec",
    ]
    declined = next((app for app in apps if app.part.outcome == "Declined"), None)
    taken = next((app for app in apps if app.part.name_taken), None)
    ready = next((app for app in apps if app.domains), None)
    if ready is not None:
        lines += [
            "",
            "# Edit its CORS domains or anything else, then:",
            f"kubectl apply -f examples/{ready.name}.yaml",
        ]
    lines += [
        "",
        "# The Box admin; these are for the sandbox on this machine only.",
        f"export BOX_SANDBOX_URL={playground.box.url}",
        f"export BOX_SANDBOX_ADMIN_TOKEN=$(cat {token_file})",
        f"{_sandbox()} list",
    ]
    if declined is not None:
        lines += ["", "# The admin thinks better of it:", *_approval(declined, declined.display_name)]
    if taken is not None:
        name = f"Acme {taken.display_name}"
        lines += [
            "",
            "# A name that is free:",
            f"kubectl patch bca {taken.name} -n {taken.namespace} --type=merge \\",
            f'  -p \'{{"spec":{{"displayName":"{name}"}}}}\'',
            f"kubectl wait --for=condition=Registered --timeout=30s bca/{taken.name} -n {taken.namespace}",
            *_approval(taken, name),
        ]
    return lines


def _approval(app: App, display_name: str) -> list[str]:
    return [
        f"{_sandbox()} approve '{display_name}'",
        f"kubectl wait --for=condition=Ready --timeout=30s bca/{app.name} -n {app.namespace}",
    ]


def _sandbox() -> str:
    """The command of this environment, as short as it can be typed from here."""
    command = Path(sys.executable).parent / "box-sandbox"
    return str(command.relative_to(Path.cwd())) if command.is_relative_to(Path.cwd()) else str(command)
