from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from given.builders import NOW, a_job, a_job_fact, a_pod_fact, a_started_job, a_template_with, planned, said
from simjob.api.names import ErrorCode, Reason
from simjob.api.simulationjob import SimulationJob
from simjob.api.status import Phase
from simjob.api.sweep.ranges import Ranges
from simjob.api.sweep.stored import CaseTable
from simjob.core.facts.pods import PodState
from simjob.core.observed.preparation import Unprepared
from simjob.core.plan import CreateCase, DeletePod, PrepareCases

TABLE = CaseTable(config_maps=("sweep-cases-0123abcd-0",), indexes=Ranges.parse("0-2,7"))
SAMPLES = {"method": "Random", "size": 4, "parameters": [{"name": "a", "min": 0, "max": 1}]}
MISSING = Unprepared(reason=Reason.SOURCE_NOT_FOUND, message="not there", at=NOW)
WRONG = Unprepared(reason=Reason.CASES_UNREADABLE, message="line 3", at=NOW)
HOPELESS = Unprepared(reason=Reason.INVALID_SPEC, message="case 3", at=NOW, permanent=True)
IN_A_TABLE = {"cases": {"configMap": {"name": "table", "key": "t.csv"}}}
A_RERUN: dict[str, Any] = {"cases": None, "rerunOf": {"name": "old"}}


def with_table(**spec: Any) -> SimulationJob:
    return a_started_job(status={"caseTable": TABLE.to_api()}, **(spec or IN_A_TABLE))


@pytest.mark.parametrize(
    ("spec", "total"),
    [
        pytest.param(IN_A_TABLE, 0, id="a table in a ConfigMap"),
        pytest.param(A_RERUN, 0, id="a rerun"),
        pytest.param({"cases": {"samples": SAMPLES}}, 4, id="samples that the operator draws"),
    ],
)
def test_cases_from_outside_the_spec_are_stored_before_the_first_job(spec: dict[str, Any], total: int) -> None:
    plan = planned(a_job(**spec))
    assert plan.actions == (PrepareCases(),)
    assert (said(plan).phase, said(plan).reason, said(plan).cases.total) == (Phase.PENDING, "PreparingCases", total)


def test_a_table_is_in_status_before_any_case_starts() -> None:
    plan = planned(a_job(**IN_A_TABLE), prepared=TABLE)
    assert plan.actions == ()
    assert plan.look_again == NOW
    status = said(plan)
    assert (status.case_table, status.cases.total, status.cases.pending) == (TABLE, 4, 4)


def test_results_are_stored_with_the_write_that_shows_the_table_of_a_job_whose_status_was_lost() -> None:
    ended = a_pod_fact(1, state=PodState.SUCCEEDED, exit_code=0, result='{"drag": 1}')
    plan = planned(a_job(**IN_A_TABLE), a_job_fact(1), ended, prepared=TABLE)
    assert str(said(plan).outcomes.succeeded) == "1"
    assert [(end.index, end.result) for end in plan.ends] == [(1, '{"drag": 1}')]


def test_cases_start_once_their_table_is_in_status() -> None:
    plan = planned(with_table())
    assert [action.index for action in plan.actions if isinstance(action, CreateCase)] == [0, 1, 2, 7]
    assert said(plan).case_table == TABLE


def test_only_the_subset_of_a_table_starts() -> None:
    plan = planned(with_table(**IN_A_TABLE, subset="7,1"))
    assert [action.index for action in plan.actions if isinstance(action, CreateCase)] == [1, 7]
    assert said(plan).cases.total == 2


def test_a_missing_source_is_looked_up_again_and_stays_named_in_status() -> None:
    job = a_job(**IN_A_TABLE)
    waiting = planned(job, prepared=MISSING)
    assert waiting.actions == ()
    assert waiting.look_again == NOW + timedelta(seconds=2)
    assert (said(waiting).phase, said(waiting).reason, said(waiting).message) == (
        Phase.PENDING,
        "CaseSourceNotFound",
        "not there",
    )
    again = planned(job, prepared=MISSING, now=NOW + timedelta(seconds=2))
    assert again.actions == (PrepareCases(),)
    assert said(again).reason == "CaseSourceNotFound"


