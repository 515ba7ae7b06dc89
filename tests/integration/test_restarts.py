"""The operator, its replica and the API server are killed: everything still ends right, and nothing runs twice."""

import random
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster.provider import Cluster
from integration.audit import Audit
from integration.client import Client
from integration.conftest import make_place, wait_ready
from integration.operator_process import QUICK_LEASE, OperatorProcess
from integration.sweeps import Place, a_template, eventually

pytestmark = pytest.mark.integration

LEASE = "/apis/coordination.k8s.io/v1/namespaces/simjob-system/leases/simjob-operator"
IDLE_SECONDS = 20.0


class Pair:
    """Two replicas, of which one leads."""

    def __init__(self, client: Client, replicas: tuple[OperatorProcess, OperatorProcess]) -> None:
        self.client = client
        self.replicas = replicas

    @property
    def holder(self) -> str:
        lease = self.client.find(LEASE) or {}
        return str(lease.get("spec", {}).get("holderIdentity", ""))

    @property
    def leader(self) -> OperatorProcess:
        """The one that leads, as soon as one does."""
        eventually(lambda: self._leader() is not None, lambda: f"nobody leads; the Lease says {self.holder!r}")
        found = self._leader()
        assert found is not None
        return found

    @property
    def follower(self) -> OperatorProcess:
        leader = self.leader
        return next(found for found in self.replicas if found is not leader)

    def tail(self) -> str:
        return "\n".join(f"{found.name}:\n{found.tail(15)}" for found in self.replicas)

    def kill_leader(self) -> None:
        """Kill the leader, and start it again as a kubelet does."""
        victim = self.leader
        victim.kill()
        victim.start(wait=False)

    def _leader(self) -> OperatorProcess | None:
        return next((found for found in self.replicas if found.is_running and found.identity == self.holder), None)


@pytest.fixture(scope="module")
def replicas(kwok_cluster: Cluster, operator_kubeconfig: Path) -> Iterator[tuple[OperatorProcess, OperatorProcess]]:
    logs = kwok_cluster.state.logs
    one, other = (OperatorProcess(name, operator_kubeconfig, logs / f"{name}.log", **QUICK_LEASE) for name in "ab")
    for process in (one, other):
        process.log.write_text("")
    yield one, other
    for process in (one, other):
        process.stop()


@pytest.fixture
def pair(client: Client, replicas: tuple[OperatorProcess, OperatorProcess]) -> Iterator[Pair]:
    for process in replicas:
        if not process.is_running:
            process.start()
    yield Pair(client, replicas)
    for process in replicas:
        assert not process.defects()


@pytest.fixture
def place(client: Client, pair: Pair) -> Iterator[Place]:
    found = make_place(client, f"test-{secrets.token_hex(4)}", pair.tail)
    yield found
    try:
        assert not found.violations()
    finally:
        found.leave()


@pytest.mark.parametrize("seed", range(3))
def test_killed_while_it_creates(place: Place, pair: Pair, seed: int) -> None:
    moments = random.Random(seed)  # noqa: S311
    sweep = place.apply(cases={"count": 60}, parallelism=60, template=a_template(run=2))
    for _ in range(2):
        sweep.wait_until(lambda: sweep.place.jobs.history != [], "it has begun")
        time.sleep(moments.uniform(0, 1))
        pair.kill_leader()
    status = sweep.wait_phase("COMPLETED", seconds=90)
    assert status["ledger"]["succeeded"] == "0-59"
    assert len(sweep.pod_names) == 60


@pytest.mark.parametrize("seed", range(3))
def test_killed_while_it_cancels(place: Place, pair: Pair, seed: int) -> None:
    moments = random.Random(seed)  # noqa: S311
    sweep = place.apply(cases={"count": 80}, parallelism=40, template=a_template(stop=2))
    sweep.wait_running(40)
    sweep.cancel()
    time.sleep(moments.uniform(0, 0.6))
    pair.kill_leader()
    status = sweep.wait_phase("CANCELLED", seconds=90)
    assert status["ledger"]["cancelled"] == "0-79"
    sweep.wait_cleared()


def test_of_two_only_one_works_and_the_other_takes_over_at_once_when_it_leaves(place: Place, pair: Pair) -> None:
    leader, follower = pair.leader, pair.follower
    silent = len(follower.log.read_text().splitlines())
    sweep = place.apply(cases={"count": 20}, parallelism=10, template=a_template(run=2))
    sweep.wait_running(10)
    assert len(follower.log.read_text().splitlines()) == silent
    assert (follower.answers("healthz"), follower.answers("readyz")) == (True, True)
    started = time.monotonic()
    assert leader.stop() == 0
    eventually(lambda: pair.holder == follower.identity, pair.tail, seconds=5, pause=0.05)
    assert time.monotonic() - started < 5
    assert sweep.wait_phase("COMPLETED")["ledger"]["succeeded"] == "0-19"
    assert len(sweep.pod_names) == 20


def test_the_api_server_is_killed_under_load(place: Place, pair: Pair, kwok_cluster: Cluster, audit: Audit) -> None:
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
        # Without a Lease that could be renewed a leader ends itself, and its kubelet starts it again.
        for process in pair.replicas:
            if not process.is_running:
                process.start(wait=False)
        return {sweep.status.get("phase"), ending.status.get("phase")} == {"COMPLETED", "CANCELLED"}

    sweep.wait_until(finished, "both have ended", seconds=120)
    assert sweep.status["ledger"]["succeeded"] == "0-59"
    assert len(sweep.pod_names) == 60


def test_when_nothing_happens_nothing_is_written(place: Place, pair: Pair, audit: Audit) -> None:
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
