"""This release and the previous one, each on the CRD of the other: what runs or has ended is not changed.

An upgrade installs the CRD first, and then the old operator works with it for a while. A rollback may put the old CRD
back, or leave the new one.
"""

import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cluster.errors import ClusterError
from cluster.provider import Cluster
from given.builders import a_job_dict
from given.outcomes import OUTCOMES
from integration.conftest import make_place
from integration.support import latecancel, needs, previous
from integration.support.audit import Audit
from integration.support.client import Client, Object, RefusedError
from integration.support.latecancel import Answer
from integration.support.operator_process import QUICK_LEASE, OperatorProcess
from integration.support.oracles import recorded
from integration.support.sweeps import HELD, Place, Sweep, a_template, eventually

pytestmark = pytest.mark.integration

TODAY = previous.ROOT / "crds"
APPARMOR = "container.apparmor.security.beta.kubernetes.io/simulation"
IDLE_SECONDS = 6.0
# A name and a value that are refused today before anything starts.
LOOSE_CASES = {"matrix": [{"name": "true", "values": [1, 2**64 - 1, 3]}]}


class Releases:
    """Both operators, and the CRD of one of them."""

    def __init__(self, cluster: Cluster, kubeconfig: Path, earlier: Path) -> None:
        self._cluster = cluster
        self._earlier = earlier
        self.old, self.new = (
            OperatorProcess(name, kubeconfig, cluster.state.logs / f"{name}.log", **QUICK_LEASE)
            for name in ("previous", "today")
        )
        self.old.source = earlier / "operator"
        for process in (self.old, self.new):
            process.log.write_text("")

    def install_previous_crd(self) -> None:
        self._install(self._earlier / "crds", refuses=False)

    def install_todays_crd(self) -> None:
        self._install(TODAY, refuses=True)

    def tail(self) -> str:
        return f"previous:\n{self.old.tail()}\ntoday:\n{self.new.tail()}"

    def _install(self, folder: Path, *, refuses: bool) -> None:
        """Apply a CRD, and wait until the API server judges by it."""
        self._cluster.run_kubectl("apply", "--server-side", "--force-conflicts", "-k", str(folder))
        template = {**a_template(), "metadata": {"annotations": {APPARMOR: "unconfined"}}}
        probe = yaml.safe_dump({**a_job_dict(template=template), "metadata": {"name": "probe"}})

        def is_refused() -> bool:
            try:
                self._cluster.run_kubectl("create", "--dry-run=server", "-f", "-", stdin=probe)
            except ClusterError:
                return True
            return False

        eventually(lambda: is_refused() is refuses, lambda: f"the CRD of {folder} is not in effect")


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return previous.extract(tmp_path_factory.mktemp("previous"))


@pytest.fixture
def releases(kwok_cluster: Cluster, client: Client, operator_kubeconfig: Path, earlier: Path) -> Iterator[Releases]:
    needs.previous_crd(client)
    found = Releases(kwok_cluster, operator_kubeconfig, earlier)
    yield found
    for process in (found.old, found.new):
        if process.is_running:
            process.stop()
    found.install_todays_crd()
    assert not found.new.defects()


@pytest.fixture
def place(client: Client, releases: Releases) -> Iterator[Place]:
    found = make_place(client, f"test-{secrets.token_hex(4)}", releases.tail)
    yield found
    try:
        assert not found.violations()
    finally:
        found.leave()


class Work:
    """Sweeps in every state, and what must still be true of them however versions change."""

    def __init__(self, place: Place) -> None:
        self.running = place.apply("running", cases={"count": 6}, parallelism=3, template=a_template(stop=1))
        self.other = place.apply("other", template=a_template(stop=1))
        self.stopping = place.apply("stopping", cases={"count": 2}, template=a_template(stop=HELD))
        self.completed = place.apply("completed", template=a_template(run=1))
        self.failed = place.apply("failed", template=a_template(run=1, exit_code=3))
        self.cancelled = place.apply("cancelled", template=a_template(stop=1))
        self.live = [self.running, self.other]
        for sweep in (*self.live, self.cancelled):
            sweep.wait_running(3)
        self.stopping.wait_running(2)
        self.cancelled.cancel()
        self.ends = {
            self.completed: "COMPLETED",
            self.failed: "FAILED",
            self.cancelled: "CANCELLED",
        }
        self.outcomes = {sweep: outcome(sweep.wait_phase(phase)) for sweep, phase in self.ends.items()}
        self.pods = {sweep: uids(sweep) for sweep in self.live}

    def touch(self, title: str) -> None:
        """Change every SimulationJob, so that every watcher reads it again."""
        for sweep in (*self.live, *self.ends):
            sweep.patch(title=title)

    def assert_untouched(self) -> None:
        for sweep in self.live:
            assert uids(sweep) == self.pods[sweep], sweep.explain()
            assert sweep.status["phase"] == "RUNNING", sweep.explain()
        for sweep, expected in self.outcomes.items():
            assert outcome(sweep.status) == expected, sweep.explain()
            assert len(sweep.pod_names) == 3, "no case has run again"

    def wait_seen(self) -> None:
        """Wait until an operator has looked at the running sweeps since they were changed."""
        for sweep in self.live:
            sweep.wait_observed()


