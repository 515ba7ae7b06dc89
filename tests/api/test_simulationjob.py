import json
import operator
from collections.abc import Iterator
from functools import reduce
from typing import Any, Final

import pytest
from given.builders import a_job, a_job_dict, a_template_dict, a_whole_job
from given.fullspec import FULL_SPECS
from simjob.api.simulationjob import Invalid, SimulationJob, parse, read
from simjob.api.status import Status

# Maps of the user's own keys, and what is passed on as it is.
FREE: Final = frozenset(
    {
        "parameters",
        "labels",
        "annotations",
        "nodeSelector",
        "requests",
        "limits",
        "affinity",
        "topologySpreadConstraints",
        "resourceClaims",
        "volumeAttributes",
        "volumeClaimTemplate",
    }
)


def told(raw: dict[str, Any]) -> str:
    parsed = parse(raw)
    assert isinstance(parsed, Invalid)
    return parsed.message


def test_a_minimal_job_gets_the_defaults() -> None:
    spec = a_job().spec
    assert (spec.parallelism, spec.retries.limit, spec.suspend, spec.cancel) == (50, 0, False, None)
    assert (spec.history.succeeded_cases, spec.history.failed_cases) == (100, 100)


def test_a_job_is_written_back_unchanged() -> None:
    job = a_job(
        title="Wing",
        cancelReason="wrong mesh",
        cancel=True,
        resources={"cpu": "500m", "gpu": {"memory": "40Gi"}},
        history={"succeededCases": 0},
        cases={"matrix": [{"name": "mesh", "values": [1, 2.5, "x", True]}]},
        metadata={"managedFields": [{"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:spec": {}}}]},
        status={"phase": "RUNNING", "succeededIndexes": "0", "ledger": {"succeeded": "0"}},
    )
    assert parse(json.loads(json.dumps({**job.to_api(), "status": job.status.to_api()}))) == job


def test_a_job_without_a_status_has_not_been_observed() -> None:
    assert a_job().status == Status(observed_generation=-1)


def test_metadata_that_is_not_needed_is_ignored() -> None:
    assert a_job(metadata={"selfLink": "/x", "ownerReferences": []}).metadata.name == "sweep"


def test_the_manager_of_a_field_can_be_found() -> None:
    entry = {
        "manager": "kubectl-patch",
        "operation": "Update",
        "time": "2026-01-02T03:04:05Z",
        "apiVersion": "simjob.dev/v1beta1",
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {"f:cancel": {}}},
    }
    (field,) = a_job(metadata={"managedFields": [entry]}).metadata.managed_fields
    assert (field.manager, field.operation, field.fields_v1) == (
        "kubectl-patch",
        "Update",
        {"f:spec": {"f:cancel": {}}},
    )


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        pytest.param(
            {"parallelism": 10_001},
            "spec.parallelism: Input should be less than or equal to 10000",
            id="a number that is too large",
        ),
        pytest.param(
            {"type": "simulate-"},
            "spec.type: String should match pattern '^[a-z]([a-z0-9_-]{0,61}[a-z0-9])?$'",
            id="a text against its pattern",
        ),
        pytest.param(
            {"retries": {"limit": -1}},
            "spec.retries.limit: Input should be greater than or equal to 0",
            id="a nested number that is too small",
        ),
        pytest.param(
            {"cases": {}},
            "spec.cases: `cases` must have exactly one of `count`, `matrix`, `list`, `samples` and `configMap`",
            id="no source of cases",
        ),
        pytest.param(
            {"resources": {"cpu": "lots"}},
            "spec.resources.cpu: must be a quantity greater than zero, such as '500m', '2' or '16Gi', not 'lots'",
            id="an amount that cannot be read",
        ),
        pytest.param(
            {"template": {"spec": {"containers": [{"name": "a"}]}}},
            "spec.template.spec.containers[0].image: is required",
            id="a container without an image",
        ),
        pytest.param({"cases": {"list": []}}, "spec.cases.list: must not be empty", id="an empty list"),
        pytest.param(
            {"queueMaxExecTimeSeconds": 60},
            "spec: `queuePriorityClassName` and `queueMaxExecTimeSeconds` need `queueName`",
            id="a limit of a queue without the queue",
        ),
        pytest.param(
            {"cases": {"matrix": [{"name": "a", "values": [1, None]}]}},
            "spec.cases.matrix[0].values[1]: must be a text, a number, a boolean, a list or an object",
            id="a value in a list in a list",
        ),
    ],
)
def test_a_problem_is_reported_with_its_path(spec: dict[str, Any], message: str) -> None:
    assert told(a_job_dict(**spec)) == message


def test_an_invalid_parameter_name_is_reported_with_its_path() -> None:
    raw = a_job_dict(cases={"list": [{"name": "x", "parameters": {"a-b": 1}}]})
    assert told(raw) == (
        "spec.cases.list[0].parameters.a-b: must begin with a letter, and have only letters, digits and underscores, "
        "at most 63 in all"
    )


def test_problems_after_the_first_few_are_counted() -> None:
    message = told(a_job_dict(cases={"matrix": [{"name": "a", "values": [None] * 9}]}))
    assert message.count("must be a text") == 5
    assert message.endswith("; and 4 more")


