from typing import Any

import pytest
from given.builders import NOW, a_job, a_job_dict, a_job_fact, a_pod_fact
from given.outcomes import as_fields
from simjob.api import finishedcopy, simulationjob
from simjob.api.simulationjob import SimulationJob
from simjob.core import planner
from simjob.core.facts.pods import PodState
from simjob.core.observed.children import observe

LISTED = {"list": [{"name": f"case-{index}", "parameters": {"x": index}} for index in range(3)]}
SOURCES: list[dict[str, Any]] = [
    {"count": 3},
    LISTED,
    {"matrix": [{"name": "x", "values": [1, 2, 3]}, {"name": "y", "values": ["a", "b"]}]},
    {"configMap": {"name": "table", "key": "cases.csv"}},
]


def ended(cases: dict[str, Any], **spec: Any) -> dict[str, Any]:
    outcomes = {"succeeded": "0-1", "failed": "2"}
    status = {
        "phase": "FAILED",
        "isTerminal": True,
        "isFailed": True,
        "startTime": "2026-01-02T03:04:05Z",
        "completionTime": "2026-01-02T03:04:55Z",
        **as_fields(outcomes),
        "caseTable": {"configMaps": ["table-0"], "indexes": "0-2"} if "configMap" in cases else None,
    }
    status = {key: value for key, value in status.items() if value is not None}
    fields: dict[str, Any] = {"f:spec": {"f:cases": {}}}
    return a_job_dict(
        metadata={"managedFields": [{"manager": "kubectl", "fieldsV1": fields}]}, status=status, cases=cases, **spec
    )


def read(raw: Any) -> SimulationJob:
    job = simulationjob.parse(raw)
    assert isinstance(job, SimulationJob)
    return job


@pytest.mark.parametrize("cases", SOURCES, ids=lambda cases: next(iter(cases)))
def test_the_summary_keeps_the_number_of_cases(cases: dict[str, Any]) -> None:
    whole = read(ended(cases, subset="1-2"))
    short = finishedcopy.summary(read(finishedcopy.without_cases(ended(cases, subset="1-2"))))
    assert (short.indexes, short.selection) == (whole.indexes, whole.selection)


@pytest.mark.parametrize("cases", SOURCES, ids=lambda cases: next(iter(cases)))
def test_a_job_without_its_cases_equals_its_summary(cases: dict[str, Any]) -> None:
    raw = ended(cases)
    assert finishedcopy.summary(read(finishedcopy.without_cases(raw))) == finishedcopy.summary(read(raw))


@pytest.mark.parametrize("cases", SOURCES, ids=lambda cases: next(iter(cases)))
@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({}, id="no limits"),
        pytest.param({"ttlSecondsAfterFinished": 3}, id="a TTL that has passed"),
        pytest.param({"ttlSecondsAfterFinished": 900}, id="a TTL that has not passed"),
        pytest.param({"history": {"failedCases": 0}}, id="a history without failed cases"),
    ],
)
def test_a_summary_leads_to_the_same_plan_as_the_whole_job(cases: dict[str, Any], spec: dict[str, Any]) -> None:
    whole = read(ended(cases, **spec))
    jobs = [a_job_fact(0), a_job_fact(2), a_job_fact(7)]
    pods = [
        a_pod_fact(job=jobs[0], state=PodState.SUCCEEDED, exit_code=0),
        a_pod_fact(job=jobs[1], state=PodState.FAILED, exit_code=3),
        a_pod_fact(job=jobs[2]),
    ]
    seen = observe(jobs, pods, spent=None)
    assert planner.plan(finishedcopy.summary(whole), seen, NOW) == planner.plan(whole, seen, NOW)


def test_the_summary_has_neither_cases_nor_template_nor_field_managers() -> None:
    short = finishedcopy.summary(read(ended(LISTED)))
    assert short.spec.cases is not None
    assert (short.spec.cases.list, short.spec.cases.count) == (None, 3)
    assert short.spec.template.spec.containers[0].image == "finished"
    assert short.metadata.managed_fields == ()


def test_an_unfinished_job_keeps_its_cases() -> None:
    raw = a_job_dict(status={"phase": "RUNNING", "isTerminal": False}, cases=LISTED)
    assert finishedcopy.without_cases(raw) is raw


@pytest.mark.parametrize(
    "cases",
    [
        pytest.param({"list": "none"}, id="a text as the list"),
        pytest.param({"list": []}, id="an empty list"),
        pytest.param({"matrix": [3]}, id="a number as an axis"),
        pytest.param({"matrix": [{"name": "x"}]}, id="an axis without values"),
        pytest.param(3, id="a number"),
    ],
)
def test_cases_that_cannot_be_counted_are_kept_for_the_model(cases: Any) -> None:
    assert finishedcopy.without_cases(ended({**SOURCES[0]}) | {"spec": {"cases": cases}})["spec"]["cases"] == cases


class TestReread:
    def test_a_status_change_reuses_the_known_spec(self) -> None:
        known = a_job(cases=LISTED)
        job = simulationjob.reread(known, a_job_dict(status={"phase": "RUNNING"}, cases=LISTED))
        assert job is not None
        assert job.spec is known.spec
        assert job.status.phase == "RUNNING"

    @pytest.mark.parametrize(
        "metadata",
        [pytest.param({"generation": 2}, id="another generation"), pytest.param({"uid": "another"}, id="another uid")],
    )
    def test_another_generation_or_object_is_read_completely(self, metadata: dict[str, Any]) -> None:
        assert simulationjob.reread(a_job(), a_job_dict(metadata=metadata)) is None

    def test_a_status_that_cannot_be_read_gives_nothing(self) -> None:
        assert simulationjob.reread(a_job(), a_job_dict(status={"restarts": "many"})) is None


def test_the_last_applied_annotation_is_not_read() -> None:
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "simjob.dev/x": "y"}
    assert a_job(metadata={"annotations": annotations}).metadata.annotations == {"simjob.dev/x": "y"}
