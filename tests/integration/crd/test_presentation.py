"""What kubectl shows: columns, selections, scale, explain."""

import json
import re
from typing import Any

import pytest
from integration.crd.api import LATCH, NAMESPACE, Api

pytestmark = pytest.mark.integration


@pytest.mark.effect("spec.parentJob")
def test_kubectl_get_columns_show_the_state(api: Api) -> None:
    name = api.create(
        {
            "phase": "CANCELLED",
            "reason": "Cancelled",
            "progress": "3/12",
            "cases": {"total": 12, "succeeded": 2, "failed": 1, "cancelled": 9, "running": 0},
            "cancellation": LATCH,
        },
        parentJob="campaign",
    )
    header, row = api.kubectl("get", "simjob", name).splitlines()
    assert header.split() == ["NAME", "PHASE", "PROGRESS", "SUCCEEDED", "FAILED", "CANCELLED", "AGE"]
    assert row.split()[:-1] == [name, "CANCELLED", "3/12", "2", "1", "9"]
    header, row = api.kubectl("get", "sj", name, "-o", "wide").splitlines()
    assert re.split(r"\s{2,}", header)[7:] == ["RUNNING", "PARENT", "CANCELLED BY", "REASON", "STARTED", "ENDED"]
    assert row.split()[7:] == ["0", "campaign", "anna", "Cancelled"]


@pytest.mark.effect("spec.title", "spec.description")
def test_kubectl_shows_title_and_description(api: Api) -> None:
    name = api.create(title="Mesh study of the wing", description="Three meshes.\nTwo Reynolds numbers.")
    described = api.kubectl("describe", "simjob", name)
    assert re.search(r"^  Title: +Mesh study of the wing$", described, re.MULTILINE)
    assert re.search(r"^  Description: +Three meshes.$\s+^Two Reynolds numbers.$", described, re.MULTILINE)


@pytest.mark.parametrize(
    ("selector", "spec", "status"),
    [
        pytest.param("status.phase=SUSPENDED", {}, {"phase": "SUSPENDED"}, id="the phase"),
        pytest.param(
            "spec.cancel=true,spec.type=select-cancel",
            {"cancel": True, "type": "select-cancel"},
            None,
            id="a cancel request",
        ),
        pytest.param(
            "spec.suspend=true,spec.type=select-suspend",
            {"suspend": True, "type": "select-suspend"},
            None,
            id="a suspension",
        ),
        pytest.param("spec.project=select", {"project": "select"}, None, id="the project"),
        pytest.param("spec.parentJob=campaign-7", {"parentJob": "campaign-7"}, None, id="the parent job"),
        pytest.param("spec.queueName=gpus", {"queueName": "gpus"}, None, id="the queue"),
    ],
)
def test_jobs_can_be_selected_by_field(
    api: Api, selector: str, spec: dict[str, Any], status: dict[str, Any] | None
) -> None:
    name, _ = api.create(status, **spec), api.create()
    found = api.kubectl("get", "simulationjobs", f"--field-selector={selector}", "-o", "name").split()
    assert f"simulationjob.simjob.dev/{name}" in found
    assert len(found) < len(api.kubectl("get", "simulationjobs", "-o", "name").split())


@pytest.mark.parametrize("category", ["all", "simulation"])
def test_kubectl_finds_jobs_by_category(api: Api, category: str) -> None:
    assert f"simulationjob.simjob.dev/{api.create()}" in api.kubectl("get", category, "-o", "name").split()


@pytest.mark.effect("spec.parallelism")
def test_kubectl_scale_sets_the_parallelism(api: Api) -> None:
    name = api.create({"cases": {"running": 2}})
    api.kubectl("scale", "simjob", name, "--replicas=7")
    assert api.read(name)["spec"]["parallelism"] == 7
    raw = f"/apis/simjob.dev/v1beta1/namespaces/{NAMESPACE}/simulationjobs/{name}/scale"
    scale = json.loads(api.kubectl("get", "--raw", raw))
    assert (scale["spec"], scale["status"]) == ({"replicas": 7}, {"replicas": 2})


def test_kubectl_explains_every_field(api: Api) -> None:
    everything = api.kubectl("explain", "simjob.spec", "--recursive")
    assert "preStop" in everything
    published = json.loads(api.kubectl("get", "--raw", "/openapi/v3/apis/simjob.dev/v1beta1"))
    job = published["components"]["schemas"]["dev.simjob.v1beta1.SimulationJob"]
    assert without_description("spec", job["properties"]["spec"]) == []
    assert without_description("status", job["properties"]["status"]) == []


@pytest.mark.parametrize(
    ("field", "words"),
    [
        pytest.param(
            "cancel <boolean>",
            "If true, the whole job is stopped for good. It cannot be undone: setting it back to false changes "
            "nothing. It has no effect once the job is COMPLETED or FAILED, and the policy simjob-late-cancel refuses "
            "it then.",
            id="a boolean",
        ),
        pytest.param(
            "parallelism <integer>",
            "Maximum number of cases that run at once. May be changed at any time. 0 starts no further case; running "
            "cases continue. From 0 to 10000; default 50.",
            id="an integer with bounds and a default",
        ),
    ],
)
def test_kubectl_explain_prints_readable_text(api: Api, field: str, words: str) -> None:
    text = " ".join(api.kubectl("explain", f"simjob.spec.{field.partition(' ')[0]}").split())
    assert text.endswith(f"FIELD: {field} DESCRIPTION: {words}")


def without_description(path: str, node: dict[str, Any]) -> list[str]:
    parts = {f"{path}.{name}": part for name, part in node.get("properties", {}).items()}
    if isinstance(node.get("additionalProperties"), dict):
        parts[f"{path}{{}}"] = node["additionalProperties"]
    if "items" in node:
        parts[f"{path}[]"] = node["items"]
    mine = [] if node.get("description") else [path]
    return [*mine, *(found for name, part in parts.items() for found in without_description(name, part))]
