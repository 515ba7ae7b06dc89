"""Which ports and networks are free on this machine."""

import random
import socket
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from cluster.errors import ClusterError

# The benchmark network of RFC 2544 first: hardly anybody routes it. Then a private one.
POOLS = (IPv4Network("198.18.0.0/15"), IPv4Network("10.213.0.0/16"))

# Below the range that the kernel takes for outgoing connections, so that a free port stays free.
PORTS = range(20000, 30000)


@dataclass(frozen=True, slots=True)
class Block:
    """A cluster's /22: the link to its node, its services, its pods."""

    network: IPv4Network

    @property
    def host(self) -> IPv4Address:
        """The machine's end of the link; the API server is reached here."""
        return self.network[1]

    @property
    def node(self) -> IPv4Address:
        """The node's end of the link."""
        return self.network[2]

    @property
    def services(self) -> IPv4Network:
        return list(self.network.subnets(new_prefix=24))[1]

    @property
    def kubernetes_service(self) -> IPv4Address:
        """The address of the service `kubernetes`: by contract the first of the range."""
        return self.services[1]

    @property
    def pods(self) -> IPv4Network:
        return list(self.network.subnets(new_prefix=23))[1]


def free_block(taken: Iterable[IPv4Network]) -> Block:
    """Choose the first block that overlaps nothing taken."""
    in_use = list(taken)
    for pool in POOLS:
        for block in pool.subnets(new_prefix=22):
            if not any(block.overlaps(other) for other in in_use):
                return Block(block)
    pools = " and ".join(str(pool) for pool in POOLS)
    raise ClusterError(f"every network in {pools} is taken", "see `ip route show table all`")


def routed_networks(table: Path = Path("/proc/net/route")) -> list[IPv4Network]:
    """List what the machine has routes to, default routes aside: those overlap everything."""
    networks = []
    for line in table.read_text().splitlines()[1:]:
        _, destination, _, _, _, _, _, mask, *_ = line.split()
        networks.append(IPv4Network((_address(destination), str(_address(mask)))))
    return [network for network in networks if network.prefixlen > 1]


def _address(hexadecimal: str) -> IPv4Address:
    """Read an address as the kernel prints it, in the byte order of the machine."""
    return IPv4Address(int(hexadecimal, 16).to_bytes(4, sys.byteorder))


def free_ports(names: Iterable[str], taken: Iterable[int] = ()) -> dict[str, int]:
    """Choose a different free port for each name."""
    avoid = set(taken)
    ports: dict[str, int] = {}
    for name in names:
        # At random: two clusters that start at once then rarely meet.
        candidates = (random.choice(PORTS) for _ in range(10 * len(PORTS)))  # noqa: S311
        ports[name] = next(port for port in candidates if port not in avoid and is_free(port))
        avoid.add(ports[name])
    return ports


def is_free(port: int) -> bool:
    """Say whether nothing listens on the port, on any address."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))  # noqa: S104
        except OSError:
            return False
        return True
