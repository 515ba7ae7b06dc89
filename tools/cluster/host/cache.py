"""The user's cache folder: built programs, and which cluster has taken which network."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Network
from pathlib import Path


def folder() -> Path:
    """Return the cache folder, made if need be."""
    base = os.environ.get("XDG_CACHE_HOME")
    path = (Path(base) if base else Path.home() / ".cache") / "simjob"
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Keep other processes of this user out of the same section."""
    with (folder() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def claimed_networks() -> list[IPv4Network]:
    """List the networks of clusters whose state folder exists; forget the others.

    A cluster has no route before its node runs, so routes alone would give two clusters that start at once the
    same network.
    """
    networks = []
    for claim in _claims().glob("*.json"):
        content = json.loads(claim.read_text())
        if Path(content["state"]).exists():
            networks.append(IPv4Network(content["network"]))
        else:
            claim.unlink(missing_ok=True)
    return networks


def claim(cluster: str, state: Path, network: IPv4Network) -> None:
    """Note that the network is taken. Call it under `locked("networks")`."""
    content = {"state": str(state), "network": str(network)}
    (_claims() / f"{cluster}.json").write_text(json.dumps(content))


def release(cluster: str) -> None:
    """Give the network back."""
    (_claims() / f"{cluster}.json").unlink(missing_ok=True)


def _claims() -> Path:
    claims = folder() / "networks"
    claims.mkdir(exist_ok=True)
    return claims
