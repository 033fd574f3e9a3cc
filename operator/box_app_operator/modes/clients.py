"""The calls of all modes, by name: beside ``registry``, the place to register another."""

from collections.abc import Mapping

from box_app_operator.cache.cluster import Store
from box_app_operator.model.observed import Mode
from box_app_operator.modes.assisted.client import AssistedClient
from box_app_operator.modes.automated.client import AutomatedClient
from box_app_operator.modes.client_credentials.client import ClientCredentialsClient
from box_app_operator.modes.common.client import ModeClient
from box_app_operator.ports import Clock, Cluster

Clients = Mapping[Mode, ModeClient]


def make_clients(store: Store, cluster: Cluster, clock: Clock) -> Clients:
    """One client for each mode."""
    return {
        Mode.AUTOMATED: AutomatedClient(store, cluster, clock),
        Mode.ASSISTED: AssistedClient(store, cluster, clock),
        Mode.CLIENT_CREDENTIALS: ClientCredentialsClient(cluster, clock),
    }