@pytest.mark.parametrize(("tries", "seconds"), [(1, 2), (2, 4), (3, 8), (4, 15), (5, 15), (10_000, 15)])
def test_lookups_of_a_missing_source_back_off(tries: int, seconds: int) -> None:
    waiting = planned(a_job(**IN_A_TABLE), prepared=replace(MISSING, tries=tries))
    assert waiting.look_again == NOW + timedelta(seconds=seconds)


def test_an_unreadable_table_waits_for_its_correction() -> None:
    job = a_job(**IN_A_TABLE)
    waiting = planned(job, prepared=WRONG)
    status = said(waiting)
    assert (waiting.actions, waiting.look_again) == ((), NOW + timedelta(seconds=2))
    assert (status.phase, status.reason, status.message) == (Phase.PENDING, "CasesUnreadable", "line 3")
    assert {c.type: c.status for c in status.conditions}["Stalled"] == "True"
    assert planned(job, prepared=WRONG, now=NOW + timedelta(seconds=2)).actions == (PrepareCases(),)
    assert said(planned(job, prepared=TABLE)).case_table == TABLE


@pytest.mark.parametrize("reason", [Reason.SOURCE_NOT_FOUND, Reason.RERUN_NOT_FOUND, Reason.RERUN_NOT_FINISHED])
def test_a_job_is_not_stalled_while_its_source_may_still_appear(reason: str) -> None:
    status = said(planned(a_job(**A_RERUN), prepared=Unprepared(reason=reason, message="later", at=NOW)))
    assert (status.phase, status.reason) == (Phase.PENDING, reason)
    assert {c.type: c.status for c in status.conditions}["Stalled"] == "False"


@pytest.mark.parametrize("reason", [Reason.CASES_UNREADABLE, Reason.SOURCE_NOT_FOUND, Reason.RERUN_NOT_FINISHED])
def test_a_job_that_waits_for_its_cases_is_cancelled_at_once(reason: str) -> None:
    waiting = Unprepared(reason=reason, message="not yet", at=NOW)
    latched = a_started_job(cancel=True, status={"cancellation": {"requestedAt": "2026-01-02T03:04:05Z"}}, **IN_A_TABLE)
    assert said(planned(latched, prepared=waiting)).phase is Phase.CANCELLED


def test_total_seconds_counts_while_the_source_is_missing() -> None:
    job = a_started_job(timeouts={"totalSeconds": 60}, status={"startTime": "2026-01-02T03:04:01Z"}, **IN_A_TABLE)
    assert planned(job, prepared=MISSING).look_again == NOW + timedelta(seconds=1)
    assert said(planned(job, prepared=MISSING, now=NOW + timedelta(seconds=1))).reason == "TotalTimeout"


def test_running_cases_continue_when_their_source_becomes_unreadable() -> None:
    plan = planned(a_job(**IN_A_TABLE), a_job_fact(0), a_pod_fact(0), prepared=WRONG)
    assert plan.actions == ()
    assert (said(plan).reason, said(plan).is_terminal) == ("CasesUnreadable", False)


def test_a_source_that_can_never_be_stored_fails_the_job() -> None:
    plan = planned(a_job(cases={"samples": SAMPLES}), prepared=HOPELESS)
    status = said(plan)
    assert plan.actions == ()
    assert plan.needs_proof
    assert (status.phase, status.error_code, status.reason, status.message) == (
        Phase.FAILED,
        ErrorCode.INVALID_SPEC,
        "InvalidSpec",
        "case 3",
    )
    assert status.cases.cancelled == status.cases.total == 4


def test_a_subset_with_an_unknown_index_fails_the_job() -> None:
    status = said(planned(a_job(cases={"count": 3}, subset="1-2,5-9")))
    assert (status.phase, status.error_code, status.reason) == (Phase.FAILED, "INVALID_SPEC", "InvalidSpec")
    assert status.message == "`subset` names case 5, but there are 3 cases, numbered from 0"
    assert (status.cases.total, status.cases.cancelled) == (2, 2)


