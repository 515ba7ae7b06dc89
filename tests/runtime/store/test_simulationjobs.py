"""The store reads a spec once per generation, with the same result as reading it each time."""

from typing import Any

import pytest
from given.builders import a_job_dict
from hypothesis import given
from hypothesis import strategies as st
from simjob.api import finishedcopy, simulationjob
from simjob.api.simulationjob import Invalid, SimulationJob
from simjob.api.status import Phase, Status
from worlds.stores import KEY, a_store

LISTED = {"list": [{"name": f"case-{index}"} for index in range(3)]}

STATUSES: list[dict[str, Any] | None] = [
    None,
    {"phase": "RUNNING", "succeededIndexes": "0"},
    {"phase": "CANCELLING", "cancellation": {"requestedAt": "2026-01-02T03:04:05Z"}},
    {"phase": "COMPLETED", "isTerminal": True, "succeededIndexes": "0-2"},
    {"phase": "ARCHIVED", "isTerminal": True},
    {"restarts": "unreadable"},
]
SPECS: list[dict[str, Any]] = [
    {"cases": LISTED},
    {"cases": LISTED, "parallelism": 7},
    {"cases": LISTED, "cancel": True},
    {"cases": LISTED, "ttlSecondsAfterFinished": 5},
    {"cases": LISTED, "fieldOfTomorrow": 1},
    {"cases": LISTED, "parallelism": "unreadable"},
    {"cases": {}},
]
EVENTS = st.lists(
    st.tuples(st.sampled_from(STATUSES), st.sampled_from(SPECS), st.sampled_from([{}, {"simjob.dev/note": "x"}])),
    min_size=1,
    max_size=8,
)


def states(events: list[tuple[Any, dict[str, Any], dict[str, str]]]) -> list[dict[str, Any]]:
    """Make the object's states as the API server does: the generation grows with each change of the spec."""
    generation, before, found = 0, None, []
    for version, (status, spec, annotations) in enumerate(events, start=1):
        generation, before = generation + (spec != before), spec
        metadata = {"resourceVersion": str(version), "generation": generation, "annotations": annotations}
        found.append(a_job_dict(metadata=metadata, status=status, **spec))
    return found


def read_as_a_whole(raw: dict[str, Any]) -> SimulationJob | Invalid:
    job = simulationjob.parse(raw)
    if isinstance(job, Invalid):
        return simulationjob.parse(finishedcopy.without_cases(raw))
    return finishedcopy.summary(job) if job.status.is_over else job


@given(events=EVENTS)
def test_a_cached_spec_equals_a_freshly_read_one(events: list[Any]) -> None:
    store = a_store()
    for raw in states(events):
        store.seen(raw)
        assert store.get(KEY) == read_as_a_whole(raw)


def test_a_status_change_does_not_read_the_spec_again(monkeypatch: pytest.MonkeyPatch) -> None:
    store = a_store()
    first, second = states([(None, SPECS[0], {}), (STATUSES[1], SPECS[0], {})])
    store.seen(first)
    known = store.get(KEY)
    store.seen(second)
    job = store.get(KEY)
    assert isinstance(known, SimulationJob)
    assert isinstance(job, SimulationJob)
    assert job.spec is known.spec
    assert job.status.phase is Phase.RUNNING


def test_the_operators_own_last_write_leaves_a_summary() -> None:
    store = a_store()
    store.seen(states([(STATUSES[1], SPECS[0], {})])[0])
    store.wrote(KEY, Status(phase=Phase.COMPLETED, is_terminal=True), "9")
    job = store.get(KEY)
    assert isinstance(job, SimulationJob)
    assert job.spec.cases is not None
    assert (job.spec.cases.list, job.spec.cases.total) == (None, 3)
