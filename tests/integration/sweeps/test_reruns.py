"""Running again what failed or was cancelled in another job: the same indexes, names and parameters."""

from typing import Any

import pytest
from integration.support import client as paths
from integration.support.client import RefusedError
from integration.support.sweeps import Place, Sweep, a_template, environment
from integration.sweeps.test_case_tables import put, ran_with, rows, samples, shards, table

pytestmark = pytest.mark.integration

LIST = {"list": [{"name": f"case-{letter}", "parameters": {"mesh": letter}} for letter in "abcd"]}
SOURCES = {
    "list": LIST,
    "matrix": {"matrix": [{"name": "mesh", "values": ["a", "b", "c", "d"]}]},
    "samples": {"samples": {"method": "Sobol", "size": 4, "parameters": [{"name": "mesh", "min": 0, "max": 1}]}},
    "configMap": table(),
}
QUICK = a_template(run=1)
FAILING = a_template(run=1, exit_code=3)


def rerun(place: Place, name: str, of: str, *outcomes: str, **spec: Any) -> Sweep:
    chosen = {"outcomes": list(outcomes)} if outcomes else {}
    return place.apply(name, cases=None, rerunOf={"name": of, **chosen}, **{"template": QUICK, **spec})


@pytest.mark.effect("spec.rerunOf.name", "spec.rerunOf.outcomes[]")
@pytest.mark.parametrize("source", SOURCES)
def test_a_rerun_keeps_indexes_names_and_parameters_of_failed_cases(place: Place, source: str) -> None:
    put(place, cases__csv="mesh\na\nb\nc\nd\n")
    old = place.apply("old", cases=SOURCES[source], cancelCases="1-2", template=FAILING)
    status = old.wait_phase("FAILED")
    assert (status["failedIndexes"], status["cancelledIndexes"]) == ("0,3", "1-2")
    failed, cancelled = rerun(place, "failed", "old", "Failed"), rerun(place, "cancelled", "old", "Cancelled")
    status = failed.wait_phase("COMPLETED")
    assert (status["progress"], status["succeededIndexes"], status["caseTable"]["indexes"]) == ("2/2", "0,3", "0,3")
    assert cancelled.wait_phase("COMPLETED")["succeededIndexes"] == "1-2"
    assert ran_with(failed) == ran_with(old)
    named = {environment(pod)["SIMJOB_CASE_NAME"] for pod in failed.pods}
    assert named == {environment(pod)["SIMJOB_CASE_NAME"] for pod in old.pods}
    assert set(ran_with(cancelled)) == {1, 2}


def test_a_rerun_outlives_the_old_job_and_can_be_rerun(place: Place) -> None:
    old = place.apply("old", cases=samples("Halton", seed=3), template=FAILING)
    old.wait_phase("FAILED")
    points = ran_with(old)
    second = rerun(place, "second", "old", template=FAILING, parallelism=0)
    second.wait(lambda status: "caseTable" in status, "the table")
    old.delete()
    old.wait_cleared()
    second.patch(parallelism=8, cancelCases="5")
    assert second.wait_phase("FAILED")["cases"]["failed"] == 7
    third = rerun(place, "third", "second", subset="4-7")
    status = third.wait_phase("COMPLETED")
    assert (status["succeededIndexes"], status["caseTable"]["indexes"]) == ("4-7", "0-7")
    assert ran_with(third) == {index: points[index] for index in (4, 5, 6, 7)}


def test_a_rerun_draws_a_design_that_was_cancelled_before_its_draw(place: Place) -> None:
    old = place.apply("old", cases=samples("Random"), cancel=True)
    old.wait_phase("CANCELLED")
    assert shards(old) == []
    new = rerun(place, "new", "old", "Cancelled")
    assert new.wait_phase("COMPLETED")["progress"] == "8/8"
    assert [row["index"] for row in rows(new)] == list(range(8))


def test_an_empty_rerun_completes_and_says_so(place: Place) -> None:
    old = place.apply("old", template=QUICK)
    old.wait_phase("COMPLETED")
    status = rerun(place, "new", "old").wait_phase("COMPLETED")
    assert (status["reason"], status["progress"], status["cases"]["total"]) == ("NothingToRun", "0/0", 0)
    expected = f'no case of the SimulationJob "{old.name}" has failed or was cancelled'
    assert status["message"] == f"there is nothing to run: {expected}"


def refusal_of(sweep: Sweep) -> tuple[str, str, str]:
    status = sweep.wait_phase("FAILED")
    assert sweep.job_names == []
    return status["errorCode"], status["reason"], status["message"]


@pytest.mark.refusal("spec.rerunOf.name")
def test_a_rerun_waits_for_a_missing_or_unfinished_job(place: Place) -> None:
    """As when Git brings the cancel of a job and its rerun in one commit, or the rerun first."""
    new = rerun(place, "new", "old")
    status = new.wait(lambda status: status.get("reason") == "RerunOfNotFound", "that there is no such job")
    assert (status["phase"], status["message"]) == (
        "PENDING",
        'there is no SimulationJob "old" to run again; the cases start when it exists and has finished',
    )
    old = place.apply("old", cases={"count": 3}, template=a_template(run=600), parallelism=2)
    old.wait_phase("RUNNING")
    status = new.wait(lambda status: status.get("reason") == "RerunOfNotFinished", "that the old job runs")
    assert status["message"].startswith('SimulationJob "old" has not finished (it is ')
    given_up = rerun(place, "given-up", "old")
    given_up.wait(lambda status: status.get("reason") == "RerunOfNotFinished", "that the old job runs")
    given_up.cancel()
    given_up.wait_phase("CANCELLED")
    old.cancel()
    assert new.wait_phase("COMPLETED")["succeededIndexes"] == "0-2"
    with pytest.raises(RefusedError, match="`rerunOf` must not name the SimulationJob itself"):
        rerun(place, "self", "self")


@pytest.mark.refusal("spec.subset")
def test_a_subset_outside_the_old_job_is_reported(place: Place) -> None:
    place.apply("old", cases={"count": 3}, cancel=True).wait_phase("CANCELLED")
    code, reason, message = refusal_of(rerun(place, "new", "old", subset="1-3"))
    assert (code, reason) == ("INVALID_SPEC", "InvalidSpec")
    assert message == '`subset` names case 3, which is not one of the 3 cases of "old"'


def test_missing_configmaps_of_the_old_job_are_reported(place: Place) -> None:
    old = place.apply("old", cases=samples("Random"), template=FAILING)
    (name,) = old.wait_phase("FAILED")["caseTable"]["configMaps"]
    place.client.delete(paths.core(place.name, "configmaps", name))
    new = rerun(place, "new", "old")
    message = new.wait(lambda status: status.get("reason") == "CasesUnreadable", "the missing ConfigMap")["message"]
    assert f'cannot read the cases of SimulationJob "old" in ConfigMap "{name}": it was deleted' in message
