"""Which Kubernetes the demo plays on: the embedded one, a real one of its own, or, if they agree, the user's."""

import sys
from contextlib import AbstractContextManager

from demo.terminal.screen import Screen
from playground import Cluster, embedded_cluster, real_cluster
from playground.clusters.current import Context, current_cluster, current_context

CHOICES = ("embedded", "real", "current")
WHAT_HAPPENS = """\
CLUSTER=current uses the cluster of your kubeconfig's current context. It creates
the two CRDs unless they are there, the operator's namespace and rights, and the
examples. At the end it removes what it created, and touches nothing else.
"""


class Refused(Exception):  # noqa: N818 - an answer, not a mistake
    """The demo does not begin; the message says why."""


def choose_cluster(choice: str, screen: Screen) -> AbstractContextManager[Cluster]:
    """The cluster of that name, which is yet to be entered.

    Raises:
        Refused: there is no such choice, or the user does not agree.
        NoContext: ``current``, and no kubeconfig names a current context.
    """
    if choice == "embedded":
        return embedded_cluster()
    if choice == "real":
        return real_cluster(screen.say)
    if choice == "current":
        context = current_context()
        _ask(context, screen)
        return current_cluster(context)
    raise Refused(f"CLUSTER={choice} is not one of {', '.join(CHOICES)}")


def _ask(context: Context, screen: Screen) -> None:
    """A person must agree, at a terminal, to use a cluster that is not the demo's own."""
    about = f"context {context.name} at {context.server}"
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Refused(f"CLUSTER=current would change a cluster ({about}), and there is no terminal to ask at")
    screen.tell(WHAT_HAPPENS)
    screen.tell(f"  context  {context.name}", "bold")
    screen.tell(f"  server   {context.server}", "bold")
    screen.tell()
    try:
        answer = input("Go on? [y/N] ")
    except EOFError:
        answer = ""
    if answer.strip().lower() not in ("y", "yes"):
        raise Refused("Nothing was changed.")
    screen.tell()
    screen.start_clock()
