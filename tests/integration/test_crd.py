"""The CRD on a real API server: what it refuses, with which words, and what it lets pass.

No operator runs here: the tests write the status themselves.
"""

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from builders import a_job_dict, a_template_dict
from fulltemplate import FULL_SPEC

pytestmark = pytest.mark.integration

CRD = Path(__file__).parents[2] / "crds" / "simulationjobs.simjob.dev.yaml"
KUBECTL = Path(sys.executable).with_name("kubectl")
NAMESPACE = "crd-rules"
LATCH = {"requestedAt": "2026-01-02T03:04:05Z", "requestedBy": "anna"}
ALREADY = "spec.cancel: Forbidden: spec.cancel may not be set: the SimulationJob is already "
FINAL = "status.phase: Forbidden: the phase may not change: COMPLETED, FAILED and CANCELLED are final"
CANCELLED_FIRST = (
    "status.phase: Forbidden: the phase may not become COMPLETED or FAILED: "
    "the SimulationJob was cancelled before it ended"
)
LATCHED = "status.cancellation: Forbidden: the cancellation may not be taken back or dated anew"
NOT_POSITIVE = "must be a quantity greater than zero, such as '500m', '2' or '16Gi'"


class RefusedError(Exception):
    """What kubectl said when it failed."""


@dataclass(frozen=True, slots=True)
class Api:
    """The API server, by kubectl."""

    kubeconfig: Path

    def kubectl(self, *arguments: str, stdin: Any = None) -> str:
        command = [str(KUBECTL), f"--kubeconfig={self.kubeconfig}", f"--namespace={NAMESPACE}", *arguments]
        text = None if stdin is None else json.dumps(stdin)
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RefusedError(done.stderr.strip())
        return done.stdout

    def create(self, status: dict[str, Any] | None = None, **spec: Any) -> str:
        """Make a SimulationJob, write its status, and return its name."""
        made = self.kubectl("create", "-f", "-", "-o", "json", stdin=manifest(generateName="sweep-", **spec))
        name: str = json.loads(made)["metadata"]["name"]
        if status is not None:
            self.patch(name, {"status": status})
        return name

    def patch(self, name: str, change: dict[str, Any]) -> dict[str, Any]:
        part = ("--subresource=status",) if "status" in change else ()
        command = ("patch", "simjob", name, "--type=merge", "--patch-file=/dev/stdin", "-o", "json", *part)
        patched = self.kubectl(*command, stdin=change)
        found: dict[str, Any] = json.loads(patched)
        return found

    def read(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.kubectl("get", "simjob", name, "-o", "json"))
        return found

    def refusal(self, **spec: Any) -> str:
        """Say why such a SimulationJob is not accepted."""
        with pytest.raises(RefusedError) as refused:
            self.kubectl("create", "--dry-run=server", "-f", "-", stdin=manifest(name="sweep", **spec))
        return told(refused.value)

    def refusal_of_change(self, name: str, change: dict[str, Any]) -> str:
        """Say why such a change is not accepted."""
        with pytest.raises(RefusedError) as refused:
            self.patch(name, change)
        return told(refused.value)


def manifest(*, name: str = "", **spec: Any) -> dict[str, Any]:
    generate = spec.pop("generateName", None)
    job = a_job_dict(**spec)
    return {**job, "metadata": {"name": name} if generate is None else {"generateName": generate}}


def told(refused: RefusedError) -> str:
    """Take the API server's words out of kubectl's, without its note that CEL was not reached."""
    text = str(refused)
    if "strict decoding error: " in text:
        return text.partition("strict decoding error: ")[2]
    causes = re.sub(r'^The SimulationJob "[^"]*" is invalid: ', "", text).replace("\n* ", "\n").strip().splitlines()
    return "\n".join(cause for cause in causes if not cause.startswith("<nil>"))


@pytest.fixture(scope="session")
def api(kubeconfig: Path) -> Api:
    api = Api(kubeconfig)
    api.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRD))
    api.kubectl("wait", "--for=condition=Established", "crd/simulationjobs.simjob.dev")
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    api.kubectl("apply", "-f", "-", stdin=namespace)
    return api


@pytest.fixture(scope="module", autouse=True)
def _leave_nothing(api: Api) -> Any:
    yield
    api.kubectl("delete", "simjob", "--all", "--wait=false")


