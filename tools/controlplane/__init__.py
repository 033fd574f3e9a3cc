"""A real Kubernetes control plane on this machine, for the demo and the tests: found, built or downloaded."""

from controlplane.binaries import Unavailable, find, find_or_build
from controlplane.cluster import ControlPlane

__all__ = ["ControlPlane", "Unavailable", "find", "find_or_build"]
