"""The API server refuses everything for a while: no replica exits, and the operator catches up soon afterwards."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster.provider import Cluster
from integration.conftest import lawful_place
from integration.support.client import Client
from integration.support.sweeps import Place, eventually
from integration.worlds.outage import Outage, outages
from integration.worlds.replicas import Replicas, replicas

pytestmark = pytest.mark.integration

# Longer than the Lease of the replicas here, than all repeats of a request, and than what ended kopf.
OUTAGE_SECONDS = 20.0
HANGS = 0


@pytest.fixture(scope="module")
def outage_and_replicas(
    kwok_cluster: Cluster, client: Client, operator_kubeconfig: Path
) -> Iterator[tuple[Outage, Replicas]]:
    with (
        outages(client, operator_kubeconfig) as (outage, kubeconfig),
        replicas(client, kubeconfig, kwok_cluster.state.logs) as found,
    ):
        yield outage, found


@pytest.fixture
def outage(outage_and_replicas: tuple[Outage, Replicas]) -> Outage:
    return outage_and_replicas[0]


@pytest.fixture
def pair(outage_and_replicas: tuple[Outage, Replicas]) -> Replicas:
    found = outage_and_replicas[1]
    found.ensure_running()
    return found


@pytest.fixture
def place(client: Client, pair: Replicas) -> Iterator[Place]:
    with lawful_place(client, pair.tail) as found:
        yield found


@pytest.mark.parametrize("status", [500, 403, 429, HANGS])
def test_replicas_survive_an_outage_and_catch_up_within_ten_seconds(
    place: Place, pair: Replicas, outage: Outage, status: int
) -> None:
    sweep = place.apply(cases={"count": 10}, parallelism=5)
    deleted = place.apply("deleted", cases={"count": 3})
    sweep.wait_running(5)
    deleted.wait_running(3)
    assert pair.leader
    processes = [found.pid for found in pair.members]
    outage.begin(status)
    time.sleep(OUTAGE_SECONDS / 2)
    sweep.cancel()
    deleted.delete()
    time.sleep(OUTAGE_SECONDS / 2)
    assert outage.refused
    assert [found.answers("healthz") for found in pair.members] == [True, True]
    outage.end()
    ended = time.monotonic()
    sweep.wait_until(lambda: not sweep.running_pods and not deleted.running_pods, "no pod runs", seconds=20)
    assert time.monotonic() - ended <= 10
    sweep.wait_phase("CANCELLED")
    eventually(lambda: all(found.answers("readyz") for found in pair.members), pair.tail, seconds=10)
    assert [found.pid for found in pair.members if found.is_running] == processes