def container(**more: Any) -> dict[str, Any]:
    return a_template_dict(containers=[{"name": "a", "image": "b", **more}])


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        pytest.param({"paralelism": 3}, 'unknown field "spec.paralelism"', id="unknown-field"),
        pytest.param(
            {"template": a_template_dict(hostNetwork=True)},
            'unknown field "spec.template.spec.hostNetwork"',
            id="host-network",
        ),
        pytest.param(
            {"template": a_template_dict(volumes=[{"name": "a", "hostPath": {"path": "/"}}])},
            'unknown field "spec.template.spec.volumes[0].hostPath"',
            id="host-path",
        ),
        pytest.param(
            {"template": container(securityContext={"privileged": True})},
            'unknown field "spec.template.spec.containers[0].securityContext.privileged"',
            id="privileged",
        ),
        pytest.param(
            {"template": container(securityContext={"allowPrivilegeEscalation": True})},
            "spec.template.spec.containers[0].securityContext.allowPrivilegeEscalation: "
            'Unsupported value: true: supported values: "false"',
            id="privilege-escalation",
        ),
        pytest.param(
            {"cases": {}},
            "spec.cases: Invalid value: `cases` must have exactly one of `count`, `matrix` and `list`",
            id="no-case-source",
        ),
        pytest.param(
            {"cases": {"count": 1, "list": [{"name": "a"}]}},
            "spec.cases: Invalid value: `cases` must have exactly one of `count`, `matrix` and `list`",
            id="two-case-sources",
        ),
        pytest.param(
            {"cases": {"list": [{"name": "a"}, {"name": "a"}]}},
            'spec.cases.list[1]: Duplicate value: {"name":"a"}',
            id="case-name-twice",
        ),
        pytest.param(
            {"cases": {"matrix": [{"name": "a", "values": [1]}, {"name": "A", "values": [1]}]}},
            "spec.cases.matrix: Invalid value: "
            "axis names in `matrix` must be unique, upper and lower case being the same",
            id="axis-name-twice",
        ),
        pytest.param(
            {"cases": {"matrix": [{"name": "a", "values": list(range(10_001))}]}},
            "spec.cases.matrix[0].values: Too many: 10001: must have at most 10000 items",
            id="axis-too-long",
        ),
        pytest.param(
            {"cases": {"matrix": [{"name": "a", "values": [[1]]}]}},
            "spec.cases.matrix[0].values[0]: Too many: 1: must have at most 0 items",
            id="list-as-value",
        ),
        pytest.param(
            {"cases": {"list": [{"name": "a", "parameters": {"x": {"y": 1}}}]}},
            "spec.cases.list[0].parameters.x: Too many: 1: must have at most 0 items",
            id="object-as-value",
        ),
        pytest.param(
            {"cases": {"count": 100_001}},
            "spec.cases.count: Invalid value: 100001: spec.cases.count in body should be less than or equal to 100000",
            id="too-many-cases",
        ),
        pytest.param(
            {"resources": {"cpu": "lots"}},
            f'spec.resources.cpu: Invalid value: "lots": {NOT_POSITIVE}',
            id="no-quantity",
        ),
        pytest.param(
            {"resources": {"cpu": 0}}, f"spec.resources.cpu: Invalid value: 0: {NOT_POSITIVE}", id="nothing-asked-for"
        ),
        pytest.param(
            {"resources": {"gpu": {"memory": "-40Gi"}}},
            f'spec.resources.gpu.memory: Invalid value: "-40Gi": {NOT_POSITIVE}',
            id="negative",
        ),
        pytest.param(
            {"template": container(resources={"requests": {"cpu": "lots"}})},
            'spec.template.spec.containers[0].resources.requests[cpu]: Invalid value: "lots": '
            "must be a quantity that is not negative, such as '500m', '2' or '16Gi'",
            id="no-quantity-in-template",
        ),
        pytest.param(
            {"template": a_template_dict(containers=[{"name": "a", "image": "b"}] * 2)},
            "spec.template.spec.containers: Invalid value: container names must be unique, also among `initContainers`",
            id="container-name-twice",
        ),
        pytest.param(
            {"template": a_template_dict(initContainers=[{"name": "simulation", "image": "b"}])},
            "spec.template.spec.containers: Invalid value: container names must be unique, also among `initContainers`",
            id="init-container-named-like-a-container",
        ),
        pytest.param(
            {"template": a_template_dict(volumes=[{"name": "a"}])},
            "spec.template.spec.volumes[0]: Invalid value: "
            "a volume must have exactly one source, such as `emptyDir` or `configMap`",
            id="volume-without-source",
        ),
        pytest.param(
            {"template": a_template_dict(containers=[])},
            "spec.template.spec.containers: Invalid value: 0: "
            "spec.template.spec.containers in body should have at least 1 items",
            id="no-container",
        ),
        pytest.param(
            {"parallelism": 10_001},
            "spec.parallelism: Invalid value: 10001: spec.parallelism in body should be less than or equal to 10000",
            id="parallelism",
        ),
        pytest.param(
            {"retries": {"limit": 101}},
            "spec.retries.limit: Invalid value: 101: spec.retries.limit in body should be less than or equal to 100",
            id="retries",
        ),
        pytest.param({"title": "x" * 257}, "spec.title: Too long: may not be more than 256 bytes", id="title"),
        pytest.param(
            {"type": "Simulate"},
            "spec.type: Invalid value: \"Simulate\": spec.type in body should match '^[a-z][a-z0-9_-]{0,62}$'",
            id="type",
        ),
    ],
)
def test_what_cannot_be_carried_out_is_refused(api: Api, spec: dict[str, Any], words: str) -> None:
    assert api.refusal(**spec) == words


