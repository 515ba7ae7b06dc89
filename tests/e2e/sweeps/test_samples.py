"""Every sample in manifests/samples, applied as its first lines say, ends as they say."""

from pathlib import Path

import pytest
from cluster.deploy import ROOT
from cluster.images import imagebuild
from cluster.provider import Cluster
from e2e.support.namespace import Namespace
from e2e.support.sweep import Sweep
from integration.support import transcript

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

SAMPLES = ROOT / "manifests/samples"
# The rerun is applied before the job that it names has ended, and the solver wants a GPU and a Secret.
ENDS = {
    "battery": "COMPLETED",
    "cancelled-from-the-start": "CANCELLED",
    "design": "COMPLETED",
    "gpu": "PENDING",
    "licence": "COMPLETED",
    "matrix": "COMPLETED",
    "minimal": "COMPLETED",
    "parameter-study": "COMPLETED",
    "parameter-study-rerun": "COMPLETED",
    "rc-filter": "COMPLETED",
    "solver": "PENDING",
    "table": "COMPLETED",
}
RC_FILTER = "simjob.local/rc-filter:dev"


def test_every_sample_ends_as_documented(namespace: Namespace, real_cluster: Cluster) -> None:
    assert {file.stem for file in SAMPLES.glob("*.yaml")} == set(ENDS), "say here how a new sample ends"
    folder = SAMPLES / "rc-filter"
    archive = ROOT / "build" / "rc-filter.tar"
    real_cluster.load_image(imagebuild.build(folder, folder / "Dockerfile", RC_FILTER, archive))
    for name in ENDS:
        namespace.run("apply", "-f", str(SAMPLES / f"{name}.yaml"))
    sweeps = {name: Sweep(namespace, name) for name in ENDS}
    for name, phase in ENDS.items():
        sweeps[name].wait_phase(phase, 180)
    assert sweeps["gpu"].wait_message("Unschedulable").startswith("case 0 cannot be scheduled: 0/2 nodes are available")
    assert namespace.run("logs", f"job/{sweeps['table'].job(1)}") == "profile=naca2412 chord=0.75 flaps=true\n"
    assert sweeps["design"].status["progress"] == "32/32"
    assert sweeps["parameter-study-rerun"].status["reason"] == "NothingToRun"
    assert sweeps["licence"].status["results"]["rows"] == 2
    assert sweeps["rc-filter"].status["progress"] == "36/36"
    assert namespace.run("logs", f"job/{sweeps['matrix'].job(5)}") == "mesh=fine reynolds=1000000\n"
    assert sweeps["gpu"].status["phase"] == "PENDING"
    assert namespace.run("get", "jobs", "-l", "simjob.dev/name=cancelled-from-the-start", "-o", "name") == ""


def test_the_first_sweep_of_the_readme_runs_as_printed(
    namespace: Namespace, real_cluster: Cluster, tmp_path: Path
) -> None:
    (tmp_path / "manifests").symlink_to(ROOT / "manifests")
    terminal = transcript.terminal(tmp_path, real_cluster.kubeconfig, namespace.name)
    for step in transcript.sections((ROOT / "README.md").read_text())["First sweep"]:
        assert not transcript.difference(terminal, step)
