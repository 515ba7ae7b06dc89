import json
from typing import Any

import pytest
from builders import a_job, a_job_dict, a_template_dict
from simjob.api.simulationjob import Invalid, SimulationJob, parse
from simjob.api.status import Status


def told(raw: dict[str, Any]) -> str:
    parsed = parse(raw)
    assert isinstance(parsed, Invalid)
    return parsed.message


def test_a_small_job_gets_the_defaults() -> None:
    spec = a_job().spec
    assert (spec.parallelism, spec.retries.limit, spec.suspend, spec.cancel) == (50, 0, False, None)
    assert (spec.history.succeeded_cases, spec.history.failed_cases) == (100, 100)


def test_a_job_is_written_as_it_was_read() -> None:
    job = a_job(
        title="Wing",
        cancelReason="wrong mesh",
        cancel=True,
        resources={"cpu": "500m", "gpu": {"memory": "40Gi"}},
        history={"succeededCases": 0},
        cases={"matrix": [{"name": "mesh", "values": [1, 2.5, "x", True]}]},
        metadata={"managedFields": [{"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:spec": {}}}]},
        status={"phase": "RUNNING", "ledger": {"succeeded": "0"}},
    )
    assert parse(json.loads(json.dumps(job.to_api()))) == job


def test_a_job_without_a_status_has_not_been_observed() -> None:
    assert a_job().status == Status(observed_generation=-1)


def test_metadata_that_is_not_needed_is_ignored() -> None:
    assert a_job(metadata={"selfLink": "/x", "ownerReferences": []}).metadata.name == "sweep"


def test_who_set_a_field_can_be_read() -> None:
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
        ({"paralelism": 3}, "spec.paralelism: unknown field"),
        ({"parallelism": 10_001}, "spec.parallelism: Input should be less than or equal to 10000"),
        ({"retries": {"limit": -1}}, "spec.retries.limit: Input should be greater than or equal to 0"),
        (
            {"cases": {}},
            "spec.cases: `cases` must have exactly one of `count`, `matrix`, `list`, `samples` and `configMap`",
        ),
        (
            {"resources": {"cpu": "lots"}},
            "spec.resources.cpu: must be a quantity greater than zero, such as '500m', '2' or '16Gi', not 'lots'",
        ),
        (
            {"template": a_template_dict(hostNetwork=True)},
            "spec.template.spec.hostNetwork: unknown field",
        ),
        (
            {"template": {"spec": {"containers": [{"name": "a"}]}}},
            "spec.template.spec.containers[0].image: must be there",
        ),
        ({"cases": {"list": []}}, "spec.cases.list: must not be empty"),
        (
            {"cases": {"matrix": [{"name": "a", "values": [1, None]}]}},
            "spec.cases.matrix[0].values[1]: must be a text, a number or a boolean",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_path(spec: dict[str, Any], message: str) -> None:
    assert told(a_job_dict(**spec)) == message


def test_a_parameter_name_that_is_wrong_is_told_with_its_path() -> None:
    raw = a_job_dict(cases={"list": [{"name": "x", "parameters": {"a-b": 1}}]})
    assert told(raw) == (
        "spec.cases.list[0].parameters.a-b: must be a letter, then letters, digits and underscores, at most 63"
    )


def test_many_mistakes_are_counted_after_the_first_few() -> None:
    message = told(a_job_dict(cases={"matrix": [{"name": "a", "values": [None] * 9}]}))
    assert message.count("must be a text") == 5
    assert message.endswith("; and 4 more")


def test_an_invalid_job_still_tells_who_it_is_and_whether_it_is_cancelled() -> None:
    raw = a_job_dict(nonsense=1, cancel=True, cancelReason="typo", status={"phase": "PENDING"})
    invalid = parse(raw)
    assert isinstance(invalid, Invalid)
    assert (invalid.metadata.name, invalid.cancel, invalid.cancel_reason) == ("sweep", True, "typo")
    assert invalid.status == Status.model_validate({"phase": "PENDING"})


def test_an_invalid_status_is_not_taken_for_an_empty_one() -> None:
    invalid = parse(a_job_dict(status={"ledger": {"failed": "?"}}))
    assert isinstance(invalid, Invalid)
    assert invalid.message == "status.ledger.failed: index ranges must look like '0-9,17', not '?'"
    assert invalid.status is None


def test_a_job_without_a_spec_is_invalid() -> None:
    raw = a_job_dict()
    del raw["spec"]
    assert told(raw) == "spec: must be there"


def test_a_job_cannot_be_changed_by_accident() -> None:
    with pytest.raises(ValueError, match="frozen"):
        a_job().spec.parallelism = 3


def test_the_same_text_makes_equal_jobs() -> None:
    assert parse(a_job_dict()) == SimulationJob.model_validate(a_job_dict())