TWO_CASES = {"list": [{"name": "a", "parameters": {"x": 1}}, {"name": "b", "parameters": {"x": 2}}]}
TWO_CONTAINERS = [{"name": "a", "image": "b"}, {"name": "c", "image": "d"}]


@pytest.mark.parametrize(
    ("field", "spec", "change"),
    [
        pytest.param("cases", {}, {"cases": {"count": 4}}, id="count"),
        pytest.param("cases", {}, {"cases": {"count": None, **TWO_CASES}}, id="source"),
        pytest.param("cases", {"cases": TWO_CASES}, {"cases": {"list": TWO_CASES["list"][:1]}}, id="case-less"),
        pytest.param("cases", {"cases": TWO_CASES}, {"cases": {"list": TWO_CASES["list"][::-1]}}, id="cases-swapped"),
        pytest.param(
            "cases",
            {"cases": {"list": [{"name": "a", "parameters": {"x": 1}}]}},
            {"cases": {"list": [{"name": "a", "parameters": {"x": "1"}}]}},
            id="type-of-value",
        ),
        pytest.param(
            "cases",
            {"cases": {"matrix": [{"name": "x", "values": [1, 2]}]}},
            {"cases": {"matrix": [{"name": "x", "values": [2, 1]}]}},
            id="values-swapped",
        ),
        pytest.param("template", {}, {"template": container()}, id="template"),
        pytest.param("template", {}, {"template": {"metadata": {"labels": {"a": "b"}}}}, id="label"),
        pytest.param(
            "template",
            {"template": a_template_dict(containers=TWO_CONTAINERS)},
            {"template": {"spec": {"containers": TWO_CONTAINERS[::-1]}}},
            id="containers-swapped",
        ),
        pytest.param(
            "template",
            {"template": a_template_dict(affinity={"nodeAffinity": {"x": [1]}})},
            {"template": {"spec": {"affinity": {"nodeAffinity": {"x": [2]}}}}},
            id="opaque-part",
        ),
        pytest.param("resources", {}, {"resources": {"cpu": 1}}, id="resources-added"),
        pytest.param("resources", {"resources": {"cpu": 1}}, {"resources": {"cpu": 2}}, id="resources"),
        pytest.param("resources", {"resources": {"cpu": 1}}, {"resources": None}, id="resources-removed"),
        pytest.param("retries", {}, {"retries": {"limit": 1}}, id="retries"),
        pytest.param("type", {"type": "simulate"}, {"type": "optimize"}, id="type"),
        pytest.param("type", {}, {"type": "optimize"}, id="type-added"),
        pytest.param("project", {"project": "wing"}, {"project": None}, id="project-removed"),
    ],
)
def test_what_is_run_cannot_be_changed(api: Api, field: str, spec: dict[str, Any], change: dict[str, Any]) -> None:
    name = api.create(**spec)
    words = api.refusal_of_change(name, {"spec": change})
    assert words == f"spec.{field}: Forbidden: `{field}` is immutable: make a new SimulationJob"


def test_how_it_is_run_can_be_changed(api: Api) -> None:
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


