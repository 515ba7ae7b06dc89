"""The link between the machine and a node: a veth pair, an address on each end, a route to the pods."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from cluster.host.addresses import Block


@dataclass(frozen=True, slots=True)
class Link:
    """A cluster's link. It lives as long as the node's network namespace."""

    cluster: str

    @property
    def name(self) -> str:
        """Name the machine's end; the node's end is its eth0."""
        return f"sj{self.cluster}"

    @property
    def exists(self) -> bool:
        return Path("/sys/class/net", self.name).exists()

    def attach(self, node: int, block: Block) -> None:
        """Join the machine and the namespace of the process `node`."""
        self.remove()
        inside = ("nsenter", "--target", str(node), "--net")
        _run("ip", "link", "add", self.name, "type", "veth", "peer", "name", "eth0", "netns", str(node))
        _run("ip", "address", "add", f"{block.host}/30", "dev", self.name)
        _run("ip", "link", "set", self.name, "up")
        _run(*inside, "ip", "address", "add", f"{block.node}/30", "dev", "eth0")
        _run(*inside, "ip", "link", "set", "eth0", "up")
        _run(*inside, "ip", "route", "add", "default", "via", str(block.host))
        # Routed, not masqueraded: the API server sees each pod's own address, and no rules are left behind.
        _run("ip", "route", "add", str(block.pods), "via", str(block.node), "dev", self.name)

    def remove(self) -> None:
        """Remove the link. Deleting its namespace would remove it too, but later."""
        if self.exists:
            subprocess.run(["ip", "link", "delete", self.name], check=False, capture_output=True)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
