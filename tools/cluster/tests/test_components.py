"""The command lines of the control plane."""

from pathlib import Path

import pytest
from cluster.control import components
from cluster.control.components import ControlPlane
from cluster.host.binaries import Programs
from cluster.life.state import Facts, State
from cluster.options import Nodes


@pytest.fixture
def state(tmp_path: Path) -> State:
    state = State.at(tmp_path)
    state.create()
    return state


def a_plane(state: State, nodes: Nodes = Nodes.KWOK, kcm_qps: int = 20) -> ControlPlane:
    ports = {name: 20000 + index for index, name in enumerate(components.PORTS)}
    facts = Facts(block="198.18.0.0/22", ports=ports, nodes=nodes.value, kwok_nodes=1, kcm_qps=kcm_qps)
    return ControlPlane(state, facts, Programs(Path("/programs")))


@pytest.mark.parametrize(("rate", "burst"), [(20, 30), (500, 750)])
def test_the_controller_managers_rate_is_an_option(state: State, rate: int, burst: int) -> None:
    command = a_plane(state, kcm_qps=rate).kube_controller_manager()
    assert f"--kube-api-qps={rate}" in command
    assert f"--kube-api-burst={burst}" in command


@pytest.mark.parametrize(
    ("nodes", "seconds"),
    [
        pytest.param(Nodes.KWOK, 50, id="fake nodes only"),
        pytest.param(Nodes.REAL, 16, id="a real node only"),
        pytest.param(Nodes.BOTH, 16, id="fake nodes and a real node"),
    ],
)
def test_the_loss_of_a_real_node_is_detected_early(state: State, nodes: Nodes, seconds: int) -> None:
    command = a_plane(state, nodes).kube_controller_manager()
    assert f"--node-monitor-grace-period={seconds}s" in command


@pytest.mark.parametrize(
    ("nodes", "address"),
    [
        pytest.param(Nodes.KWOK, "127.0.0.1", id="fake nodes only"),
        pytest.param(Nodes.REAL, "0.0.0.0", id="a real node"),  # noqa: S104
    ],
)
def test_the_api_listens_on_other_addresses_only_for_a_real_node(state: State, nodes: Nodes, address: str) -> None:
    assert f"--bind-address={address}" in a_plane(state, nodes).kube_apiserver()


def test_secrets_are_readable_only_by_their_owner(state: State) -> None:
    a_plane(state).prepare()
    assert state.kubeconfig.stat().st_mode & 0o777 == 0o600
    assert state.folder.stat().st_mode & 0o777 == 0o700
    assert {key.stat().st_mode & 0o777 for key in state.pki.glob("*.key")} == {0o600}


def test_certificates_are_kept(state: State) -> None:
    plane = a_plane(state)
    plane.prepare()
    before = {path: path.read_bytes() for path in state.pki.iterdir()}
    plane.prepare()
    assert {path: path.read_bytes() for path in state.pki.iterdir()} == before
