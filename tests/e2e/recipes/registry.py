"""A registry that asks for a password: Debian's docker-registry, on the real node's own 127.0.0.1.

containerd takes plain HTTP there without any configuration, as it does on any node.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from cluster.host import cache
from cluster.node import settings
from cluster.provider import Cluster
from e2e.support.waiting import until

ADDRESS = "127.0.0.1:5000"
USER = "robot"
PASSWORD = "correct horse"
# The password by bcrypt, the only form that the registry reads.
HTPASSWD = f"{USER}:$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2\n"


@contextmanager
def registry(cluster: Cluster, folder: Path) -> Iterator[None]:
    """Run the registry on the cluster's real node, with its files in a folder."""
    (folder / "htpasswd").write_text(HTPASSWD)
    config = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(folder / "images")}},
        "http": {"addr": ADDRESS},
        "auth": {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}},
    }
    (folder / "config.yml").write_text(json.dumps(config))
    log = folder / "registry.log"
    with log.open("w") as output:
        command = [*_enter(cluster, "--net"), program(), "serve", folder / "config.yml"]
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        until(lambda: "listening on" in log.read_text(), 10, log.read_text)
        yield
    finally:
        process.terminate()
        process.wait()


def push(cluster: Cluster, name: str) -> None:
    """Push an image from the node's store to the registry, and remove it from the store: pods must pull it."""
    credentials = f"{USER}:{PASSWORD}"
    _ctr(cluster, "images", "push", "--local", "--plain-http", "--user", credentials, name)
    _ctr(cluster, "images", "remove", "--sync", name)


def program() -> Path:
    """Return the registry's program; take it from Debian's package if the machine has none.

    The package is only unpacked: installed, it would start a service on machines with systemd.
    """
    if found := shutil.which("docker-registry"):
        return Path(found)
    kept = cache.folder() / "docker-registry"
    with cache.locked("docker-registry"), TemporaryDirectory(dir=cache.folder()) as folder:
        if not kept.exists():
            for command in ("apt-get -qq update", "apt-get -qq download docker-registry", "dpkg -x *.deb ."):
                subprocess.run(command, shell=True, cwd=folder, check=True, capture_output=True)  # noqa: S602 - for the *
            Path(folder, "usr/bin/docker-registry").rename(kept)
    return kept


def _ctr(cluster: Cluster, *arguments: str) -> None:
    command = [f"{settings.BINARIES}/ctr", f"--address={settings.CONTAINERD_SOCKET}", "--namespace=k8s.io", *arguments]
    subprocess.run([*_enter(cluster, "--mount", "--net", "--pid"), *command], check=True, capture_output=True)


def _enter(cluster: Cluster, *namespaces: str) -> list[str | Path]:
    return ["nsenter", f"--target={cluster.components()['node']}", *namespaces, "--"]
