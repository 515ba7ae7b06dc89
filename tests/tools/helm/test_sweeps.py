"""A sweep in a chart of a user: what `helm install --wait` waits for, and what its time-outs do to a running sweep."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cluster.errors import ClusterError
from cluster.provider import Cluster
from integration.support.client import Client, Object, simulationjobs
from integration.support.installation import credentials
from integration.support.sweeps import TERMINAL, Place, Sweep, a_template, eventually
from simjob.api import names
from tools.helm import worlds
from tools.helm.program import CHART, RELEASE, Helm, HelmError
from tools.helm.worlds import IN_SYSTEM, WAIT, a_place, an_operator

pytestmark = pytest.mark.tools

SHORT = "--timeout=5s"


@pytest.fixture(scope="module", autouse=True)
def operator(helm: Helm, kwok_cluster: Cluster, client: Client) -> Iterator[Any]:
    """The operator, installed by Helm; its process runs from the sources."""
    helm.run("install", RELEASE, str(CHART), IN_SYSTEM, "--create-namespace", *WAIT)
    credentials(kwok_cluster, client)
    try:
        with an_operator(kwok_cluster, "sweeps") as process:
            process.start()
            yield process
    finally:
        worlds.remove(kwok_cluster)


@pytest.fixture
def place(client: Client, operator: Any) -> Iterator[Place]:
    with a_place(client, f"helm-{secrets.token_hex(4)}", operator) as found:
        yield found


class Release:
    """A chart with one SimulationJob, and its release."""

    def __init__(self, helm: Helm, place: Place, folder: Path, template: Object, **metadata: Any) -> None:
        self._helm = helm
        self._place = place
        self._chart = folder
        spec = {"cases": {"count": 3}, "template": template}
        self.manifest = {"apiVersion": names.API_VERSION, "kind": names.KIND, "spec": spec}
        self.manifest["metadata"] = {"name": "sweep", **metadata}
        (folder / "templates").mkdir()
        (folder / "Chart.yaml").write_text("{apiVersion: v2, name: sweep, version: 1.0.0}")
        (folder / "templates/sweep.yaml").write_text(json.dumps(self.manifest))

    @property
    def command(self) -> tuple[str, ...]:
        return ("install", "sweep", str(self._chart), f"--namespace={self._place.name}")

    def install(self, *options: str) -> str:
        return self._helm.run(*self.command, *options)

    def state(self) -> str:
        answer = self._helm.run("status", "sweep", f"--namespace={self._place.name}", "-o", "json")
        return str(json.loads(answer)["info"]["status"])

    def sweep(self) -> Sweep:
        """Return the sweep, when it is there."""
        path = simulationjobs(self._place.name, "sweep")
        eventually(lambda: self._place.client.find(path) is not None, lambda: "Helm has not made the sweep")
        return Sweep(self._place, "sweep", self._place.client.get(path)["metadata"]["uid"])


def test_wait_returns_when_the_sweep_is_completed(helm: Helm, place: Place, tmp_path: Path) -> None:
    release = Release(helm, place, tmp_path, a_template(run=1))
    release.install(*WAIT)
    assert release.sweep().status["phase"] == "COMPLETED"
    assert release.state() == "deployed"


def test_wait_ends_with_an_error_when_the_sweep_fails(helm: Helm, place: Place, tmp_path: Path) -> None:
    release = Release(helm, place, tmp_path, a_template(run=1, exit_code=3))
    with pytest.raises(HelmError, match="sweep"):
        release.install(*WAIT)
    assert release.sweep().status["phase"] == "FAILED"
    assert release.state() == "failed"


def test_a_release_whose_sweep_is_cancelled_counts_as_deployed(helm: Helm, place: Place, tmp_path: Path) -> None:
    release = Release(helm, place, tmp_path, a_template(stop=1))
    process = helm.start(*release.command, *WAIT)
    sweep = release.sweep()
    sweep.wait_running(3)
    assert process.poll() is None, "Helm waits"
    sweep.cancel()
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, output + errors
    assert sweep.status["phase"] == "CANCELLED"
    assert release.state() == "deployed"


def test_a_timeout_fails_the_release_and_the_sweep_runs_on(helm: Helm, place: Place, tmp_path: Path) -> None:
    release = Release(helm, place, tmp_path, a_template())
    with pytest.raises(HelmError):
        release.install("--wait", SHORT)
    assert release.state() == "failed"
    sweep = release.sweep()
    sweep.wait_running(3)
    assert sweep.status["phase"] == "RUNNING"


def test_rollback_on_failure_deletes_a_sweep_that_takes_longer_than_the_timeout(
    helm: Helm, place: Place, tmp_path: Path
) -> None:
    release = Release(helm, place, tmp_path, a_template(stop=1))
    with pytest.raises(HelmError):
        release.install("--rollback-on-failure", SHORT)
    assert place.client.find(simulationjobs(place.name, "sweep")) is None
    eventually(lambda: not place.pods.live(), lambda: "pods are left")


@pytest.mark.parametrize(
    ("options", "annotations"),
    [
        pytest.param((), {}, id="no wait"),
        pytest.param(("--wait=legacy",), {}, id="the wait of Helm 3"),
        pytest.param(("--wait",), {"helm.sh/hook": "post-install"}, id="a hook"),
    ],
)
def test_helm_does_not_wait(
    helm: Helm, place: Place, tmp_path: Path, options: tuple[str, ...], annotations: dict[str, str]
) -> None:
    release = Release(helm, place, tmp_path, a_template(), annotations=annotations)
    release.install(*options, "--timeout=30s")
    assert release.state() == "deployed"
    assert release.sweep().status.get("phase") not in TERMINAL


def test_a_parameter_that_helm_misreads_is_refused(
    helm: Helm, kwok_cluster: Cluster, place: Place, tmp_path: Path
) -> None:
    release = Release(helm, place, tmp_path, a_template())
    # Unquoted: Helm reads the key y as true.
    case = "{name: a, parameters: {x: 1, y: 2}}"
    text = json.dumps(release.manifest).replace('"count": 3', f'"list": [{case}]')
    file = tmp_path / "templates/sweep.yaml"
    file.write_text(text)
    wait_refused(kwok_cluster, file)
    with pytest.raises(HelmError, match="quote y, n, yes, no, on and off"):
        release.install()
    assert place.client.find(simulationjobs(place.name, "sweep")) is None


def wait_refused(cluster: Cluster, file: Path) -> None:
    """Wait until the policies are in effect, some seconds after they were installed."""

    def is_refused() -> bool:
        try:
            cluster.run_kubectl("create", "--dry-run=server", "-f", str(file))
        except ClusterError:
            return True
        return False

    eventually(is_refused, lambda: "no policy refuses the parameter")