def outcome(status: Object) -> Object:
    ends = {outcome: str(recorded(status, outcome)) for outcome in OUTCOMES}
    return ends | {key: status.get(key) for key in ("phase", "cases", "completionTime", "cancellation")}


def uids(sweep: Sweep) -> set[str]:
    """The pods of a sweep that run and that nobody has asked to stop."""
    return {pod["metadata"]["uid"] for pod in sweep.running_pods if "deletionTimestamp" not in pod["metadata"]}


def test_an_upgrade_disturbs_no_running_case(place: Place, releases: Releases) -> None:
    releases.install_previous_crd()
    releases.old.start()
    work = Work(place)
    loose = place.apply("loose", cases=LOOSE_CASES, template=a_loose_template())
    loose.wait_running(3)
    work.pods[loose] = uids(loose)
    work.live.append(loose)

    releases.install_todays_crd()
    work.touch("under the CRD of today")
    work.wait_seen()
    work.assert_untouched()
    work.stopping.cancel()
    releases.old.stop()
    releases.old.start()
    work.touch("and with a new leader of the previous release")
    work.wait_seen()
    work.assert_untouched()
    work.stopping.wait_phase("CANCELLING")
    work.stopping.let_stop()
    assert work.stopping.wait_phase("CANCELLED")["cases"]["cancelled"] == 2

    releases.new.start()
    releases.old.kill()
    work.touch("under the operator of today")
    work.wait_seen()
    work.assert_untouched()
    work.running.patch(parallelism=6)
    work.running.wait_running(6)
    for sweep in work.live:
        sweep.cancel()
    for sweep in work.live:
        assert sweep.wait_phase("CANCELLED")["cases"]["cancelled"] > 0


def test_a_rollback_disturbs_no_running_case(place: Place, releases: Releases, audit: Audit) -> None:
    releases.install_todays_crd()
    releases.new.start()
    work = Work(place)

    releases.install_previous_crd()
    work.touch("under the CRD of before")
    work.wait_seen()
    work.assert_untouched()
    work.stopping.cancel()
    releases.new.stop()
    releases.new.start()
    work.touch("and with a new leader of today")
    work.wait_seen()
    work.stopping.wait_phase("CANCELLING")
    work.stopping.let_stop()
    assert work.stopping.wait_phase("CANCELLED")["cases"]["cancelled"] == 2
    assert idle_writes(releases, audit) <= 10, "what the old CRD drops from a status is not written again and again"
    work.assert_untouched()

    releases.old.start()
    releases.new.kill()
    work.touch("under the operator of before")
    work.wait_seen()
    work.assert_untouched()
    for sweep in work.live:
        sweep.cancel()
    for sweep in work.live:
        assert sweep.wait_phase("CANCELLED")["cases"]["cancelled"] > 0


def test_a_late_cancel_has_no_effect_under_either_release(
    place: Place, releases: Releases, kwok_cluster: Cluster, client: Client
) -> None:
    """Without the policy, the CRD of today accepts it. The CRD of the previous release refuses it by itself."""
    ended = [place.apply(name, template=a_template(run=1, exit_code=code)) for name, code in (("a", 0), ("b", 3))]
    with latecancel.answering(kwok_cluster, client, Answer.ACCEPTED):
        releases.install_todays_crd()
        releases.old.start()
        phases = ("COMPLETED", "FAILED")
        outcomes = [outcome(sweep.wait_phase(phase)) for sweep, phase in zip(ended, phases, strict=True)]
        for sweep in ended:
            sweep.cancel()
        for sweep in ended:
            sweep.wait_observed()
        assert [outcome(sweep.status) for sweep in ended] == outcomes

        releases.new.start()
        releases.old.kill()
        for sweep in ended:
            sweep.patch(title="under the operator of today", cancel=None)
        for sweep in ended:
            sweep.wait_observed()
    releases.install_previous_crd()
    for sweep in ended:
        with pytest.raises(RefusedError, match=r"spec\.cancel: Forbidden: ") as refused:
            sweep.cancel()
        assert refused.value.code == 422
    assert [outcome(sweep.status) for sweep in ended] == outcomes


def idle_writes(releases: Releases, audit: Audit) -> int:
    start = audit.position()
    time.sleep(IDLE_SECONDS)
    assert releases.new.is_running
    return len(audit.writes(start))


def a_loose_template() -> Object:
    """What the previous CRD accepts and the CRD of today refuses."""
    template = a_template(stop=1)
    template["metadata"]["annotations"][APPARMOR] = "unconfined"
    template["spec"]["containers"][0]["securityContext"] = {"capabilities": {"drop": ["NET_RAW"]}}
    return template


def test_the_crd_adds_no_default_to_the_previous_release(earlier: Path) -> None:
    before, now = (
        yaml.safe_load((folder / "simulationjobs.simjob.dev.yaml").read_text()) for folder in (earlier / "crds", TODAY)
    )
    assert defaults(now) == defaults(before)


def defaults(definition: Object) -> dict[str, Any]:
    """The defaults of a CRD, by path."""

    def walk(node: Any, path: str) -> Iterator[tuple[str, Any]]:
        if isinstance(node, dict):
            if "default" in node and ("type" in node or "x-kubernetes-int-or-string" in node):
                yield path, node["default"]
            for key, part in node.items():
                yield from walk(part, f"{path}.{key}")

    (version,) = definition["spec"]["versions"]
    return dict(walk(version["schema"]["openAPIV3Schema"], ""))
