"""Cancel against the end, by the rules of the CRD: the one that is stored first wins.

A policy of the base also refuses to set `cancel` after the end: admission/test_late_cancel.py.
"""

import pytest
from integration.crd.api import LATCH, Api

pytestmark = pytest.mark.integration

FINAL = "status.phase: Forbidden: the phase may not change: COMPLETED, FAILED and CANCELLED are final"
CANCELLED_FIRST = (
    "status.phase: Forbidden: the phase may not become COMPLETED or FAILED: "
    "the SimulationJob was cancelled before it ended"
)
ENDED_FIRST = (
    "status.cancellation: Forbidden: the cancellation may not be added: "
    "the SimulationJob is COMPLETED or FAILED, and was not cancelled"
)
LATCHED = "status.cancellation: Forbidden: the cancellation may not be removed, and its requestedAt may not change"


@pytest.mark.parametrize("phase", ["PENDING", "ASSIGNED", "RUNNING", "SUSPENDED", "CANCELLING", "CANCELLED"])
def test_cancel_is_accepted_before_the_end_and_on_a_cancelled_job(api: Api, phase: str) -> None:
    assert api.patch(api.create({"phase": phase}), {"spec": {"cancel": True}})["spec"]["cancel"] is True


@pytest.mark.parametrize("phase", ["COMPLETED", "FAILED"])
def test_a_job_that_has_ended_cannot_be_called_cancelled(api: Api, phase: str) -> None:
    name = api.create({"phase": phase})
    assert api.refusal_of_change(name, {"status": {"cancellation": LATCH}}) == ENDED_FIRST
    cancelled = {"phase": "CANCELLED", "cancellation": LATCH}
    assert set(api.refusal_of_change(name, {"status": cancelled}).splitlines()) == {ENDED_FIRST, FINAL}


@pytest.mark.parametrize("phase", ["COMPLETED", "FAILED"])
def test_a_cancellation_cannot_be_added_together_with_another_end(api: Api, phase: str) -> None:
    name = api.create({"phase": "RUNNING"})
    assert api.refusal_of_change(name, {"status": {"phase": phase, "cancellation": LATCH}}) == CANCELLED_FIRST


@pytest.mark.parametrize("phase", ["COMPLETED", "FAILED"])
def test_a_cancelled_job_cannot_end_in_another_phase(api: Api, phase: str) -> None:
    name = api.create({"phase": "RUNNING"}, cancel=True)
    assert api.refusal_of_change(name, {"status": {"phase": phase}}) == CANCELLED_FIRST


@pytest.mark.parametrize("phase", ["COMPLETED", "FAILED"])
def test_removing_a_latched_cancel_from_the_spec_allows_no_other_end(api: Api, phase: str) -> None:
    name = api.create({"phase": "CANCELLING", "cancellation": LATCH}, cancel=True)
    api.patch(name, {"spec": {"cancel": None}})
    assert api.refusal_of_change(name, {"status": {"phase": phase}}) == CANCELLED_FIRST


@pytest.mark.parametrize("latch", [None, {"requestedAt": "2026-01-02T03:04:06Z"}])
def test_the_latch_cannot_be_changed_or_removed(api: Api, latch: dict[str, str] | None) -> None:
    name = api.create({"phase": "CANCELLING", "cancellation": LATCH})
    assert api.refusal_of_change(name, {"status": {"cancellation": latch}}) == LATCHED


def test_fields_can_be_added_to_the_latch(api: Api) -> None:
    name = api.create({"phase": "CANCELLING", "cancellation": LATCH})
    ended = {"phase": "CANCELLED", "cancellation": {"finishedAt": "2026-01-02T03:05:00Z", "stopping": 0}}
    assert api.patch(name, {"status": ended})["status"]["cancellation"]["requestedBy"] == "anna"


@pytest.mark.parametrize("after", ["RUNNING", "CANCELLING", None])
@pytest.mark.parametrize("before", ["COMPLETED", "FAILED", "CANCELLED"])
def test_an_end_is_final(api: Api, before: str, after: str | None) -> None:
    assert api.refusal_of_change(api.create({"phase": before}), {"status": {"phase": after}}) == FINAL


@pytest.mark.parametrize("phase", ["COMPLETED", "FAILED", "CANCELLED"])
def test_status_of_an_ended_job_can_be_updated(api: Api, phase: str) -> None:
    name = api.create({"phase": phase})
    assert api.patch(name, {"status": {"message": "Pruned."}})["status"]["message"] == "Pruned."
    assert api.patch(name, {"spec": {"title": "Wing"}})["spec"]["title"] == "Wing"


@pytest.mark.parametrize("phase", ["COMPLETED", "FAILED", "CANCELLED"])
def test_a_job_without_a_cancel_can_end_in_any_phase(api: Api, phase: str) -> None:
    name = api.create({"phase": "RUNNING"})
    assert api.patch(name, {"status": {"phase": phase}})["status"]["phase"] == phase


def test_a_cancel_withdrawn_before_the_latch_has_no_effect(api: Api) -> None:
    name = api.create({"phase": "RUNNING"}, cancel=True)
    api.patch(name, {"spec": {"cancel": False}})
    assert api.patch(name, {"status": {"phase": "COMPLETED"}})["status"]["phase"] == "COMPLETED"
