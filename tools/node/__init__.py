"""A real Kubernetes node on this machine, in namespaces of its own: for root on Linux with containerd and runc."""

from controlplane import Unavailable
from node.machine import Node

__all__ = ["Node", "Unavailable"]