def test_an_invalid_job_keeps_its_identity_and_its_cancel() -> None:
    raw = a_job_dict(cases={}, cancel=True, cancelReason="typo", status={"phase": "PENDING"})
    invalid = parse(raw)
    assert isinstance(invalid, Invalid)
    assert (invalid.metadata.name, invalid.cancel, invalid.cancel_reason) == ("sweep", True, "typo")
    assert invalid.status == Status.model_validate({"phase": "PENDING"})


def test_an_invalid_status_is_not_treated_as_empty() -> None:
    invalid = parse(a_job_dict(status={"failedIndexes": "?"}))
    assert isinstance(invalid, Invalid)
    assert invalid.message == "status.failedIndexes: index ranges must look like '0-9,17', not '?'"
    assert invalid.status is None


def test_a_job_without_a_spec_is_invalid() -> None:
    raw = a_job_dict()
    del raw["spec"]
    assert told(raw) == "spec: is required"


class TestUnknownFields:
    @pytest.mark.parametrize("number", range(len(FULL_SPECS)))
    def test_unknown_fields_at_any_level_are_ignored_and_named(self, number: int) -> None:
        spec = FULL_SPECS[number]
        expected = parse(a_whole_job(spec))
        assert isinstance(expected, SimulationJob)
        paths = list(parts(spec))
        for path in paths:
            raw = a_whole_job(unshared(spec))
            reduce(operator.getitem, path, raw["spec"])["newer"] = {"nested": [1]}
            reading = read(raw)
            assert reading.job == expected, path
            told = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
            assert reading.unknown == (f"spec{told}.newer",)
        assert len(paths) > 100, "or the walk has missed most of the spec"

    def test_unknown_fields_change_nothing(self) -> None:
        spec = unshared(FULL_SPECS[0])
        paths = list(parts(spec))
        for path in paths:
            reduce(operator.getitem, path, spec)["newer"] = True
        reading = read(a_whole_job(spec))
        assert reading.job == parse(a_whole_job(FULL_SPECS[0]))
        assert len(reading.unknown) == len(paths)

    def test_unknown_fields_are_not_passed_on_to_the_pod(self) -> None:
        job = parse(a_job_dict(template=a_template_dict(hostNetwork=True)))
        assert isinstance(job, SimulationJob)
        assert job.spec.template.to_api(as_given=True) == a_template_dict()

    def test_unknown_fields_do_not_hide_other_problems(self) -> None:
        reading = read(a_job_dict(newer=1, parallelism=-1))
        assert isinstance(reading.job, Invalid)
        assert reading.job.message == "spec.parallelism: Input should be greater than or equal to 0"


def unshared(spec: dict[str, Any]) -> dict[str, Any]:
    """Gives a copy in which no part stands in two places."""
    copied: dict[str, Any] = json.loads(json.dumps(spec))
    return copied


def parts(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Gives the path of every object whose fields the schema names: no maps, no values, nothing that is opaque."""
    if path and path[-1] in FREE:
        return
    if isinstance(value, dict):
        yield path
        for key, inner in value.items():
            yield from parts(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from parts(inner, (*path, number))


class TestInvalid:
    @pytest.mark.parametrize(
        ("broken", "field"),
        [
            pytest.param({"parallelism": -1}, "parallelism", id="a number that is too small"),
            pytest.param({"retries": {"limit": -1}}, "retries", id="a nested number that is too small"),
            pytest.param({"history": 1}, "history", id="a value of the wrong type"),
        ],
    )
    def test_problems_beside_the_cases_leave_cases_and_status_known(self, broken: dict[str, Any], field: str) -> None:
        invalid = parse(a_job_dict(cases={"count": 7}, newer=1, status={"phase": "RUNNING"}, **broken))
        assert isinstance(invalid, Invalid)
        assert invalid.known is not None
        assert (len(invalid.known.selection), invalid.known.status.phase) == (7, "RUNNING")
        assert field in invalid.message

    def test_an_unreadable_template_leaves_the_rest_known(self) -> None:
        invalid = parse(a_job_dict(template={"spec": {"containers": []}}))
        assert isinstance(invalid, Invalid)
        assert invalid.known is not None

    def test_an_unreadable_history_deletes_no_job(self) -> None:
        invalid = parse(a_job_dict(history={"succeededCases": "many"}))
        assert isinstance(invalid, Invalid)
        assert invalid.known is not None
        assert invalid.known.spec.history.succeeded_cases == 10_000

    @pytest.mark.parametrize(
        "broken",
        [
            pytest.param({"cases": {}}, id="cases without a source"),
            pytest.param({"subset": "9-1"}, id="a subset that runs backwards"),
            pytest.param({"rerunOf": {"name": "x"}}, id="a rerun beside cases"),
        ],
    )
    def test_unreadable_cases_leave_nothing_known(self, broken: dict[str, Any]) -> None:
        invalid = parse(a_job_dict(**broken))
        assert isinstance(invalid, Invalid)
        assert invalid.known is None

    def test_an_unreadable_status_leaves_nothing_known(self) -> None:
        invalid = parse(a_job_dict(status={"restarts": "many"}))
        assert isinstance(invalid, Invalid)
        assert invalid.known is None


def test_a_job_is_immutable() -> None:
    with pytest.raises(ValueError, match="frozen"):
        a_job().spec.parallelism = 3


def test_the_same_text_makes_equal_jobs() -> None:
    assert parse(a_job_dict()) == SimulationJob.model_validate(a_job_dict())
