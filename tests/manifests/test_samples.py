"""Every sample is a job that the operator can read, and shows what its name says."""

import importlib.util
import math
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from cluster.images import oci
from cluster.kubectl import wait_established
from cluster.provider import Cluster
from simjob.api import names
from simjob.api.simulationjob import SimulationJob
from simjob.api.sweep.ranges import Ranges
from simjob.core.usertables.parse import TableFile

SAMPLES = Path(__file__).parents[2] / "manifests/samples"
FILES = sorted(SAMPLES.glob("*.yaml"))


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((SAMPLES / f"{name}.yaml").read_text()))


def read(name: str) -> SimulationJob:
    (raw,) = (found for found in documents(name) if found["kind"] == names.KIND)
    return SimulationJob.model_validate(raw)


@pytest.fixture
def rc_filter() -> ModuleType:
    """The script of the case image."""
    spec = importlib.util.spec_from_file_location("rc_filter", SAMPLES / "rc-filter/rc_filter.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_sample_is_one_valid_job_named_like_its_file(file: Path) -> None:
    assert read(file.stem).metadata.name == file.stem


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_sample_uses_a_public_image(file: Path) -> None:
    images = {container.image for container in read(file.stem).spec.template.spec.containers}
    assert images <= {oci.SAMPLES.removeprefix("docker.io/library/"), "simjob.local/rc-filter:dev"}


def test_the_cancelled_sample_is_created_cancelled() -> None:
    spec = read("cancelled-from-the-start").spec
    assert spec.cancel is True
    assert spec.cancel_reason


def test_the_table_sample_includes_a_table_with_its_subset() -> None:
    table, _ = documents("table")
    spec = read("table").spec
    assert spec.cases is not None
    source = spec.cases.config_map
    assert source is not None
    assert source.name == table["metadata"]["name"]
    cases = [case.parameters for case in TableFile(table["data"][source.key], source.key).cases()]
    assert cases[1] == {"profile": "naca2412", "chord": 0.75, "flaps": True}
    assert spec.subset is not None
    assert not spec.subset.minus(Ranges.span(len(cases)))


def test_the_design_sample_has_a_seed_and_a_logarithmic_scale() -> None:
    spec = read("design").spec
    assert spec.cases is not None
    assert spec.cases.samples is not None
    assert spec.cases.samples.seed is not None
    assert "Log" in [parameter.scale for parameter in spec.cases.samples.parameters]


def test_the_gpu_sample_requests_a_product_and_its_memory() -> None:
    resources = read("gpu").spec.resources
    assert resources is not None
    assert resources.gpu is not None
    assert (resources.gpu.product, resources.gpu.memory) == ("NVIDIA-A100-SXM4-80GB", "40Gi")


def test_the_licence_sample_has_a_sidecar_that_the_solver_waits_for() -> None:
    (tunnel,) = read("licence").spec.template.spec.init_containers or ()
    assert tunnel.restart_policy == "Always"
    assert tunnel.startup_probe is not None


def test_the_filter_is_a_sweep_of_two_axes_long_enough_to_be_cancelled() -> None:
    job = read("rc-filter")
    spec, total = job.spec, len(job.selection)
    assert total >= 24
    assert set(spec.case(0).parameters) == {"r", "c"}
    assert spec.parallelism * 3 < total


def test_output_of_ngspice_is_read_without_its_headings(rc_filter: ModuleType) -> None:
    output = (
        "No. of Data Rows : 2\nIndex   frequency       vdb(out)\n------\n0\t1.0e+02\t-1.0e-01\t\n1\t2.0e+02\t-6.0e+00\n"
    )
    assert rc_filter.read_table(output) == [(100.0, -0.1), (200.0, -6.0)]


def test_the_crossing_of_an_ideal_filter_is_its_cut_off_frequency(rc_filter: ModuleType) -> None:
    frequencies = [10 ** (k / 100) for k in range(600)]
    points: list[tuple[float, float]] = [(f, -10 * math.log10(1 + (f / 1591.5) ** 2)) for f in frequencies]
    found: Any = rc_filter.crossing(points, rc_filter.HALF_POWER_DB)
    assert found == pytest.approx(1591.5, rel=1e-3)


def test_a_response_without_a_cut_off_is_an_error(rc_filter: ModuleType) -> None:
    with pytest.raises(SystemExit, match="does not fall"):
        rc_filter.crossing([(1.0, 0.0), (2.0, -0.1)], rc_filter.HALF_POWER_DB)


@pytest.mark.integration
def test_the_api_server_accepts_every_sample(kwok_cluster: Cluster) -> None:
    kubectl = kwok_cluster.run_kubectl
    kubectl("apply", "-k", str(SAMPLES.parents[1] / "crds"))
    wait_established(kubectl, names.PLURAL, names.GROUP)
    kubectl("apply", "-f", "-", stdin="{apiVersion: v1, kind: Namespace, metadata: {name: samples}}")
    answer = kubectl("apply", "--namespace=samples", "--dry-run=server", "--warnings-as-errors", "-f", str(SAMPLES))
    assert len(answer.splitlines()) == sum(len(documents(file.stem)) for file in FILES)
