from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from given.builders import NOW, a_job, a_job_fact, a_pod_fact, a_started_job, planned, said
from simjob.api.names import ErrorCode, Reason
from simjob.api.simulationjob import SimulationJob
from simjob.api.status import CaseTable, Phase
from simjob.api.sweep.ranges import Ranges
from simjob.core.facts.observedchildren import Unprepared
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
    [(IN_A_TABLE, 0), (A_RERUN, 0), ({"cases": {"samples": SAMPLES}}, 4)],
    ids=["configMap", "rerunOf", "samples"],
)
def test_cases_that_the_spec_does_not_hold_are_written_down_before_the_first_job(
    spec: dict[str, Any], total: int
) -> None:
    plan = planned(a_job(**spec))
    assert plan.actions == (PrepareCases(),)
    assert (said(plan).phase, said(plan).reason, said(plan).cases.total) == (Phase.PENDING, "PreparingCases", total)


def test_a_table_is_stored_before_anything_relies_on_it() -> None:
    plan = planned(a_job(**IN_A_TABLE), prepared=TABLE)
    assert plan.actions == ()
    assert plan.look_again == NOW
    status = said(plan)
    assert (status.case_table, status.cases.total, status.cases.pending) == (TABLE, 4, 4)


def test_once_it_is_stored_the_cases_of_the_table_start() -> None:
    plan = planned(with_table())
    assert [action.index for action in plan.actions if isinstance(action, CreateCase)] == [0, 1, 2, 7]
    assert said(plan).case_table == TABLE


def test_of_a_table_only_the_subset_starts() -> None:
    plan = planned(with_table(**IN_A_TABLE, subset="7,1"))
    assert [action.index for action in plan.actions if isinstance(action, CreateCase)] == [1, 7]
    assert said(plan).cases.total == 2


def test_a_source_that_is_not_there_is_looked_for_again_and_named_in_the_status_all_the_time() -> None:
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
def test_a_source_is_looked_for_less_often_the_longer_it_takes(tries: int, seconds: int) -> None:
    waiting = planned(a_job(**IN_A_TABLE), prepared=replace(MISSING, tries=tries))
    assert waiting.look_again == NOW + timedelta(seconds=seconds)


def test_a_table_that_cannot_be_read_waits_until_somebody_corrects_it() -> None:
    job = a_job(**IN_A_TABLE)
    waiting = planned(job, prepared=WRONG)
    status = said(waiting)
    assert (waiting.actions, waiting.look_again) == ((), NOW + timedelta(seconds=2))
    assert (status.phase, status.reason, status.message) == (Phase.PENDING, "CasesUnreadable", "line 3")
    assert {c.type: c.status for c in status.conditions}["Stalled"] == "True"
    assert planned(job, prepared=WRONG, now=NOW + timedelta(seconds=2)).actions == (PrepareCases(),)
    assert said(planned(job, prepared=TABLE)).case_table == TABLE


@pytest.mark.parametrize("reason", [Reason.SOURCE_NOT_FOUND, Reason.RERUN_NOT_FOUND, Reason.RERUN_NOT_FINISHED])
def test_a_source_that_may_come_by_itself_is_no_reason_to_call_the_job_stalled(reason: str) -> None:
    status = said(planned(a_job(**A_RERUN), prepared=Unprepared(reason=reason, message="later", at=NOW)))
    assert (status.phase, status.reason) == (Phase.PENDING, reason)
    assert {c.type: c.status for c in status.conditions}["Stalled"] == "False"


@pytest.mark.parametrize("reason", [Reason.CASES_UNREADABLE, Reason.SOURCE_NOT_FOUND, Reason.RERUN_NOT_FINISHED])
def test_a_job_that_waits_for_its_cases_is_cancelled_at_once(reason: str) -> None:
    waiting = Unprepared(reason=reason, message="not yet", at=NOW)
    latched = a_started_job(cancel=True, status={"cancellation": {"requestedAt": "2026-01-02T03:04:05Z"}}, **IN_A_TABLE)
    assert said(planned(latched, prepared=waiting)).phase is Phase.CANCELLED


def test_the_time_of_the_whole_job_runs_while_its_source_is_not_there() -> None:
    job = a_started_job(timeouts={"totalSeconds": 60}, status={"startTime": "2026-01-02T03:04:01Z"}, **IN_A_TABLE)
    assert planned(job, prepared=MISSING).look_again == NOW + timedelta(seconds=1)
    assert said(planned(job, prepared=MISSING, now=NOW + timedelta(seconds=1))).reason == "TotalTimeout"


