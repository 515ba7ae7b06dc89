"""Free networks and ports."""

import socket
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest
from cluster.errors import ClusterError
from cluster.host import addresses
from cluster.host.addresses import POOLS, Block

# As the kernel prints it: addresses in hexadecimal, in the byte order of the machine.
ROUTES = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
"""


def test_link_services_and_pods_get_separate_ranges() -> None:
    block = Block(IPv4Network("198.18.4.0/22"))
    assert block.host == IPv4Address("198.18.4.1")
    assert block.node == IPv4Address("198.18.4.2")
    assert block.services == IPv4Network("198.18.5.0/24")
    assert block.kubernetes_service == IPv4Address("198.18.5.1")
    assert block.pods == IPv4Network("198.18.6.0/23")


def test_two_clusters_get_different_networks() -> None:
    first = addresses.free_block([])
    second = addresses.free_block([first.network])
    assert not first.network.overlaps(second.network)


def test_an_occupied_pool_is_skipped() -> None:
    assert addresses.free_block([POOLS[0]]).network.subnet_of(POOLS[1])


def test_no_network_left_is_an_error() -> None:
    with pytest.raises(ClusterError, match="taken"):
        addresses.free_block([IPv4Network("0.0.0.0/0")])


def test_default_routes_occupy_no_pool(tmp_path: Path) -> None:
    table = tmp_path / "route"
    table.write_text(ROUTES)
    assert addresses.routed_networks(table) == [IPv4Network("172.17.0.0/16")]


def test_ports_are_distinct_and_unused() -> None:
    names = [str(number) for number in range(50)]
    taken = range(20000, 29900)
    ports = addresses.free_ports(names, taken)
    assert len(set(ports.values())) == 50
    assert not set(ports.values()) & set(taken)


def test_a_port_with_a_listener_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not addresses.is_free(server.getsockname()[1])
