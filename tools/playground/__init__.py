"""The whole product on this machine, for demo and tests: a cluster, a Box, and the operator as users run it."""

from playground.cluster import Cluster
from playground.clusters.embedded import embedded_cluster
from playground.clusters.real import real_cluster
from playground.play import Playground

__all__ = ["Cluster", "Playground", "embedded_cluster", "real_cluster"]