def test_a_source_that_has_become_unreadable_stops_nothing_that_runs() -> None:
    plan = planned(a_job(**IN_A_TABLE), a_job_fact(0), a_pod_fact(0), prepared=WRONG)
    assert plan.actions == ()
    assert (said(plan).reason, said(plan).is_terminal) == ("CasesUnreadable", False)


def test_what_can_never_be_written_down_ends_the_job() -> None:
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


def test_a_subset_of_cases_that_there_are_not_ends_the_job() -> None:
    status = said(planned(a_job(cases={"count": 3}, subset="1-2,5-9")))
    assert (status.phase, status.error_code, status.reason) == (Phase.FAILED, "INVALID_SPEC", "InvalidSpec")
    assert status.message == "`subset` names case 5, but there are 3 cases, numbered from 0"
    assert (status.cases.total, status.cases.cancelled) == (2, 2)


def test_a_subset_is_held_against_a_table_when_there_is_one() -> None:
    assert planned(a_job(**IN_A_TABLE, subset="3")).actions == (PrepareCases(),)
    assert said(planned(with_table(**IN_A_TABLE, subset="3"))).message == (
        "`subset` names case 3, but there are 4 cases, numbered from 0"
    )


def test_of_a_rerun_a_subset_takes_what_is_there_of_it() -> None:
    plan = planned(with_table(**A_RERUN, subset="0-5"))
    assert [action.index for action in plan.actions if isinstance(action, CreateCase)] == [0, 1, 2]


def test_a_rerun_of_nothing_completes_at_once() -> None:
    job = a_started_job(status={"caseTable": {}}, **A_RERUN)
    status = said(planned(job))
    assert (status.phase, status.reason, status.progress) == (Phase.COMPLETED, "NothingToRun", "0/0")


def test_a_cancelled_job_does_not_prepare() -> None:
    latched = a_started_job(cancel=True, status={"cancellation": {"requestedAt": "2026-01-02T03:04:05Z"}}, **IN_A_TABLE)
    assert planned(latched).actions == ()
    assert said(planned(latched)).phase is Phase.CANCELLED


def test_a_suspended_job_prepares_and_is_suspended_then() -> None:
    assert planned(a_job(suspend=True, **IN_A_TABLE)).actions == (PrepareCases(),)
    assert said(planned(with_table(suspend=True, **IN_A_TABLE))).phase is Phase.SUSPENDED


def test_a_pod_that_should_not_be_there_is_stopped_before_the_end_is_said() -> None:
    plan = planned(a_job(cases={"count": 3}, subset="5"), a_pod_fact(0))
    assert any(isinstance(action, DeletePod) for action in plan.actions)
    assert said(plan).phase is not Phase.FAILED


TYPO: dict[str, Any] = {
    "cases": {"matrix": [{"name": "mesh", "values": [1, 2]}]},
    "template": {"spec": {"containers": [{"name": "c", "image": "i", "args": ["$(PARAM_MEHS)"]}]}},
}


def test_a_reference_to_no_parameter_ends_the_job_before_anything_starts() -> None:
    plan = planned(a_job(**TYPO))
    status = said(plan)
    assert (status.phase, status.reason, status.error_code) == (Phase.FAILED, Reason.INVALID_SPEC, "INVALID_SPEC")
    assert "did you mean $(PARAM_MESH)?" in (status.message or "")
    assert not any(isinstance(action, CreateCase) for action in plan.actions)


def test_a_job_that_waits_for_its_first_case_is_still_refused() -> None:
    waiting = a_job(status={"phase": "PENDING", "startTime": "2026-01-02T03:04:05Z"}, **TYPO)
    assert said(planned(waiting)).phase is Phase.FAILED


@pytest.mark.parametrize(
    ("status", "children"),
    [
        ({"phase": "PENDING"}, (a_job_fact(0), a_pod_fact(0))),
        ({"phase": "RUNNING"}, ()),
        ({"phase": "SUSPENDED"}, ()),
        ({"phase": "PENDING", "round": 1}, ()),
    ],
    ids=["has a pod", "has run", "was suspended", "has used names"],
)
def test_what_has_started_something_goes_on_whatever_it_refers_to(status: dict[str, Any], children: Any) -> None:
    job = a_job(status={"startTime": "2026-01-02T03:04:05Z", **status}, **TYPO)
    plan = planned(job, *children)
    assert not any(isinstance(action, DeletePod) for action in plan.actions)
    assert plan.status is None or plan.status.phase is not Phase.FAILED
