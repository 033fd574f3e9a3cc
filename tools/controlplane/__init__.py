"""A real Kubernetes control plane on this machine, for the demo and the tests: found, built or downloaded."""

from controlplane.binaries import Unavailable, find, find_or_build
from controlplane.cluster import ControlPlane, Setting

__all__ = ["ControlPlane", "Setting", "Unavailable", "find", "find_or_build"]
