"""With which flags etcd, kube-apiserver and kube-controller-manager start. Pure.

A folder of a control plane holds ``certs``, ``etcd``, ``sa.key``, ``tokens.csv``, ``audit-policy.yaml``,
``audit.log`` and ``kubeconfig``.
"""

from pathlib import Path


def etcd_flags(folder: Path, client_port: int, peer_port: int) -> list[str]:
    """For a single member that keeps nothing."""
    client, peer = (f"http://127.0.0.1:{port}" for port in (client_port, peer_port))
    return [
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        # Nothing here outlives the process: durability would only cost time.
        "--unsafe-no-fsync",
    ]


def apiserver_flags(folder: Path, etcd_port: int, bind: str, port: int) -> list[str]:
    """For RBAC, service account tokens, and an audit log that is complete when a request was answered."""
    key = folder / "sa.key"
    return [
        f"--etcd-servers=http://127.0.0.1:{etcd_port}",
        f"--bind-address={bind}",
        f"--secure-port={port}",
        f"--cert-dir={folder / 'certs'}",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-signing-key-file={key}",
        f"--service-account-key-file={key}",
        "--service-cluster-ip-range=10.0.0.0/24",
        f"--audit-policy-file={folder / 'audit-policy.yaml'}",
        f"--audit-log-path={folder / 'audit.log'}",
        "--audit-log-mode=blocking",
        # Whoever remembers a place in it wants one file; after 100 MB there would be another (lumberjack).
        "--audit-log-maxsize=100000",
    ]


def controller_flags(folder: Path, port: int, controllers: str) -> list[str]:
    """For these controllers, with commas between them."""
    return [
        f"--kubeconfig={folder / 'kubeconfig'}",
        f"--controllers={controllers}",
        f"--service-account-private-key-file={folder / 'sa.key'}",
        f"--root-ca-file={folder / 'certs' / 'apiserver.crt'}",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--cert-dir={folder / 'controller-certs'}",
        f"--authentication-kubeconfig={folder / 'kubeconfig'}",
        f"--authorization-kubeconfig={folder / 'kubeconfig'}",
    ]
