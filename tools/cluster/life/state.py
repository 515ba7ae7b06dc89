"""The state folder: all of a cluster's files, so that another process can find, repair and remove it."""

import fcntl
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from ipaddress import IPv4Network
from pathlib import Path

from cluster.errors import ClusterError
from cluster.host.addresses import Block


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was chosen at the first `up` and stays: addresses, ports, and what was asked for."""

    block: str
    ports: dict[str, int]
    nodes: str
    kwok_nodes: int
    kcm_qps: int
    provider: str = "source"
    # Empty if the cluster was brought up before this was written.
    kubernetes: str = ""

    @property
    def addresses(self) -> Block:
        return Block(IPv4Network(self.block))


@dataclass(frozen=True, slots=True)
class State:
    """One cluster's folder. Its name is derived from the path, so it is known even if the folder was deleted."""

    folder: Path

    @classmethod
    def at(cls, folder: Path) -> "State":
        """Name the folder; nothing is created."""
        # One folder is one cluster, by whichever path it is reached.
        return cls(folder.resolve())

    @property
    def id(self) -> str:
        return hashlib.sha256(str(self.folder).encode()).hexdigest()[:8]

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    @property
    def pki(self) -> Path:
        return self.folder / "pki"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def processes(self) -> Path:
        return self.folder / "processes"

    @property
    def node(self) -> Path:
        return self.folder / "node"

    @property
    def exists(self) -> bool:
        return self._facts_file.exists()

    @property
    def _facts_file(self) -> Path:
        return self.folder / "cluster.json"

    def create(self) -> None:
        """Make the folders. Keys and etcd's data are in them: they are the owner's alone."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for folder in (self.pki, self.logs, self.processes, self.node):
            folder.mkdir(exist_ok=True, mode=0o700)

    def facts(self) -> Facts:
        """Read what `up` wrote."""
        try:
            return Facts(**json.loads(self._facts_file.read_text()))
        except FileNotFoundError:
            raise ClusterError(f"there is no cluster in {self.folder}", "start one: python -m cluster up") from None

    def write_facts(self, facts: Facts) -> None:
        """Replace the facts in one step: a reader never sees half of them."""
        write_atomically(self._facts_file, json.dumps(asdict(facts), indent=2) + "\n")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep a second `up` or `down` of this cluster waiting until this one has ended."""
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def write_atomically(path: Path, text: str, mode: int = 0o600) -> bool:
    """Write a file by rename; return whether its content changed."""
    if path.exists() and path.read_text() == text:
        return False
    scratch = path.with_name(f".{path.name}.new")
    scratch.write_text(text)
    scratch.chmod(mode)
    scratch.rename(path)
    return True
