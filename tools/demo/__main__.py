"""``CLUSTER=embedded|real|current KEEP=1 python -m demo``."""

import signal
import sys


def main() -> None:
    """Play the demo. Until it listens for Ctrl-C itself, there is nothing to clean up: it just ends."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from demo.stage import main as play

    sys.exit(play())


if __name__ == "__main__":
    main()
