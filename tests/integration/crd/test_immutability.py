"""What may change in a SimulationJob, what is stored as written, and what validation may cost."""

from typing import Any

import pytest
from given.builders import a_template_dict
from given.fulltemplate import FULL_SPEC, FULL_TEMPLATE
from given.outcomes import as_fields
from integration.crd.api import Api, container, manifest
from simjob.api import simulationjob

pytestmark = pytest.mark.integration

TWO_CASES = {"list": [{"name": "a", "parameters": {"x": 1}}, {"name": "b", "parameters": {"x": 2}}]}
TWO_CONTAINERS = [{"name": "a", "image": "b"}, {"name": "c", "image": "d"}]


@pytest.mark.parametrize(
    ("field", "spec", "change"),
    [
        pytest.param("cases", {}, {"cases": {"count": 4}}, id="another number of cases"),
        pytest.param("cases", {}, {"cases": {"count": None, **TWO_CASES}}, id="another source"),
        pytest.param("cases", {"cases": TWO_CASES}, {"cases": {"list": TWO_CASES["list"][:1]}}, id="a case is gone"),
        pytest.param(
            "cases", {"cases": TWO_CASES}, {"cases": {"list": TWO_CASES["list"][::-1]}}, id="another order of cases"
        ),
        pytest.param(
            "cases",
            {"cases": {"list": [{"name": "a", "parameters": {"x": 1}}]}},
            {"cases": {"list": [{"name": "a", "parameters": {"x": "1"}}]}},
            id="another type of a value",
        ),
        pytest.param(
            "cases",
            {"cases": {"matrix": [{"name": "x", "values": [1, 2]}]}},
            {"cases": {"matrix": [{"name": "x", "values": [2, 1]}]}},
            id="another order of values",
        ),
        pytest.param("template", {}, {"template": container()}, id="another container"),
        pytest.param("template", {}, {"template": {"metadata": {"labels": {"a": "b"}}}}, id="a label of the template"),
        pytest.param(
            "template",
            {"template": a_template_dict(containers=TWO_CONTAINERS)},
            {"template": {"spec": {"containers": TWO_CONTAINERS[::-1]}}},
            id="another order of containers",
        ),
        pytest.param(
            "template",
            {"template": a_template_dict(affinity={"nodeAffinity": {"x": [1]}})},
            {"template": {"spec": {"affinity": {"nodeAffinity": {"x": [2]}}}}},
            id="a change in an opaque part",
        ),
        pytest.param("resources", {}, {"resources": {"cpu": 1}}, id="resources are added"),
        pytest.param("resources", {"resources": {"cpu": 1}}, {"resources": {"cpu": 2}}, id="other resources"),
        pytest.param("resources", {"resources": {"cpu": 1}}, {"resources": None}, id="resources are removed"),
        pytest.param("retries", {}, {"retries": {"limit": 1}}, id="more retries"),
        pytest.param("type", {"type": "simulate"}, {"type": "optimize"}, id="another type"),
        pytest.param("type", {}, {"type": "optimize"}, id="a type is added"),
        pytest.param("project", {"project": "wing"}, {"project": None}, id="the project is removed"),
    ],
)
def test_fields_that_define_the_cases_cannot_be_changed(
    api: Api, field: str, spec: dict[str, Any], change: dict[str, Any]
) -> None:
    name = api.create(**spec)
    words = api.refusal_of_change(name, {"spec": change})
    assert words == f"spec.{field}: Forbidden: `{field}` is immutable: create a new SimulationJob instead"


def test_fields_that_control_the_run_can_be_changed(api: Api) -> None:
    change = {
        "title": "Wing",
        "description": "Second try.",
        "parallelism": 0,
        "suspend": True,
        "cancel": True,
        "cancelReason": "wrong mesh",
        "history": {"succeededCases": 0},
    }
    spec = api.patch(api.create(template=a_template_dict(**FULL_SPEC), cases=TWO_CASES), {"spec": change})["spec"]
    assert {key: spec[key] for key in change} == {**change, "history": {"succeededCases": 0, "failedCases": 100}}


def test_every_allowed_field_of_the_template_is_kept(api: Api) -> None:
    assert api.read(api.create(template=FULL_TEMPLATE))["spec"]["template"] == FULL_TEMPLATE


def test_an_opaque_part_of_the_template_is_kept_unchanged(api: Api) -> None:
    template = a_template_dict(affinity={"nodeAffinity": {"anything": [1, {"deep": None}]}})
    assert api.read(api.create(template=template))["spec"]["template"] == template


