"""A cancel after the end has no effect, whatever the API server answers to it."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cluster.provider import Cluster
from integration.support import client as paths
from integration.support import latecancel
from integration.support.client import Client, Object, RefusedError
from integration.support.latecancel import Answer
from integration.support.operator_process import OperatorProcess
from integration.support.sweeps import Place, Sweep, a_template

pytestmark = pytest.mark.integration

# Seconds between the creation of a pod that runs for a second, and the cancel.
MOMENTS = [0.1 * tenth for tenth in range(5, 25)]


@pytest.fixture(scope="module", params=Answer, ids=str)
def answer(
    request: pytest.FixtureRequest, kwok_cluster: Cluster, client: Client, operator_kubeconfig: Path
) -> Iterator[Answer]:
    assert operator_kubeconfig.exists()
    with latecancel.answering(kwok_cluster, client, request.param):
        yield request.param


def ended(place: Place, exit_code: int = 0, **spec: Any) -> Sweep:
    sweep = place.apply(cases={"count": 2}, template=a_template(run=1, exit_code=exit_code), **spec)
    sweep.wait_phase("FAILED" if exit_code else "COMPLETED")
    return sweep


def cancel(sweep: Sweep, cluster: Cluster, answer: Answer) -> None:
    """Cancel a sweep that has ended, and check the answer."""
    said = latecancel.patch(cluster, sweep.place.name, sweep.name)
    words = answer.words(sweep.status["phase"])
    assert words in said if words else not said
    assert sweep.client.get(sweep.path)["spec"].get("cancel") is (None if answer is Answer.REFUSED else True)


def content(status: Object) -> Object:
    """Return a status without the generation that it observed."""
    conditions = [{**each, "observedGeneration": 0} for each in status["conditions"]]
    return {**status, "observedGeneration": 0, "conditions": conditions}


def wait_observed(sweep: Sweep) -> Object:
    generation = sweep.client.get(sweep.path)["metadata"]["generation"]
    return sweep.wait(lambda status: status["observedGeneration"] == generation, "the newest generation")


def events(sweep: Sweep) -> list[str]:
    found = sweep.client.items(paths.events(sweep.place.name))
    return [event["note"] for event in found if event["reason"] == "CancelTooLate"]


@pytest.mark.parametrize(("exit_code", "phase"), [(0, "COMPLETED"), (1, "FAILED")])
def test_a_late_cancel_changes_no_status_and_no_child(
    place: Place, kwok_cluster: Cluster, operator: OperatorProcess, answer: Answer, exit_code: int, phase: str
) -> None:
    sweep = ended(place, exit_code)
    before, jobs, pods = sweep.status, sweep.job_names, sweep.pod_names

    def assert_unchanged() -> None:
        assert content(wait_observed(sweep)) == content(before)
        assert "cancellation" not in sweep.status
        assert [job["metadata"]["name"] for job in sweep.jobs] == jobs
        assert (sweep.job_names, sweep.pod_names) == (jobs, pods)

    cancel(sweep, kwok_cluster, answer)
    assert_unchanged()
    if answer is Answer.REFUSED:
        assert events(sweep) == []
    else:
        sweep.wait_until(lambda: bool(events(sweep)), "an Event reports it")
        note = f"`cancel` was set after the job had ended, so it has no effect: the job stays {phase}"
        assert events(sweep) == [note]
    operator.stop()
    operator.start()
    sweep.patch(title="seen by another leader")
    assert_unchanged()
    sweep.patch(cancel=None)
    assert_unchanged()


@pytest.mark.parametrize(("outcome", "cases"), [("Failed", 2), ("Cancelled", 0)])
def test_a_rerun_of_a_job_that_was_cancelled_too_late_takes_the_cases_by_their_outcome(
    place: Place, kwok_cluster: Cluster, answer: Answer, outcome: str, cases: int
) -> None:
    cancel(ended(place, 1), kwok_cluster, answer)
    rerun = {"name": "sweep", "outcomes": [outcome]}
    again = place.apply("again", cases=None, rerunOf=rerun, template=a_template(run=1))
    assert again.wait_phase("COMPLETED")["cases"]["succeeded"] == cases


def test_the_time_to_live_runs_on_after_a_late_cancel(place: Place, kwok_cluster: Cluster, answer: Answer) -> None:
    sweep = ended(place)
    cancel(sweep, kwok_cluster, answer)
    sweep.patch(ttlSecondsAfterFinished=0)
    sweep.wait_until(lambda: sweep.client.find(sweep.path) is None, "it is deleted")


def test_cancelling_all_cases_is_accepted_before_and_after_the_end(place: Place, answer: Answer) -> None:
    sweep = ended(place)
    before = sweep.status
    sweep.patch(cancelCases="0-99999", cancelReason="wrong mesh")
    assert content(wait_observed(sweep)) == content(before)
    running = place.apply("running", template=a_template(stop=1))
    running.wait_running(3)
    running.patch(cancelCases="0-99999", cancelReason="wrong mesh")
    assert running.wait_phase("CANCELLED")["cancellation"]["reason"] == "wrong mesh"


def test_a_cancel_at_the_end_either_cancels_or_has_no_effect(place: Place, answer: Answer) -> None:
    """Each sweep runs for a second, and is cancelled a little earlier or later than that."""
    sweeps = [
        place.apply(f"sweep-{number}", cases={"count": 1}, template=a_template(run=1)) for number in range(len(MOMENTS))
    ]

    def cancel_after(sweep: Sweep, seconds: float) -> int:
        sweep.wait_until(lambda: bool(sweep.pod_names), "it has a pod")
        time.sleep(seconds)
        try:
            sweep.cancel()
        except RefusedError as refused:
            return refused.code
        return 200

    with ThreadPoolExecutor(len(sweeps)) as threads:
        codes = list(threads.map(cancel_after, sweeps, MOMENTS))
    late = 422 if answer is Answer.REFUSED else 200
    for sweep, code in zip(sweeps, codes, strict=True):
        status = sweep.wait_phase("COMPLETED", "CANCELLED")
        is_cancelled = status["phase"] == "CANCELLED"
        assert code == (200 if is_cancelled else late), sweep.explain()
        assert ("cancellation" in status) is is_cancelled
        assert status["cases"]["succeeded"] + status["cases"]["cancelled"] == 1
