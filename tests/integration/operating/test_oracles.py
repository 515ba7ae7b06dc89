"""Each oracle reports the violation it is for: it gets one wrong history, made from a correct one."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from integration.support.oracles import violations
from integration.support.watching import Seen

History = dict[str, list[Seen]]


def a_status(version: int, phase: str, *, pending: int = 0, succeeded: str = "", **more: Any) -> Seen:
    done = 1 if succeeded else 0
    counts = {"total": 1, "pending": pending, "assigned": 0, "running": 1 - pending - done, "succeeded": done}
    status = {"phase": phase, "observedGeneration": 1, "cases": counts, "succeededIndexes": succeeded, **more}
    item = {"metadata": {"uid": "sweep", "name": "sweep"}, "spec": {"parallelism": 1}, "status": status}
    return Seen(version=version, object=item, gone=False)


def a_child(version: int, name: str = "case-0-0", *, phase: str = "", gone: bool = False, uid: str = "") -> Seen:
    labels = {"simjob.dev/uid": "sweep", "simjob.dev/index": "0"}
    metadata = {"uid": uid or name, "name": name, "labels": labels}
    return Seen(version=version, object={"metadata": metadata, "status": {"phase": phase}}, gone=gone)


def a_life() -> History:
    """One case that runs and succeeds."""
    return {
        "sweeps": [a_status(1, "PENDING", pending=1), a_status(4, "RUNNING"), a_status(6, "COMPLETED", succeeded="0")],
        "jobs": [a_child(2, "case-0")],
        "pods": [a_child(3), a_child(5, phase="Succeeded")],
    }


def counts_are_wrong(life: History) -> None:
    life["sweeps"][1].object["status"]["cases"]["running"] = 2


def the_end_comes_early(life: History) -> None:
    life["pods"][1] = a_child(7, phase="Succeeded")


def an_end_is_taken_back(life: History) -> None:
    life["sweeps"].append(a_status(7, "RUNNING", succeeded="0"))


def an_end_is_called_cancelled(life: History) -> None:
    life["sweeps"].append(a_status(7, "COMPLETED", succeeded="0", cancellation={"requestedAt": "now"}))


def an_outcome_is_forgotten(life: History) -> None:
    life["sweeps"].append(a_status(7, "COMPLETED"))


def a_case_runs_again(life: History) -> None:
    life["pods"].append(a_child(8, "case-1-0"))


def a_name_is_used_again(life: History) -> None:
    life["jobs"] += [a_child(3, "case-0", gone=True), a_child(4, "case-0", uid="another")]


def two_attempts_live(life: History) -> None:
    life["pods"].insert(1, a_child(4, "case-0-1"))


def one_is_made_after_the_latch(life: History) -> None:
    life["sweeps"].insert(1, a_status(2, "CANCELLING", cancellation={"requestedAt": "now"}))


def a_running_case_is_called_cancelled(life: History) -> None:
    life["sweeps"][1] = a_status(4, "RUNNING", cancelledIndexes="0")


def a_case_is_made_while_it_is_cancelled(life: History) -> None:
    life["sweeps"].insert(1, a_status(2, "RUNNING", cancellingIndexes="0"))


def the_generation_falls(life: History) -> None:
    life["sweeps"][1].object["status"]["observedGeneration"] = 0


@pytest.mark.parametrize(
    ("happens", "told"),
    [
        (counts_are_wrong, "do not sum up"),
        (the_end_comes_early, "with live pods"),
        (an_end_is_taken_back, "COMPLETED became RUNNING"),
        (an_end_is_called_cancelled, "COMPLETED got a cancellation"),
        (an_outcome_is_forgotten, "taken out of succeeded"),
        (a_case_runs_again, "after its case had an outcome"),
        (a_name_is_used_again, "made 2 times"),
        (two_attempts_live, "while case-0-0 was live"),
        (one_is_made_after_the_latch, "after the latch"),
        (a_running_case_is_called_cancelled, "said to be cancelled at 4 while case-0-0 was live"),
        (a_case_is_made_while_it_is_cancelled, "made while its case was being cancelled"),
        (the_generation_falls, "observedGeneration fell"),
    ],
)
def test_a_violation_is_reported(happens: Callable[[History], None], told: str) -> None:
    life = a_life()
    happens(life)
    assert any(told in text for text in violations(**life)), violations(**life)


def test_a_correct_history_has_no_violations() -> None:
    assert violations(**a_life()) == []


def test_a_restored_status_may_have_a_higher_generation_than_its_object() -> None:
    life = a_life()
    for seen, observed in zip(life["sweeps"], (1, 5, 2), strict=True):
        seen.object["metadata"]["generation"] = min(observed, 2)
        seen.object["status"]["observedGeneration"] = observed
    assert violations(**life) == []


def test_children_that_were_there_before_the_watch_count_as_made_before_it() -> None:
    job, pod = a_child(9, "case-0"), a_child(8, phase="Succeeded")
    before = {"jobs": [replace(job, earlier=True)], "pods": [replace(pod, earlier=True)]}
    sweeps = [replace(a_status(6, "COMPLETED", succeeded="0"), earlier=True)]
    assert violations(sweeps, **before) == []
    assert violations(sweeps, pods=[pod], jobs=[job]) != []


@pytest.mark.parametrize(
    ("requested_at", "number"),
    [
        pytest.param("2026-01-02T03:04:05Z", 0, id="the request may have been under way"),
        pytest.param("2026-01-02T03:04:06Z", 1, id="the request came later"),
    ],
)
def test_only_a_request_that_was_under_way_may_make_something_after_the_latch(requested_at: str, number: int) -> None:
    latch = a_status(2, "CANCELLING", cancellation={"requestedAt": "now"})
    latch.object["metadata"]["managedFields"] = [{"subresource": "status", "time": "2026-01-02T03:04:05Z"}]
    pod = a_child(3)
    pod.object["metadata"]["creationTimestamp"] = requested_at
    found = violations([a_status(1, "PENDING", pending=1), latch], [pod], [])
    assert len([text for text in found if "after the latch" in text]) == number