def test_every_allowed_field_is_a_field_of_pods(api: Api) -> None:
    api.kubectl("create", "serviceaccount", "solver")
    runtime = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "nvidia"}, "handler": "n"}
    api.kubectl("apply", "-f", "-", stdin=runtime)
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "full", **FULL_TEMPLATE["metadata"]},
        "spec": FULL_SPEC,
    }
    api.kubectl("create", "--dry-run=server", "--warnings-as-errors", "-f", "-", stdin=pod)
    api.kubectl("delete", "serviceaccount/solver", "runtimeclass/nvidia")


@pytest.mark.refusal("spec.cases.matrix[].values[]", "spec.cases.list[].parameters{}")
@pytest.mark.parametrize(
    "cases",
    [{"matrix": [{"name": "a", "values": [1, None]}]}, {"list": [{"name": "a", "parameters": {"x": None}}]}],
)
def test_a_null_parameter_is_left_to_the_operator_and_does_not_block_a_cancel(api: Api, cases: dict[str, Any]) -> None:
    name = api.create(cases=cases)
    found = api.read(name)
    assert found["spec"]["cases"] == cases
    assert isinstance(simulationjob.parse(found), simulationjob.Invalid)
    assert api.patch(name, {"spec": {"cancel": True}})["spec"]["cancel"] is True


def test_values_keep_their_types(api: Api) -> None:
    values = [
        1,
        -2,
        2.5,
        1e-05,
        0.1,
        2**63 - 1,
        "x",
        "1",
        "",
        True,
        False,
        [],
        [1, [None, "a"]],
        {},
        {"a": {"b": None}},
    ]
    cases = {"matrix": [{"name": "x", "values": values}]}
    kept = api.read(api.create(cases=cases))["spec"]["cases"]["matrix"][0]["values"]
    assert [(value, type(value)) for value in kept] == [(value, type(value)) for value in values]


def test_omitted_fields_get_their_defaults(api: Api) -> None:
    job = api.read(api.create(resources={"gpu": {}}))
    assert job["spec"] == {
        "cases": {"count": 3},
        "template": a_template_dict(),
        "task": "Batch",
        "parallelism": 50,
        "retries": {"limit": 0},
        "failurePolicy": {"maxFailedCases": 0, "onExceeded": "Continue"},
        "suspend": False,
        "history": {"succeededCases": 100, "failedCases": 100},
        "resources": {"gpu": {"count": 1, "resourceName": "nvidia.com/gpu"}},
    }
    assert job["status"] == {"observedGeneration": -1}


def test_applying_the_same_again_changes_nothing(api: Api) -> None:
    job = manifest(name="applied", cases=TWO_CASES, template=a_template_dict(**FULL_SPEC))
    for manager in ("kubectl", "kustomize-controller"):
        api.kubectl("apply", "--server-side", f"--field-manager={manager}", "-f", "-", stdin=job)
    api.kubectl("apply", "-f", "-", stdin=job)
    assert api.read("applied")["metadata"]["generation"] == 1


def test_managed_fields_are_no_larger_than_the_cases(api: Api) -> None:
    name = api.create(cases=LARGE_SPECS["list"])
    owned = api.kubectl("get", "simjob", name, "--show-managed-fields", "-o", "jsonpath={.metadata.managedFields}")
    assert len(owned) < 1024
    api.kubectl("delete", "simjob", name)


LARGE_SPECS = {
    "list": {"list": [{"name": f"case-{i}", "parameters": {f"p{k}": i for k in range(20)}} for i in range(2000)]},
    "matrix": {"matrix": [{"name": f"axis{i}", "values": list(range(10_000))} for i in range(3)]},
}


@pytest.mark.parametrize("source", LARGE_SPECS)
def test_the_largest_jobs_stay_within_the_cel_cost_limit(api: Api, source: str) -> None:
    containers = [{"name": f"c{i}", "image": "b", "args": ["x" * 20_000]} for i in range(8)]
    name = api.create(cases=LARGE_SPECS[source], template=a_template_dict(containers=containers))
    outcomes = {"succeeded": ",".join(str(index) for index in range(0, 60_000, 2))}
    assert api.patch(name, {"status": {"phase": "RUNNING", **as_fields(outcomes)}})["status"]["phase"] == "RUNNING"
    assert api.patch(name, {"spec": {"cancel": True}})["spec"]["cancel"] is True
    api.kubectl("delete", "simjob", name)