def test_every_field_of_the_allow_list_is_kept(api: Api) -> None:
    template = {"metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}}, "spec": FULL_SPEC}
    kept = api.read(api.create(template=template))["spec"]["template"]
    # A null in an opaque part is kept as well.
    assert kept == template


def test_values_keep_their_types(api: Api) -> None:
    values = [1, -2, 2.5, 1e-05, 0.1, "x", "1", "", True, False]
    cases = {"matrix": [{"name": "x", "values": values}]}
    kept = api.read(api.create(cases=cases))["spec"]["cases"]["matrix"][0]["values"]
    assert [(value, type(value)) for value in kept] == [(value, type(value)) for value in values]


def test_what_users_leave_out_is_filled_in(api: Api) -> None:
    job = api.read(api.create(resources={"gpu": {}}))
    assert job["spec"] == {
        "cases": {"count": 3},
        "template": a_template_dict(),
        "parallelism": 50,
        "retries": {"limit": 0},
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


def test_who_owns_the_cases_takes_no_more_room_than_the_cases(api: Api) -> None:
    name = api.create(cases=LARGE_SPECS["list"])
    owned = api.kubectl("get", "simjob", name, "--show-managed-fields", "-o", "jsonpath={.metadata.managedFields}")
    assert len(owned) < 1024
    api.kubectl("delete", "simjob", name)


LARGE_SPECS = {
    "list": {"list": [{"name": f"case-{i}", "parameters": {f"p{k}": i for k in range(20)}} for i in range(2000)]},
    "matrix": {"matrix": [{"name": f"axis{i}", "values": list(range(10_000))} for i in range(3)]},
}


@pytest.mark.parametrize("source", LARGE_SPECS)
def test_the_largest_jobs_stay_within_the_cost_that_the_api_server_allows(api: Api, source: str) -> None:
    containers = [{"name": f"c{i}", "image": "b", "args": ["x" * 20_000]} for i in range(8)]
    name = api.create(cases=LARGE_SPECS[source], template=a_template_dict(containers=containers))
    ledger = {"succeeded": ",".join(str(index) for index in range(0, 60_000, 2))}
    assert api.patch(name, {"status": {"phase": "RUNNING", "ledger": ledger}})["status"]["phase"] == "RUNNING"
    assert api.patch(name, {"spec": {"cancel": True}})["spec"]["cancel"] is True
    api.kubectl("delete", "simjob", name)


@pytest.mark.parametrize("phase", ["PENDING", "ASSIGNED", "RUNNING", "SUSPENDED", "CANCELLING", "CANCELLED"])
def test_cancel_is_accepted_before_the_end_and_on_a_cancelled_job(api: Api, phase: str) -> None:
    assert api.patch(api.create({"phase": phase}), {"spec": {"cancel": True}})["spec"]["cancel"] is True


@pytest.mark.parametrize("phase", ["COMPLETED", "FAILED"])
def test_cancel_is_refused_after_the_end(api: Api, phase: str) -> None:
    assert api.refusal_of_change(api.create({"phase": phase}), {"spec": {"cancel": True}}) == ALREADY + phase


@pytest.mark.parametrize("phase", ["COMPLETED", "FAILED"])
def test_a_job_that_is_cancelled_cannot_end_otherwise(api: Api, phase: str) -> None:
    name = api.create({"phase": "RUNNING"}, cancel=True)
    assert api.refusal_of_change(name, {"status": {"phase": phase}}) == CANCELLED_FIRST


@pytest.mark.parametrize("phase", ["COMPLETED", "FAILED"])
def test_taking_cancel_out_of_the_spec_opens_nothing_once_it_is_latched(api: Api, phase: str) -> None:
    name = api.create({"phase": "CANCELLING", "cancellation": LATCH}, cancel=True)
    api.patch(name, {"spec": {"cancel": None}})
    assert api.refusal_of_change(name, {"status": {"phase": phase}}) == CANCELLED_FIRST


@pytest.mark.parametrize("latch", [None, {"requestedAt": "2026-01-02T03:04:06Z"}])
def test_the_latch_stays_as_it_is(api: Api, latch: dict[str, str] | None) -> None:
    name = api.create({"phase": "CANCELLING", "cancellation": LATCH})
    assert api.refusal_of_change(name, {"status": {"cancellation": latch}}) == LATCHED


def test_the_latch_may_be_added_to(api: Api) -> None:
    name = api.create({"phase": "CANCELLING", "cancellation": LATCH})
    ended = {"phase": "CANCELLED", "cancellation": {"finishedAt": "2026-01-02T03:05:00Z", "stopping": 0}}
    assert api.patch(name, {"status": ended})["status"]["cancellation"]["requestedBy"] == "anna"


@pytest.mark.parametrize("after", ["RUNNING", "CANCELLING", None])
@pytest.mark.parametrize("before", ["COMPLETED", "FAILED", "CANCELLED"])
def test_an_end_is_final(api: Api, before: str, after: str | None) -> None:
    assert api.refusal_of_change(api.create({"phase": before}), {"status": {"phase": after}}) == FINAL


@pytest.mark.parametrize("phase", ["COMPLETED", "FAILED", "CANCELLED"])
def test_a_job_that_has_ended_can_still_be_written_about(api: Api, phase: str) -> None:
    name = api.create({"phase": phase})
    assert api.patch(name, {"status": {"message": "Pruned."}})["status"]["message"] == "Pruned."
    assert api.patch(name, {"spec": {"title": "Wing"}})["spec"]["title"] == "Wing"


@pytest.mark.parametrize("phase", ["COMPLETED", "FAILED", "CANCELLED"])
def test_a_job_that_is_not_cancelled_can_end_in_any_way(api: Api, phase: str) -> None:
    name = api.create({"phase": "RUNNING"})
    assert api.patch(name, {"status": {"phase": phase}})["status"]["phase"] == phase


def test_a_cancel_that_was_taken_back_before_it_was_seen_is_none(api: Api) -> None:
    name = api.create({"phase": "RUNNING"}, cancel=True)
    api.patch(name, {"spec": {"cancel": False}})
    assert api.patch(name, {"status": {"phase": "COMPLETED"}})["status"]["phase"] == "COMPLETED"


def test_the_columns_tell_the_state(api: Api) -> None:
    name = api.create(
        {
            "phase": "CANCELLED",
            "reason": "Cancelled",
            "progress": "3/12",
            "cases": {"total": 12, "succeeded": 2, "failed": 1, "cancelled": 9, "running": 0},
            "cancellation": LATCH,
        }
    )
    header, row = api.kubectl("get", "simjob", name).splitlines()
    assert header.split() == ["NAME", "PHASE", "PROGRESS", "SUCCEEDED", "FAILED", "CANCELLED", "AGE"]
    assert row.split()[:-1] == [name, "CANCELLED", "3/12", "2", "1", "9"]
    header, row = api.kubectl("get", "sj", name, "-o", "wide").splitlines()
    assert re.split(r"\s{2,}", header)[7:] == ["RUNNING", "CANCELLED BY", "REASON", "STARTED", "ENDED"]
    assert row.split()[7:] == ["0", "anna", "Cancelled"]


@pytest.mark.parametrize(
    ("selector", "spec", "status"),
    [
        ("status.phase=SUSPENDED", {}, {"phase": "SUSPENDED"}),
        ("spec.cancel=true,spec.type=select-cancel", {"cancel": True, "type": "select-cancel"}, None),
        ("spec.suspend=true,spec.type=select-suspend", {"suspend": True, "type": "select-suspend"}, None),
        ("spec.project=select", {"project": "select"}, None),
    ],
)
def test_jobs_can_be_selected(api: Api, selector: str, spec: dict[str, Any], status: dict[str, Any] | None) -> None:
    name, _ = api.create(status, **spec), api.create()
    found = api.kubectl("get", "simulationjobs", f"--field-selector={selector}", "-o", "name").split()
    assert f"simulationjob.simjob.dev/{name}" in found
    assert len(found) < len(api.kubectl("get", "simulationjobs", "-o", "name").split())


@pytest.mark.parametrize("category", ["all", "simulation"])
def test_jobs_are_found_by_their_categories(api: Api, category: str) -> None:
    assert f"simulationjob.simjob.dev/{api.create()}" in api.kubectl("get", category, "-o", "name").split()


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


def test_kubectl_explain_reads_well(api: Api) -> None:
    text = " ".join(api.kubectl("explain", "simjob.spec.cancel").split())
    assert text.endswith(
        "FIELD: cancel <boolean> DESCRIPTION: Stop everything for good: taking it back changes nothing. "
        "Refused once the job is COMPLETED or FAILED."
    )


def without_description(path: str, node: dict[str, Any]) -> list[str]:
    parts = {f"{path}.{name}": part for name, part in node.get("properties", {}).items()}
    if isinstance(node.get("additionalProperties"), dict):
        parts[f"{path}{{}}"] = node["additionalProperties"]
    if "items" in node:
        parts[f"{path}[]"] = node["items"]
    mine = [] if node.get("description") else [path]
    return [*mine, *(found for name, part in parts.items() for found in without_description(name, part))]
