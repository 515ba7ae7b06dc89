"""The operator, its replica and the API server are killed: everything ends correctly, and nothing runs twice."""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster.provider import Cluster
from integration.conftest import lawful_place, wait_ready
from integration.support.audit import Audit
from integration.support.client import Client
from integration.support.sweeps import Place, a_template, eventually
from integration.worlds.replicas import Replicas, replicas

pytestmark = pytest.mark.integration

IDLE_SECONDS = 20.0


@pytest.fixture(scope="module")
def replicas_of_module(kwok_cluster: Cluster, client: Client, operator_kubeconfig: Path) -> Iterator[Replicas]:
    with replicas(client, operator_kubeconfig, kwok_cluster.state.logs) as found:
        yield found


@pytest.fixture
def pair(replicas_of_module: Replicas) -> Iterator[Replicas]:
    replicas_of_module.ensure_running()
    yield replicas_of_module
    assert not replicas_of_module.defects()


@pytest.fixture
def place(client: Client, pair: Replicas) -> Iterator[Place]:
    with lawful_place(client, pair.tail) as found:
        yield found


@pytest.mark.parametrize("seed", range(3))
def test_an_operator_killed_while_it_creates_creates_nothing_twice(place: Place, pair: Replicas, seed: int) -> None:
    moments = random.Random(seed)  # noqa: S311
    sweep = place.apply(cases={"count": 60}, parallelism=60, template=a_template(run=2))
    for _ in range(2):
        sweep.wait_until(lambda: sweep.place.jobs.history != [], "it has begun")
        time.sleep(moments.uniform(0, 1))
        pair.kill_leader()
    status = sweep.wait_phase("COMPLETED", seconds=90)
    assert status["succeededIndexes"] == "0-59"
    assert len(sweep.pod_names) == 60


@pytest.mark.parametrize("seed", range(3))
def test_an_operator_killed_while_it_cancels_completes_the_cancel(place: Place, pair: Replicas, seed: int) -> None:
    moments = random.Random(seed)  # noqa: S311
    sweep = place.apply(cases={"count": 80}, parallelism=40, template=a_template(stop=2))
    sweep.wait_running(40)
    sweep.cancel()
    time.sleep(moments.uniform(0, 0.6))
    pair.kill_leader()
    status = sweep.wait_phase("CANCELLED", seconds=90)
    assert status["cancelledIndexes"] == "0-79"
    sweep.wait_cleared()


def test_only_the_leader_works_and_a_follower_takes_over_when_it_leaves(place: Place, pair: Replicas) -> None:
    leader, follower = pair.leader, pair.follower
    eventually(lambda: follower.answers("healthz") and follower.answers("readyz"), pair.tail)
    silent = len(follower.log.read_text().splitlines())
    sweep = place.apply(cases={"count": 20}, parallelism=10)
    sweep.wait_running(10)
    assert len(follower.log.read_text().splitlines()) == silent
    started = time.monotonic()
    assert leader.stop() == 0
    eventually(lambda: pair.holder == follower.identity, pair.tail, seconds=5, pause=0.05)
    assert time.monotonic() - started < 5
    assert sweep.end_all("COMPLETED")["succeededIndexes"] == "0-19"
    assert len(sweep.pod_names) == 20


def test_a_sweep_survives_a_kill_of_the_api_server_under_load(
    place: Place, pair: Replicas, kwok_cluster: Cluster, audit: Audit
) -> None:
    sweep = place.apply(cases={"count": 60}, parallelism=20, template=a_template(run=2))
    ending = place.apply("ending", cases={"count": 20}, template=a_template(stop=2))
    ending.wait_running(20)
    ending.cancel()
    kwok_cluster.kill("kube-apiserver")
    away = audit.position()
    time.sleep(1)
    kwok_cluster.start("kube-apiserver")
    wait_ready(kwok_cluster)
    audit.overlook(away)

    def finished() -> bool:
        # As a kubelet would, if one had ended.
        pair.ensure_running(wait=False)
        return {sweep.status.get("phase"), ending.status.get("phase")} == {"COMPLETED", "CANCELLED"}

    sweep.wait_until(finished, "both have ended", seconds=120)
    assert sweep.status["succeededIndexes"] == "0-59"
    assert len(sweep.pod_names) == 60


def test_an_idle_cluster_causes_no_writes(place: Place, pair: Replicas, audit: Audit) -> None:
    sweeps = [
        place.apply("running", cases={"count": 20}),
        place.apply("paused", parallelism=0),
        place.apply("waiting", template=a_template(nodeSelector={"there-is": "none"})),
        place.apply("suspended", suspend=True),
        place.apply("completed", template=a_template(run=1)),
        place.apply("failed", template=a_template(run=1, exit_code=1)),
        place.apply("cancelled", cancel=True),
    ]
    for sweep, phase in zip(sweeps[3:], ("SUSPENDED", "COMPLETED", "FAILED", "CANCELLED"), strict=True):
        sweep.wait_phase(phase)
    sweeps[0].wait_running(20)

    def quiet() -> bool:
        start = audit.position()
        time.sleep(3)
        return not audit.writes(start)

    eventually(quiet, pair.tail, seconds=60)
    start = audit.position()
    time.sleep(IDLE_SECONDS)
    assert audit.writes(start) == []
