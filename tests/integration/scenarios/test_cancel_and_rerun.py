"""A parametric study of twenty cases is cancelled, and a rerun runs its cancelled cases.

Modelled on JESS/jEPlus, a service that runs EnergyPlus studies: https://github.com/jeplus. Its cancel stops queued and
running jobs and reports "Job is cancelled". Fake nodes play the simulations and their results.
"""

import json

import pytest
from integration.scenarios.session import Session

pytestmark = pytest.mark.integration

STUDY = "parameter-study"
RESULT = {"termination-message": '{"kWh": 118.4}'}
ENDS = {"run-seconds": "2", **RESULT}
PHASES = "jsonpath='{.status.phase} {.status.progress} {.status.message}{\"\\n\"}'"


def test_the_sixteen_cancelled_cases_of_a_study_run_again(
    session: Session,
) -> None:
    four_are_done_and_sixteen_are_queued(session)
    queued_and_running_cases_are_cancelled(session)
    a_cancel_of_an_ended_study_is_refused(session)
    only_the_cancelled_cases_run_again(session)
    status_reports_stopping_cases(session)
    a_subset_of_cases_runs(session)
    the_results_are_one_table(session)


def four_are_done_and_sixteen_are_queued(session: Session) -> None:
    session.say("Twenty jobs, four at a time. Four are done; the queue is held, so sixteen wait in it.")
    session.apply(STUDY, fake=RESULT)
    session.wait(STUDY, ".status.cases.running=4")
    session.run(f"kubectl scale simjob/{STUDY} --replicas=0")
    session.wait(STUDY, ".status.observedGeneration=2")
    session.end_running(STUDY)
    session.wait(STUDY, ".status.cases.succeeded=4")
    session.run(f"kubectl get simjob {STUDY}")
    assert json.loads(session.show(STUDY, ".status.cases")) == {
        "total": 20,
        "pending": 16,
        "assigned": 0,
        "running": 0,
        "succeeded": 4,
        "failed": 0,
        "cancelled": 0,
    }
    assert session.status(STUDY)["isTerminal"] is False


def queued_and_running_cases_are_cancelled(session: Session) -> None:
    session.say("Cancel. While it is being cancelled the object says so, at the end: 4 done, 16 cancelled.")
    with session.watching(f"kubectl get simjob {STUDY} --watch -o {PHASES}", "CANCELLED") as told:
        session.patch(STUDY, cancel=True, cancelReason="wrong weather file")
        session.wait(STUDY, "Finished")
    assert [line.split(" ")[0] for line in told if line.startswith("CANCEL")] == ["CANCELLING", "CANCELLED"]
    assert "CANCELLING 4/20 Job is being cancelled" in "\n".join(told)
    session.run(f"kubectl get simjob {STUDY} -o wide")
    assert session.show(STUDY, ".status.message") == "Job is cancelled: 4 cases had finished, 16 were cancelled"
    status = session.status(STUDY)
    assert (status["phase"], status["progress"]) == ("CANCELLED", "4/20")
    assert (status["cases"]["succeeded"], status["cases"]["cancelled"], status["cases"]["pending"]) == (4, 16, 0)
    assert (status["succeededIndexes"], status["cancelledIndexes"]) == ("0-3", "4-19")
    assert status["cancellation"]["reason"] == "wrong weather file"
    assert len(session.read("jobs", f"-l simjob.dev/name={STUDY}")["items"]) == 4, "sixteen never had a Job"


def a_cancel_of_an_ended_study_is_refused(session: Session) -> None:
    session.say("An unknown job, and one that is finished.")
    unknown = session.refused_patch("no-such-study", cancel=True)
    assert unknown == 'Error from server (NotFound): simulationjobs.simjob.dev "no-such-study" not found'
    finished = session.apply(STUDY, name="finished-study", fake=ENDS, subset="0")
    session.wait(finished, ".status.phase=COMPLETED")
    answer = session.refused_patch(finished, cancel=True)
    assert answer.endswith("spec.cancel may not be set: the SimulationJob is already COMPLETED")
    assert session.status(finished)["phase"] == "COMPLETED"


def only_the_cancelled_cases_run_again(session: Session) -> None:
    session.say("Only what was cancelled is run again, with the same parameters.")
    again = session.apply(f"{STUDY}-rerun", fake=ENDS)
    session.wait(again, "Finished")
    session.run(f"kubectl get simjob {again}")
    status = session.status(again)
    assert (status["phase"], status["progress"], status["succeededIndexes"]) == ("COMPLETED", "16/16", "4-19")
    assert parameters(session, again, 7) == {"wwr": 0.3, "insulation": 0.2}
    assert parameters(session, again, 19) == {"wwr": 0.6, "insulation": 0.2}


def status_reports_stopping_cases(session: Session) -> None:
    session.say("Another study is cancelled while four of its simulations run, which take some time to stop.")
    busy = session.apply(STUDY, name="busy-study", fake={"termination-seconds": "3600"})
    session.wait(busy, ".status.cases.running=4")
    session.patch(busy, cancel=True)
    session.wait(busy, ".status.phase=CANCELLING")
    assert session.show(busy, ".status.cancellation.stopping") == "4"
    session.run(f"kubectl get simjob {busy}")
    assert session.status(busy)["phase"] == "CANCELLING"
    session.let_stop(busy)
    session.wait(busy, "Finished")
    session.run(f"kubectl get simjob {busy}")
    assert session.status(busy)["cancelledIndexes"] == "0-19"


def a_subset_of_cases_runs(session: Session) -> None:
    session.say("Only some of the cases are run.")
    some = session.apply(STUDY, name="some-cases", fake=ENDS, subset="0-1,19")
    session.wait(some, "Finished")
    session.run(f"kubectl get simjob {some}")
    status = session.status(some)
    assert (status["progress"], status["succeededIndexes"]) == ("3/3", "0-1,19")


def the_results_are_one_table(session: Session) -> None:
    session.say("The results of the first run and of the second, in one table.")
    maps = session.run(
        f"kubectl get simjob {STUDY} {STUDY}-rerun "
        "-o jsonpath='{range .items[*]}{.status.results.configMaps[*]}{\"\\n\"}{end}'"
    ).split()
    table = session.run(f"kubectl get configmaps {' '.join(maps)} -o jsonpath='{{.items[*].data.results\\.jsonl}}'")
    rows = [json.loads(line) for line in table.splitlines() if line.strip()]
    assert sorted(row["index"] for row in rows) == list(range(20))
    assert {row["outcome"] for row in rows} == {"Succeeded"}
    assert all(row["result"] == {"kWh": 118.4} for row in rows)
    assert next(row for row in rows if row["index"] == 7)["parameters"] == {"wwr": 0.3, "insulation": 0.2}


def parameters(session: Session, job: str, index: int) -> object:
    """Read a case's parameters off its pod."""
    path = '.items[0].spec.containers[0].env[?(@.name=="SIMJOB_CASE_PARAMETERS")].value'
    selector = f"simjob.dev/name={job},simjob.dev/index={index}"
    return json.loads(session.run(f"kubectl get pods -l {selector} -o jsonpath='{{{path}}}'"))