def test_a_subset_is_checked_once_its_table_is_known() -> None:
    assert planned(a_job(**IN_A_TABLE, subset="3")).actions == (PrepareCases(),)
    assert said(planned(with_table(**IN_A_TABLE, subset="3"))).message == (
        "`subset` names case 3, but there are 4 cases, numbered from 0"
    )


def test_a_subset_of_a_rerun_keeps_the_indexes_that_exist() -> None:
    plan = planned(with_table(**A_RERUN, subset="0-5"))
    assert [action.index for action in plan.actions if isinstance(action, CreateCase)] == [0, 1, 2]


def test_a_rerun_of_nothing_completes_at_once() -> None:
    job = a_started_job(status={"caseTable": {}}, **A_RERUN)
    status = said(planned(job))
    assert (status.phase, status.reason, status.progress) == (Phase.COMPLETED, "NothingToRun", "0/0")


def test_a_cancelled_job_prepares_no_cases() -> None:
    latched = a_started_job(cancel=True, status={"cancellation": {"requestedAt": "2026-01-02T03:04:05Z"}}, **IN_A_TABLE)
    assert planned(latched).actions == ()
    assert said(planned(latched)).phase is Phase.CANCELLED


def test_a_suspended_job_prepares_its_cases_before_it_is_suspended() -> None:
    assert planned(a_job(suspend=True, **IN_A_TABLE)).actions == (PrepareCases(),)
    assert said(planned(with_table(suspend=True, **IN_A_TABLE))).phase is Phase.SUSPENDED


def test_an_unexpected_pod_is_stopped_before_the_job_ends() -> None:
    plan = planned(a_job(cases={"count": 3}, subset="5"), a_pod_fact(0))
    assert any(isinstance(action, DeletePod) for action in plan.actions)
    assert said(plan).phase is not Phase.FAILED


TYPO: dict[str, Any] = {
    "cases": {"matrix": [{"name": "mesh", "values": [1, 2]}]},
    "template": a_template_with(args=["$(PARAM_MEHS)"]),
}


def test_a_reference_to_an_unknown_parameter_fails_the_job_before_any_case_starts() -> None:
    plan = planned(a_job(**TYPO))
    status = said(plan)
    assert (status.phase, status.reason, status.error_code) == (Phase.FAILED, Reason.INVALID_SPEC, "INVALID_SPEC")
    assert "did you mean $(PARAM_MESH)?" in (status.message or "")
    assert not any(isinstance(action, CreateCase) for action in plan.actions)


def test_a_job_without_a_started_case_can_still_be_refused() -> None:
    waiting = a_job(status={"phase": "PENDING", "startTime": "2026-01-02T03:04:05Z"}, **TYPO)
    assert said(planned(waiting)).phase is Phase.FAILED


@pytest.mark.parametrize(
    ("status", "children"),
    [
        pytest.param({"phase": "PENDING"}, (a_job_fact(0), a_pod_fact(0)), id="it has a pod"),
        pytest.param({"phase": "RUNNING"}, (), id="it has run"),
        pytest.param({"phase": "SUSPENDED"}, (), id="it was suspended"),
        pytest.param({"phase": "PENDING", "restarts": 1}, (), id="it has used names for attempts"),
        pytest.param({"phase": "PENDING", "succeededIndexes": "0"}, (), id="a queue holds it, and a case has ended"),
    ],
)
def test_a_job_that_started_a_case_continues_despite_an_unknown_reference(
    status: dict[str, Any], children: Any
) -> None:
    job = a_job(status={"startTime": "2026-01-02T03:04:05Z", **status}, **TYPO)
    plan = planned(job, *children)
    assert not any(isinstance(action, DeletePod) for action in plan.actions)
    assert plan.status is None or plan.status.phase is not Phase.FAILED
