"""Ten sweeps are ended at the same moment, with leader election: the leader stays, and each sweep is served."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cluster.provider import Cluster
from integration.conftest import lawful_place
from integration.support.client import Client
from integration.support.sweeps import Place, Sweep, a_template, eventually
from integration.worlds.many import at_once, many_sweeps
from integration.worlds.replicas import LEASE, Replicas, replicas

pytestmark = pytest.mark.integration

SWEEPS = 10
CASES = 30


@pytest.fixture(scope="module")
def electing(kwok_cluster: Cluster, client: Client, operator_kubeconfig: Path) -> Iterator[Replicas]:
    with replicas(client, operator_kubeconfig, kwok_cluster.state.logs) as found:
        found.ensure_running()
        yield found
        assert not found.defects()


@pytest.fixture
def place(client: Client, electing: Replicas) -> Iterator[Place]:
    with lawful_place(client, electing.tail) as found:
        yield found


@contextmanager
def healthy(electing: Replicas) -> Iterator[None]:
    """Ask the leader's /healthz all the time inside the block: it always answers, and within a second.

    What the machine and this process add to an answer shows in those of the follower, which has nothing to do.
    """
    leader, follower, over = electing.leader, electing.follower, threading.Event()
    worst, refused = dict.fromkeys((leader, follower), 0.0), dict.fromkeys((leader, follower), 0)

    def ask() -> None:
        while not over.wait(0.05):
            for process in (leader, follower):
                asked = time.monotonic()
                refused[process] += not process.answers("healthz")
                worst[process] = max(worst[process], time.monotonic() - asked)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert set(refused.values()) == {0}
    assert worst[leader] < 1 + worst[follower]


@contextmanager
def same_leader(electing: Replicas) -> Iterator[None]:
    """Check that the Lease is not taken again inside the block, by nobody, and that no replica has ended."""
    before = _leadership(electing)
    yield
    assert _leadership(electing) == before, electing.tail()
    assert all(process.is_running for process in electing.members)


def _leadership(electing: Replicas) -> dict[str, object]:
    """Return the part of the Lease that a renewal leaves as it is."""
    assert electing.leader.is_running
    spec = electing.client.get(LEASE)["spec"]
    return {name: value for name, value in spec.items() if name != "renewTime"}


def running_sweeps(place: Place) -> list[Sweep]:
    sweeps = many_sweeps(place, SWEEPS, cases={"count": CASES}, parallelism=CASES, template=a_template(stop=1))
    for sweep in sweeps:
        sweep.wait_running(CASES, seconds=120)
    return sweeps


def test_cancelling_ten_sweeps_at_once_does_not_cost_the_leader_its_lease(place: Place, electing: Replicas) -> None:
    sweeps = running_sweeps(place)
    with same_leader(electing), healthy(electing):
        at_once(sweeps, "cancel")
        for sweep in sweeps:
            assert sweep.wait_phase("CANCELLED", seconds=60)["cancelledIndexes"] == f"0-{CASES - 1}"


def test_deleting_ten_sweeps_at_once_does_not_cost_the_leader_its_lease(place: Place, electing: Replicas) -> None:
    sweeps = running_sweeps(place)
    with same_leader(electing), healthy(electing):
        at_once(sweeps, "delete")
        eventually(lambda: not any(sweep.pods for sweep in sweeps), electing.tail, seconds=60)
