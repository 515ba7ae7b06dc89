"""Ten sweeps are ended at the same moment, with the election on: the leader stays, and each sweep is served."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster.provider import Cluster
from integration.client import Client
from integration.conftest import make_place
from integration.sweeps import Place, a_template, eventually
from integration.worlds.many import at_once, many_sweeps
from integration.worlds.replicas import Replicas, replicas

pytestmark = pytest.mark.integration

SWEEPS = 10
RUNNING = 40


@pytest.fixture(scope="module")
def electing(kwok_cluster: Cluster, client: Client, operator_kubeconfig: Path) -> Iterator[Replicas]:
    with replicas(client, operator_kubeconfig, kwok_cluster.state.logs) as found:
        found.ensure_running()
        yield found
        assert not found.defects()


@pytest.fixture
def place(client: Client, electing: Replicas) -> Iterator[Place]:
    found = make_place(client, f"test-{secrets.token_hex(4)}", electing.tail)
    yield found
    try:
        assert not found.violations()
    finally:
        found.leave()


def test_ten_sweeps_are_cancelled_at_once_and_the_leader_stays(place: Place, electing: Replicas) -> None:
    sweeps = many_sweeps(place, SWEEPS, cases={"count": RUNNING}, parallelism=RUNNING, template=a_template(stop=1))
    for sweep in sweeps:
        sweep.wait_running(RUNNING, seconds=120)
    leader = electing.holder
    at_once(sweeps, "cancel")
    for sweep in sweeps:
        assert sweep.wait_phase("CANCELLED", seconds=120)["ledger"]["cancelled"] == f"0-{RUNNING - 1}"
    assert electing.holder == leader


def test_ten_sweeps_are_deleted_at_once_and_the_leader_stays(place: Place, electing: Replicas) -> None:
    sweeps = many_sweeps(place, SWEEPS, cases={"count": RUNNING}, parallelism=RUNNING, template=a_template(stop=1))
    for sweep in sweeps:
        sweep.wait_running(RUNNING, seconds=120)
    leader = electing.holder
    at_once(sweeps, "delete")
    eventually(lambda: not place.pods.live(), lambda: f"pods are left\n{electing.tail()}", seconds=120)
    assert electing.holder == leader
