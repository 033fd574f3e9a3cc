"""Which network the sandbox is in: this machine's loopback, or that of a node."""

from typing import Protocol


class Network(Protocol):
    """Where the operator of a cluster reaches a sandbox, and how tests get there. ``node.Node`` is another one."""

    @property
    def address(self) -> str:
        """The address on which the sandbox listens."""
        ...

    def inside(self, *command: str) -> tuple[str, ...]:
        """A command that runs another one in the network."""
        ...

    def forward(self, *targets: str) -> list[int]:
        """Ports of 127.0.0.1 that lead to addresses, with ports, in the network."""
        ...


class Loopback:
    """The network that every process of this machine is in."""

    address = "127.0.0.1"

    def inside(self, *command: str) -> tuple[str, ...]:
        """The command itself."""
        return command

    def forward(self, *targets: str) -> list[int]:
        """The targets' own ports."""
        return [int(target.rsplit(":", 1)[1]) for target in targets]


LOOPBACK = Loopback()
