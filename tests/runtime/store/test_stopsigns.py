from typing import Any

import pytest
from simjob.api.outcomes import Outcomes
from simjob.api.status import Status
from simjob.api.sweep.ranges import Ranges
from simjob.runtime.store.stopsigns import StopSigns
from worlds.stores import KEY, a_store, sweep


@pytest.mark.parametrize(
    ("keywords", "forbidden"),
    [
        pytest.param({}, False, id="nothing stops it"),
        pytest.param({"cancel": True}, True, id="the job is to be cancelled"),
        pytest.param(
            {"cancel": True, "status": {"phase": "COMPLETED", "isTerminal": True}},
            False,
            id="the cancel came after the end",
        ),
        pytest.param({"suspend": True}, True, id="the job is suspended"),
        pytest.param({"metadata": {"deletionTimestamp": "2026-01-02T03:04:05Z"}}, True, id="the job is being deleted"),
        pytest.param(
            {"status": {"cancellation": {"requestedAt": "2026-01-02T03:04:05Z"}}}, True, id="the cancel is recorded"
        ),
        pytest.param({"cases": {}}, True, id="the spec cannot be read"),
        # A request has to be latched first. From then on no plan creates anything for these cases.
        pytest.param({"cancelCases": "1"}, True, id="one of its cases is to be cancelled"),
        pytest.param({"cancelCases": "7"}, False, id="a case that does not exist is to be cancelled"),
        pytest.param(
            {"cancelCases": "0-1", "status": {"cancelledIndexes": "0"}},
            True,
            id="one of the cases to cancel is not recorded yet",
        ),
        pytest.param(
            {"cancelCases": "0-1", "status": {"cancelledIndexes": "0", "cancellingIndexes": "1"}},
            False,
            id="all cases to cancel are recorded",
        ),
    ],
)
def test_the_newest_state_decides_which_creations_are_forbidden(keywords: dict[str, Any], forbidden: bool) -> None:
    store = a_store()
    assert store.must_not_create(KEY), "nothing is known of it"
    store.seen(sweep(**keywords))
    assert store.must_not_create(KEY) is forbidden


def test_the_operators_own_write_shows_that_a_request_is_latched() -> None:
    store = a_store()
    store.seen(sweep(1, cancelCases="1"))
    assert store.must_not_create(KEY)
    store.wrote(KEY, Status().with_outcomes(Outcomes(cancelling=Ranges.of([1]))), "2")
    assert not store.must_not_create(KEY)


def test_only_signs_that_a_plan_did_not_know_are_new() -> None:
    store = a_store()
    store.seen(sweep(1, suspend=True))
    known = store.view(KEY).signs
    assert not any(store.new_signs(KEY, known))
    store.seen(sweep(2, suspend=True, cancelCases="1"))
    assert store.new_signs(KEY, known) == StopSigns(cases_cancelled=Ranges.of([1]))
    assert not store.new_signs(KEY, known).for_all
    store.seen(sweep(3, suspend=True, cancel=True))
    assert store.new_signs(KEY, known) == StopSigns(cancelled=True)
    assert store.new_signs(KEY, known).for_all


def test_each_case_to_cancel_is_a_sign_of_its_own() -> None:
    store = a_store()
    store.seen(sweep(1, cancelCases="1"))
    known = store.view(KEY).signs
    store.seen(sweep(2, cancelCases="0-1"))
    assert store.new_signs(KEY, known) == StopSigns(cases_cancelled=Ranges.of([0]))
    store.seen(sweep(3, cancelCases="1"))
    assert not any(store.new_signs(KEY, known))
