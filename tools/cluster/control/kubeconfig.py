"""Kubeconfig files: how a client finds the API server, and who it is."""

import base64
from pathlib import Path

from cluster.control.pki import Pair
from cluster.life import state

# Everything is inside, so that the file can be copied elsewhere.
TEMPLATE = """\
apiVersion: v1
kind: Config
clusters:
- name: {name}
  cluster:
    server: {server}
    certificate-authority-data: {authority}
users:
- name: {user}
  user:
    client-certificate-data: {certificate}
    client-key-data: {key}
contexts:
- name: {name}
  context:
    cluster: {name}
    user: {user}
current-context: {name}
"""


def write(path: Path, *, server: str, authority: Path, client: Pair) -> None:
    """Write a kubeconfig that only its owner can read."""
    text = TEMPLATE.format(
        name="simjob",
        user=client.certificate.stem,
        server=server,
        authority=_encoded(authority),
        certificate=_encoded(client.certificate),
        key=_encoded(client.key),
    )
    state.write_atomically(path, text, mode=0o600)


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
