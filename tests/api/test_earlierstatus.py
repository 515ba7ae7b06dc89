"""A status in the form of the last release, of today, of both, and of both with one of them ahead."""

import json
from typing import Any

import pytest
from given.builders import a_job, a_job_dict, planned, said
from given.outcomes import outcomes_of
from simjob.api import simulationjob
from simjob.api.outcomes import Outcomes
from simjob.api.schema import MAX_CASES
from simjob.api.simulationjob import Invalid, SimulationJob
from simjob.api.status import Status
from simjob.api.sweep.ranges import Ranges
from simjob.runtime.cluster import mergepatch
from worlds.fakerules import merged

EARLIER = {"ledger": {"succeeded": "0-1", "failed": "2", "cancelled": "", "cancelling": "3"}, "round": 2}
TODAY = {
    "succeededIndexes": "0-1",
    "failedIndexes": "2",
    "cancelledIndexes": "",
    "cancellingIndexes": "3",
    "restarts": 2,
}
LATER = {"ledger": {"succeeded": "0-1,4", "failed": "2", "cancelled": "3"}, "round": 5}
LATER_TODAY = {"succeededIndexes": "0-1,4", "failedIndexes": "2", "cancelledIndexes": "3", "restarts": 5}

BEFORE = ({"succeeded": "0-1", "failed": "2", "cancelled": "", "cancelling": "3"}, 2)
AFTER = ({"succeeded": "0-1,4", "failed": "2", "cancelled": "3"}, 5)


def read(status: dict[str, Any]) -> Status:
    job = simulationjob.parse(a_job_dict(cases={"count": 9}, status=status))
    assert isinstance(job, SimulationJob)
    return job.status


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        pytest.param(EARLIER, BEFORE, id="only the earlier form"),
        pytest.param(TODAY, BEFORE, id="only the form of today"),
        pytest.param(EARLIER | TODAY, BEFORE, id="both"),
        pytest.param(LATER | TODAY, AFTER, id="the earlier form is ahead"),
        pytest.param(EARLIER | LATER_TODAY, AFTER, id="the form of today is ahead"),
        pytest.param(
            {
                "ledger": {"succeeded": "0-1,4"},
                "round": 2,
                "cancelledIndexes": "3",
                "failedIndexes": "2",
                "restarts": 5,
            },
            AFTER,
            id="each is ahead in a part",
        ),
    ],
)
class TestStatusInEitherForm:
    def test_the_union_of_both_forms_is_read(
        self, stored: dict[str, Any], expected: tuple[dict[str, str], int]
    ) -> None:
        found = read(stored)
        assert (outcomes_of(found.to_api()), found.restarts) == (complete(expected[0]), expected[1])

    def test_a_write_makes_both_forms_complete(
        self, stored: dict[str, Any], expected: tuple[dict[str, str], int]
    ) -> None:
        old = read(stored)
        written = merged(stored, mergepatch.difference(old.to_api(as_given=True), old.in_step().to_api()))
        outcomes, restarts = complete(expected[0]), expected[1]
        assert (written["ledger"], outcomes_of(written)) == (outcomes, outcomes)
        assert (written["round"], written["restarts"]) == (restarts, restarts)
        assert read(written) == old.in_step()


def test_only_a_status_whose_forms_differ_is_to_be_written() -> None:
    same, different = read(EARLIER | TODAY), read(LATER | TODAY)
    assert same.in_step() == same
    assert different.in_step() != different
    assert different.in_step().in_step() == different.in_step()


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param({}, id="no status"),
        pytest.param({"observedGeneration": -1}, id="a status without outcomes"),
        pytest.param({"ledger": {"succeeded": ""}, "round": 0}, id="an empty earlier form"),
    ],
)
def test_a_status_without_outcomes_and_restarts_has_no_difference(stored: dict[str, Any]) -> None:
    assert read(stored).in_step() == read(stored)


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param(EARLIER, id="only the earlier form"),
        pytest.param(TODAY, id="only the form of today"),
        pytest.param(LATER | TODAY, id="forms that differ"),
    ],
)
def test_the_plan_of_a_finished_job_stores_both_forms_and_changes_nothing_else(stored: dict[str, Any]) -> None:
    ended = stored | {"phase": "FAILED", "isTerminal": True, "observedGeneration": 1}
    job = a_job(cases={"count": 9}, status=ended)
    new = said(planned(job)).in_step()
    patch = mergepatch.difference(job.status.to_api(as_given=True), new.to_api())
    assert patch.keys() <= {*TODAY, "ledger", "round"} | {"isFailed", "conditions", "cases", "failures"}
    assert merged(ended, patch).items() >= {"ledger": ledger_of(new), "phase": "FAILED"}.items()


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        pytest.param({"ledger": "0-1"}, "status: ledger: must be an object", id="an earlier field of the wrong type"),
        pytest.param(
            {"ledger": {"failed": "?"}},
            "status: ledger.failed: index ranges must look like '0-9,17', not '?'",
            id="an earlier range that cannot be read",
        ),
        pytest.param(
            {"ledger": {"failed": 3}}, "status: ledger.failed: must be a text", id="an earlier range of the wrong type"
        ),
        pytest.param(
            {"round": "many"},
            "status: round: must be a number from 0 to 2147483647",
            id="an earlier number of restarts",
        ),
        pytest.param(
            {"round": 3, "restarts": "many"},
            "status.restarts: Input should be a valid integer",
            id="a number of restarts beside the earlier one",
        ),
        pytest.param(
            {"failedIndexes": "?", "ledger": {"failed": "1"}},
            "status.failedIndexes: index ranges must look like",
            id="a range beside the earlier one",
        ),
    ],
)
def test_a_form_that_cannot_be_read_is_reported_with_its_field(stored: dict[str, Any], message: str) -> None:
    found = simulationjob.parse(a_job_dict(status=stored))
    assert isinstance(found, Invalid)
    assert found.status is None
    assert found.message.startswith(message)


def test_a_spec_that_cannot_be_read_leaves_the_status_in_both_forms() -> None:
    found = simulationjob.parse(a_job_dict(status=LATER | TODAY, parallelism="many"))
    assert isinstance(found, Invalid)
    assert found.status == read(LATER | TODAY)


def test_the_largest_status_fits_in_etcd_in_both_forms() -> None:
    alternating = [Ranges.of(range(start, MAX_CASES, 3)) for start in range(3)]
    outcomes = Outcomes(succeeded=alternating[0], failed=alternating[1], cancelled=alternating[2])
    # https://etcd.io/docs/v3.5/dev-guide/limit/
    assert len(json.dumps(Status().with_outcomes(outcomes).to_api())) < 1.5 * 2**20


def ledger_of(status: Status) -> dict[str, str]:
    return outcomes_of(status.to_api())


def complete(outcomes: dict[str, str]) -> dict[str, str]:
    return {"succeeded": "", "failed": "", "cancelled": ""} | outcomes
