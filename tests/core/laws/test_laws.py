"""What holds in every world: plan() also judges impossible ones, and a stopped operator changes no end."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from given.builders import NOW, a_job, a_job_fact, a_pod_fact, observed
from given.outcomes import FIELDS, as_fields, outcomes_of
from given.scenario import Deed, Fault, World
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from simjob.api import names
from simjob.api.simulationjob import SimulationJob
from simjob.api.sweep.ranges import Ranges
from simjob.core import planner
from simjob.core.facts import lastattempt
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodFact, PodState
from simjob.core.observed.children import observe
from simjob.core.observed.refusedcreation import Refusal
from worlds.kubelet import FOREVER

TOTAL = 4

# One case succeeds at once, one at its second attempt, one never.
SCRIPT = ((0,), (1, 0), (1, 1))
SPEC = {"retries": {"limit": 1}, "history": {"succeededCases": 1, "failedCases": 0}}

bounded = settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))

indexes = st.integers(0, TOTAL + 1)
small = st.integers(0, 3)
times = st.one_of(st.none(), st.integers(-700, 700).map(lambda seconds: NOW + timedelta(seconds=seconds)))
job_facts = st.builds(
    lambda index, number, **fact: a_job_fact(index, restarts=number, **fact),
    indexes,
    small,
    attempt=small,
    failed=small,
    lost=small,
    disruptions=st.sampled_from([0, 1, 9, 10, 100]),
    not_before=times,
    error_code=st.sampled_from(["", "", "START_TIMEOUT"]),
    last_attempt=st.one_of(st.none(), small.map(lambda number: lastattempt.ended(number, NOW, exit_code=1))),
    suspended=st.booleans(),
    says_suspended=st.booleans(),
    queued=st.booleans(),
    terminating=st.booleans(),
    started=times,
    active=small,
    ready=small,
    status_failed=small,
    succeeded=st.sampled_from([None, None, True, False]),
    finished_at=times,
)
pod_facts = st.builds(
    lambda job, attempt, **fact: a_pod_fact(job=job, attempt=attempt, **fact),
    st.one_of(job_facts, st.builds(a_job_fact, indexes)),
    small,
    state=st.sampled_from(PodState),
    terminating=st.booleans(),
    stopped=st.booleans(),
    disrupted=st.booleans(),
    over_limit=st.booleans(),
    labelled=st.booleans(),
    gone=st.booleans(),
    held=st.booleans(),
    by_kubelet=st.booleans(),
    over_at=times,
    last_end=times,
    container=st.sampled_from(["", "exporter"]),
    exit_code=st.sampled_from([None, 0, 1, 137]),
    reason=st.sampled_from(["", "Unschedulable", "SchedulingGated", "ErrImagePull", "Evicted", "DeadlineExceeded"]),
    created=times.map(lambda time: time or NOW),
    scheduled=times,
    accepted=times,
    started=times,
    finished=times,
    deadline=st.one_of(st.none(), small),
    grace=st.integers(0, 2**31 - 1),
    asked_at=times,
)
outcomes = st.fixed_dictionaries(
    {},
    optional={
        outcome: st.sets(indexes).map(lambda found: str(Ranges.of(found)))
        for outcome in ("succeeded", "failed", "cancelled", "cancelling")
    },
)
phases = st.sampled_from([None, "PENDING", "RUNNING", "SUSPENDED", "CANCELLING", "COMPLETED", "FAILED", "CANCELLED"])


bounds = st.fixed_dictionaries(
    {}, optional={f"{what}Seconds": st.integers(1, 300) for what in ("assign", "start", "run", "total")}
)
policies = st.sampled_from(["Continue", "CancelRemaining"])


@st.composite
def jobs(draw: st.DrawFn) -> SimulationJob:
    status: dict[str, Any] = {**as_fields(draw(outcomes)), "restarts": draw(small)}
    if phase := draw(phases):
        status |= {"phase": phase, "startTime": "2026-01-02T03:04:05Z"}
    if since := draw(times):
        queued = {"type": "Queued", "status": draw(st.sampled_from(["True", "False"])), "reason": "Any", "message": ""}
        status["conditions"] = [{**queued, "lastTransitionTime": since.isoformat()}]
        status["reason"] = draw(st.sampled_from(["Any", "Other"]))
    if draw(st.booleans()):
        status["cancellation"] = {"requestedAt": "2026-01-02T03:04:05Z"}
    metadata = {"deletionTimestamp": "2026-01-02T03:04:05Z"} if draw(st.integers(0, 9)) == 0 else {}
    return a_job(
        metadata=metadata,
        status=status,
        cases={"count": TOTAL},
        parallelism=draw(small),
        suspend=draw(st.booleans()),
        cancel=draw(st.sampled_from([None, False, True])),
        cancelCases=draw(st.sampled_from([None, None, "0", "1-2", "0-5"])),
        retries={
            "limit": draw(st.integers(0, 2)),
            "maxDisruptions": draw(st.sampled_from([0, 1, 10, 100])),
            "nonRetryableExitCodes": draw(st.sampled_from([[1], [2]])),
        },
        task=draw(st.sampled_from(["Batch", "Persistent"])),
        timeouts=draw(bounds),
        failurePolicy={"maxFailedCases": draw(small), "onExceeded": draw(policies)},
        history={"succeededCases": draw(small), "failedCases": draw(small)},
    )


Facts = tuple[list[JobFact], list[PodFact]]


worlds: st.SearchStrategy[Facts] = st.tuples(
    st.lists(job_facts, max_size=5, unique_by=lambda fact: fact.uid),
    st.lists(pod_facts, max_size=5, unique_by=lambda fact: fact.uid),
)
spents = st.one_of(st.none(), st.frozensets(indexes))
refusals = st.one_of(
    st.none(),
    st.builds(
        Refusal,
        index=st.integers(0, TOTAL - 1),
        kind=st.sampled_from(["Job", "Pod"]),
        message=st.just("no"),
        invalid=st.booleans(),
        lasted=st.booleans(),
        alone=st.booleans(),
        unavailable=st.booleans(),
    ),
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(jobs(), worlds, spents, refusals)
def test_every_world_has_a_plan_whose_counts_add_up(
    job: SimulationJob, world: Facts, spent: frozenset[int] | None, refusal: Refusal | None
) -> None:
    plan = planner.plan(job, observe(*world, spent=spent, refusal=refusal), NOW)
    assert planner.plan(job, observe(*world, spent=spent, refusal=refusal), NOW) == plan
    if plan.status is None or (job.status.phase and job.status.phase.is_terminal):
        return
    counts = plan.status.cases.to_api()
    assert (counts.pop("total"), sum(counts.values())) == (TOTAL, TOTAL)
    assert plan.status.is_terminal or plan.look_again, "an unfinished job is looked at again"


@bounded
@given(jobs(), worlds, st.randoms(use_true_random=False))
def test_the_order_of_observation_does_not_matter(job: SimulationJob, world: Facts, random: Any) -> None:
    jobs_there, pods_there = (list(world[0]), list(world[1]))
    random.shuffle(jobs_there)
    random.shuffle(pods_there)
    shuffled = observe(jobs_there, pods_there, spent=None)
    assert planner.plan(job, shuffled, NOW) == planner.plan(job, observe(*world, spent=None), NOW)


def end_of(world: World) -> dict[str, Any]:
    """What must be the same however the end was reached."""
    status = world.status
    failures = sorted((failure["index"], failure["exitCode"]) for failure in status["failures"])
    return {key: status.get(key) for key in ("phase", *FIELDS, "cases", "errorCode")} | {"failures": failures}


@pytest.fixture(scope="module")
def undisturbed() -> World:
    return World(script=SCRIPT, spec=SPEC).run()


def test_an_undisturbed_sweep_ends_as_its_cases_do(undisturbed: World) -> None:
    assert undisturbed.cluster.breaches == []
    assert outcomes_of(end_of(undisturbed)) == {"succeeded": "0-1", "failed": "2", "cancelled": ""}
    assert undisturbed.own_ends == {0: [0], 1: [1, 0], 2: [1, 1]}
    times = undisturbed.status["computeTime"]
    assert min(times["succeeded"]["wallSeconds"], times["failed"]["wallSeconds"]) >= 2, (
        "the oracles have compared times"
    )
    kept = [job["metadata"]["labels"][names.LABEL_INDEX] for job in undisturbed.cluster.objects("jobs")]
    assert len(kept) == 1, "one succeeded Job is kept for its logs, and no failed one"


@pytest.mark.parametrize(
    ("script", "spec", "phase"),
    [
        pytest.param(SCRIPT, SPEC, "FAILED", id="one case succeeds, one at its retry and one fails"),
        pytest.param(((0,), (0,)), {}, "COMPLETED", id="all cases succeed"),
        pytest.param(((0,), (0,)), {"cancel": True}, "CANCELLED", id="the job is cancelled"),
        pytest.param(((0,), (0,)), {"cancelCases": "0-1"}, "CANCELLED", id="all cases are cancelled"),
        pytest.param(((0,), (0,)), {"cancelCases": "1-7"}, "COMPLETED", id="the cancelled case does not exist"),
        pytest.param(
            ((0,), (FOREVER,), (0,)), {"cancelCases": "0"}, "RUNNING", id="one case is cancelled and one runs on"
        ),
        pytest.param(((0,), (0,)), {"suspend": True}, "SUSPENDED", id="the job is suspended"),
        pytest.param(
            ((0,), (0,)),
            {"suspend": True, "cancelCases": "1"},
            "SUSPENDED",
            id="the job is suspended and one case is cancelled",
        ),
        pytest.param(((0,), (0,)), {"parallelism": 0}, "PENDING", id="parallelism is zero"),
        pytest.param(((0,), (FOREVER,), (0,)), {}, "RUNNING", id="one case runs on"),
    ],
)
def test_a_world_at_rest_needs_no_action_and_no_status_write(
    script: tuple[tuple[int, ...], ...], spec: dict[str, Any], phase: str
) -> None:
    world = World(script=script, spec=spec, rests=phase).run()
    assert world.cluster.breaches == []
    job, plan = world.plan_again()
    assert (plan.actions, plan.notices, plan.status) == ((), (), job.status)


@pytest.mark.parametrize("fault", [Fault.DIE_BEFORE, Fault.DIE_AFTER])
def test_a_successor_reaches_the_same_end_wherever_the_operator_dies(undisturbed: World, fault: Fault) -> None:
    for number in range(1, undisturbed.writes + 1):
        world = World(script=SCRIPT, spec=SPEC, faults={number: fault}).run()
        assert (world.deaths, world.cluster.breaches) == (1, []), number
        assert end_of(world) == end_of(undisturbed), number
        assert world.own_ends == undisturbed.own_ends, f"a case ran more often than it should, {number}"


lags = st.tuples(*[st.sampled_from([0.0, 0.02, 0.3])] * 3)


@bounded
@given(st.dictionaries(st.integers(1, 30), st.sampled_from(Fault), max_size=3), lags)
# A wait of 1e-13 s was left at its time, and passes followed each other without end.
@example({4: Fault.DIE_AFTER, 21: Fault.DIE_AFTER, 27: Fault.FAIL_AFTER}, (0.3, 0.0, 0.02))
def test_errors_and_late_watches_do_not_change_the_end(
    faults: dict[int, Fault], lag: tuple[float, float, float]
) -> None:
    world = World(script=SCRIPT, spec=SPEC, faults=faults, lag=lag).run()
    assert world.cluster.breaches == []
    assert outcomes_of(end_of(world)) == {"succeeded": "0-1", "failed": "2", "cancelled": ""}
    assert world.own_ends == {0: [0], 1: [1, 0], 2: [1, 1]}


def remove_case(index: int) -> Deed:
    def deed(world: World) -> None:
        for plural in ("jobs", "pods"):
            for raw in list(world.cluster.objects(plural)):
                if raw["metadata"]["labels"][names.LABEL_INDEX] == str(index):
                    world.cluster.remove(plural, "default", raw["metadata"]["name"])

    return deed


@bounded
@given(st.integers(1, 25), st.sampled_from([Fault.DIE_BEFORE, Fault.DIE_AFTER]), st.integers(0, 2), st.integers(1, 2))
def test_no_name_is_used_twice_when_children_vanish_while_the_operator_is_down(
    number: int, fault: Fault, index: int, parallelism: int
) -> None:
    world = World(
        script=SCRIPT, spec=SPEC | {"parallelism": parallelism}, faults={number: fault}, away=remove_case(index)
    ).run()
    assert world.cluster.breaches == []
    assert world.status["cases"]["total"] == world.status["cases"]["succeeded"] + world.status["cases"]["failed"]


@pytest.mark.parametrize("death", [None, 6, 7, 8, 9, 10, 11, 12])
def test_a_resumed_sweep_uses_new_names(death: int | None) -> None:
    def suspend(world: World) -> None:
        world.cluster.unseen |= {"succeeded"}
        world.patch(suspend=True)
        world.after(8, lambda: world.patch(suspend=False))

    faults = {} if death is None else {death: Fault.DIE_AFTER}
    world = World(script=((0,), (0,), (0,)), people={4: suspend}, faults=faults).run()
    assert world.cluster.breaches == []
    assert (world.status["phase"], world.status["cases"]["succeeded"]) == ("COMPLETED", 3)
    assert world.own_ends == {0: [0], 1: [0], 2: [0]}


def test_an_unexpected_pod_does_not_break_the_plan() -> None:
    stranger = replace(a_pod_fact(0), index=99)
    plan = planner.plan(a_job(), observed(stranger), NOW)
    assert plan.status is not None
    assert plan.status.cases.pending == 3
