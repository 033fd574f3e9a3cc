"""What the files of a control plane hold."""

import secrets
from base64 import encodebytes
from pathlib import Path

import yaml

AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived", "ResponseStarted"],
    "rules": [
        # Whole bodies of writes where no Secret can be, so that tests see every status and Event that was ever written.
        {
            "level": "RequestResponse",
            "verbs": ["create", "update", "patch", "delete", "deletecollection"],
            "resources": [{"group": "boxapps.dev"}, {"group": "", "resources": ["events"]}],
        },
        {"level": "Metadata"},
    ],
}


def kubeconfig(url: str, ca_file: Path, token: str) -> str:
    """A kubeconfig in YAML with this bearer token."""
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "local", "cluster": {"server": url, "certificate-authority": str(ca_file)}}],
            "users": [{"name": "user", "user": {"token": token}}],
            "contexts": [{"name": "local", "context": {"cluster": "local", "user": "user"}}],
            "current-context": "local",
        }
    )


def signing_key() -> str:
    """An EC private key on P-256 in PEM, for the tokens of service accounts.

    A SEC 1 key without its public half (which Go derives) is 32 random bytes in a fixed frame, so that no
    cryptography library is needed. Source: RFC 5915.
    """
    scalar = (secrets.randbelow(2**255) + 1).to_bytes(32, "big")
    der = bytes.fromhex("30310201010420") + scalar + bytes.fromhex("a00a06082a8648ce3d030107")
    return f"-----BEGIN EC PRIVATE KEY-----\n{encodebytes(der).decode()}-----END EC PRIVATE KEY-----\n"
