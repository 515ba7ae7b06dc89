import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from builders import NOW, a_job_dict
from fakes import FakeCluster
from simjob.api import simulationjob
from simjob.api.simulationjob import SimulationJob
from simjob.core import children
from simjob.core.facts import JobFact, PodFact, PodState
from simjob.core.plan import (
    Action,
    CountAttempt,
    CreateCase,
    DeleteJob,
    DeletePod,
    LimitRun,
    StartAttempt,
    WriteJobStatus,
)
from simjob.runtime.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NamespaceTerminatingError,
    UnavailableError,
)
from simjob.runtime.executor import Executor, Outcome
from simjob.runtime.limiter import Limiter
from simjob.runtime.store import Store
from simjob.runtime.workqueue import Key, WorkQueue
from virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop


class Bench:
    """An executor whose store hears of nothing but SimulationJobs and the answers to its own calls."""

    def __init__(self, **spec: Any) -> None:
        self.cluster = FakeCluster(lambda: NOW)
        self.store = Store(WorkQueue(), lambda: NOW)
        self.cluster.watch(simulationjobs=self.store)
        raw = self.cluster.apply(a_job_dict(**spec))
        job = simulationjob.parse(raw)
        assert isinstance(job, SimulationJob)
        self.job = job
        self.key = Key("default", job.metadata.uid)
        self.executor = Executor(self.cluster, self.store, Limiter(2))

    async def apply(self, *actions: Action) -> Outcome:
        outcome = Outcome()
        await self.executor.apply(self.key, self.job, actions, outcome)
        return outcome

    async def started(self, index: int = 0) -> tuple[JobFact, PodFact]:
        await self.apply(CreateCase(index=index, round=0))
        case = next(case for case in self.observed if case.index == index)
        assert case.job is not None
        self.cluster.calls.clear()
        return case.job, case.pods[-1]

    @property
    def observed(self) -> Any:
        return self.store.observe(self.key, spent=None, refusal=None).cases

    def names(self, plural: str) -> list[str]:
        return sorted(raw["metadata"]["name"] for raw in self.cluster.objects(plural))

    def rendered(self, **labels: str) -> bytes:
        body = msgspec.json.decode(children.render_job(self.job, self.template, self.job.spec.case(0), 0))
        body["metadata"]["labels"] |= labels
        return msgspec.json.encode(body)

    @property
    def template(self) -> Mapping[str, Any]:
        return self.job.spec.template.to_api(as_given=True)


def case(index: int = 0) -> CreateCase:
    return CreateCase(index=index, round=0)


async def test_a_case_gets_its_job_and_then_its_pod() -> None:
    bench = Bench()
    outcome = await bench.apply(case(0), case(2))
    assert sorted(bench.cluster.calls) == ["create_job", "create_job", "create_pod", "create_pod"]
    assert (outcome.created, outcome.accepted, outcome.refusal, outcome.trouble) == ({0, 2}, True, None, None)
    assert [len(found.pods) for found in bench.observed] == [1, 1], "the answers are in the store at once"


async def test_pods_are_deleted_before_anything_else() -> None:
    bench = Bench()
    (one, pod), (two, _) = await bench.started(0), await bench.started(1)
    await bench.apply(case(2), DeleteJob(job=two), WriteJobStatus(job=one, status={"active": 1}), DeletePod(pod=pod))
    assert bench.cluster.calls[0] == "delete_pod"


async def test_the_actions_of_a_job_keep_their_order() -> None:
    bench = Bench()
    job, _ = await bench.started()
    count = CountAttempt(job=job, attempt=1, failed=1, lost=0, seconds=0, not_before=NOW)
    await bench.apply(WriteJobStatus(job=job, status={"failed": 1}), count)
    assert bench.cluster.calls == ["write_job_status", "annotate_job"]
    fact = bench.observed[0].job
    assert (fact.attempt, fact.failed, fact.not_before, fact.status_failed) == (1, 1, NOW, 1)


async def test_counting_takes_the_time_of_the_retry_before_away() -> None:
    bench = Bench()
    job, _ = await bench.started()
    await bench.apply(CountAttempt(job=job, attempt=1, failed=1, lost=0, seconds=0, not_before=NOW))
    await bench.apply(CountAttempt(job=job, attempt=2, failed=1, lost=1, seconds=0, not_before=None))
    fact = bench.observed[0].job
    assert (fact.attempt, fact.lost, fact.not_before) == (2, 1, None)


async def test_a_jobs_ended_pods_are_deleted_with_it() -> None:
    bench = Bench()
    job, pod = await bench.started()
    bench.cluster.end_pod("default", pod.name)
    bench.store.put_pod(await bench.cluster.get_pod("default", pod.name))
    await bench.apply(DeleteJob(job=job))
    assert (bench.names("jobs"), bench.names("pods")) == ([], [])


async def test_what_was_asked_to_go_is_not_asked_again_before_the_watch_tells() -> None:
    bench = Bench()
    job, pod = await bench.started()
    await bench.apply(DeletePod(pod=pod), DeleteJob(job=job))
    (case,) = bench.observed
    assert case.job is not None
    assert case.job.terminating
    assert all(pod.terminating for pod in case.pods)


async def test_a_deadline_that_is_refused_is_told_once_and_holds_nothing_up() -> None:
    bench = Bench()
    job, pod = await bench.started()
    bench.cluster.refuse("limit_pod", ForbiddenError("a policy", code=403))
    outcome = await bench.apply(LimitRun(pod=pod, seconds=10), WriteJobStatus(job=job, status={"active": 1}))
    assert bench.cluster.calls == ["limit_pod", "write_job_status"]
    assert outcome.trouble is None
    (told,) = outcome.notices
    assert (told.reason, told.warning) == ("DeadlineRefused", True)
    assert told.note == "case 0 may run longer than `runSeconds`: its pod's deadline is refused: a policy"
    assert (await bench.apply(LimitRun(pod=pod, seconds=10))).notices == ()


async def test_deleting_what_is_gone_is_success() -> None:
    bench = Bench()
    job, pod = await bench.started()
    bench.cluster.remove("pods", "default", pod.name)
    bench.cluster.remove("jobs", "default", job.name)
    outcome = await bench.apply(DeletePod(pod=pod), DeleteJob(job=job), WriteJobStatus(job=job, status={"active": 1}))
    assert outcome.trouble is None


async def test_a_pod_of_the_same_name_with_another_uid_is_not_deleted() -> None:
    bench = Bench()
    _, pod = await bench.started()
    await bench.apply(DeletePod(pod=replace(pod, uid="another")))
    assert bench.names("pods") == [pod.name]


class TestAlreadyThere:
    async def test_a_job_of_ours_is_gone_on_with(self) -> None:
        bench = Bench()
        await bench.cluster.create_job("default", bench.rendered())
        outcome = await bench.apply(case())
        assert (outcome.created, outcome.refusal) == ({0}, None)
        assert len(bench.names("pods")) == 1

    async def test_a_job_of_another_is_a_refusal(self) -> None:
        bench = Bench()
        await bench.cluster.create_job("default", bench.rendered(**{"simjob.dev/index": "2"}))
        outcome = await bench.apply(case())
        assert outcome.refusal is not None
        assert (outcome.refusal.kind, outcome.refusal.permanent) == ("Job", False)
        assert "is not ours" in outcome.refusal.message
        assert (outcome.created, bench.names("pods")) == (set(), [])

    async def test_a_pod_of_ours_is_success(self) -> None:
        bench = Bench()
        job, pod = await bench.started()
        outcome = await bench.apply(StartAttempt(job=job))
        assert (outcome.accepted, outcome.refusal, bench.names("pods")) == (True, None, [pod.name])

    async def test_a_pod_of_another_job_is_a_refusal(self) -> None:
        bench = Bench()
        bench.cluster.refuse("create_pod", UnavailableError("no answer"))
        await bench.apply(case())
        stored = await bench.cluster.get_job("default", bench.names("jobs")[0])
        await bench.cluster.create_pod("default", children.render_pod(replace(stored.fact, uid="x"), stored.template))
        outcome = await bench.apply(StartAttempt(job=stored.fact))
        assert outcome.refusal is not None
        assert (outcome.refusal.kind, outcome.refusal.permanent) == ("Pod", False)


class TestRefusals:
    @pytest.mark.parametrize(("call", "kind"), [("create_job", "Job"), ("create_pod", "Pod")])
    @pytest.mark.parametrize(
        ("error", "permanent"),
        [(ForbiddenError("exceeded quota", code=403), False), (InvalidError("bad", code=422), True)],
    )
    async def test_a_refusal_is_told_with_its_words(
        self, call: str, kind: str, error: ForbiddenError | InvalidError, permanent: bool
    ) -> None:
        bench = Bench()
        bench.cluster.refuse(call, error)
        outcome = await bench.apply(case(1))
        assert outcome.refusal is not None
        assert (outcome.refusal.index, outcome.refusal.kind, outcome.refusal.message, outcome.refusal.permanent) == (
            1,
            kind,
            error.message,
            permanent,
        )
        assert (outcome.trouble, outcome.accepted) == (None, False)
        assert outcome.created == (set() if kind == "Job" else {1})

    async def test_after_a_refusal_no_more_is_asked_for(self) -> None:
        bench = Bench(cases={"count": 500})
        bench.cluster.refuse("create_job", *[ForbiddenError("exceeded quota", code=403)] * 500)
        await bench.apply(*(case(index) for index in range(500)))
        assert len(bench.cluster.calls) <= 64

    async def test_a_namespace_that_goes_is_trouble_and_no_refusal(self) -> None:
        bench = Bench()
        bench.cluster.refuse("create_job", NamespaceTerminatingError("going", code=403))
        outcome = await bench.apply(case())
        assert outcome.refusal is None
        assert isinstance(outcome.trouble, NamespaceTerminatingError)

    async def test_a_call_without_an_answer_is_trouble_and_the_others_go_on(self) -> None:
        bench = Bench()
        bench.cluster.refuse("create_job", UnavailableError("no answer"))
        outcome = await bench.apply(case(0), case(1))
        assert isinstance(outcome.trouble, UnavailableError)
        assert outcome.created == {1}, "the other's name is asked for again"
        assert len(bench.names("pods")) == 1

    async def test_another_that_was_quicker_is_no_trouble(self) -> None:
        bench = Bench()
        job, _ = await bench.started()
        bench.cluster.refuse("write_job_status", ConflictError("changed", code=409))
        assert (await bench.apply(WriteJobStatus(job=job, status={"active": 1}))).trouble is None


class TestStopSigns:
    @pytest.mark.parametrize("change", [{"cancel": True}, {"suspend": True}])
    async def test_a_wish_to_stop_that_has_been_seen_stops_creations_that_were_planned(self, change: Any) -> None:
        bench = Bench()
        bench.cluster.apply(a_job_dict(**change))
        outcome = await bench.apply(case())
        assert (bench.cluster.calls, outcome.created) == ([], set())

    async def test_a_cancel_that_comes_meanwhile_ends_what_has_not_begun(self) -> None:
        bench = Bench()
        jobs = [(await bench.started(index))[0] for index in range(3)]
        write = bench.cluster.write_job_status

        async def write_and_cancel(namespace: str, name: str, uid: str, status: Mapping[str, Any]) -> JobFact:
            bench.cluster.apply(a_job_dict(cancel=True))
            return await write(namespace, name, uid, status)

        bench.cluster.write_job_status = write_and_cancel  # type: ignore[method-assign]
        await bench.apply(*(WriteJobStatus(job=job, status={"active": 1}) for job in jobs))
        assert bench.cluster.calls == ["write_job_status"]
        await bench.apply(*(DeleteJob(job=job) for job in jobs))
        assert bench.names("jobs") == [], "what the cancel itself asks for is done"

    async def test_no_creation_is_sent_after_a_cancel_was_seen_however_many_waited_for_their_turn(self) -> None:
        bench = Bench()
        make = bench.cluster.create_job

        async def make_and_cancel(namespace: str, body: bytes) -> Any:
            await asyncio.sleep(0.1)
            bench.cluster.apply(a_job_dict(cancel=True))
            return await make(namespace, body)

        bench.cluster.create_job = make_and_cancel  # type: ignore[method-assign]
        outcome = await bench.apply(case(0), case(1), case(2))
        assert bench.cluster.calls == ["create_job", "create_job"], "two have a place, the third waits"
        assert outcome.overtaken

    async def test_what_the_plan_knew_does_not_end_it_and_what_is_new_does(self) -> None:
        bench = Bench()
        job, _ = await bench.started()
        bench.cluster.apply(a_job_dict(suspend=True))
        knew = bench.store.stop_signs(bench.key)
        outcome = Outcome()
        await bench.executor.apply(bench.key, bench.job, [WriteJobStatus(job=job, status={"active": 1})], outcome, knew)
        assert (bench.cluster.calls, outcome.overtaken) == (["write_job_status"], False)
        bench.cluster.apply(a_job_dict(suspend=True, cancel=True))
        await bench.executor.apply(bench.key, bench.job, [DeleteJob(job=job)], outcome, knew)
        assert (bench.cluster.calls, outcome.overtaken) == (["write_job_status"], True)

    async def test_a_cancel_that_comes_between_job_and_pod_stops_the_pod(self) -> None:
        bench = Bench()
        make = bench.cluster.create_job

        async def make_and_cancel(namespace: str, body: bytes) -> Any:
            stored = await make(namespace, body)
            bench.cluster.apply(a_job_dict(cancel=True))
            await asyncio.sleep(0)
            return stored

        bench.cluster.create_job = make_and_cancel  # type: ignore[method-assign]
        await bench.apply(case())
        assert (len(bench.names("jobs")), bench.names("pods")) == (1, [])
        assert bench.observed[0].job is not None, "the Job in flight is known, and the next pass deletes it"

    async def test_a_job_that_its_queue_holds_gets_no_pod(self) -> None:
        bench = Bench()
        body = msgspec.json.decode(bench.rendered())
        await bench.cluster.create_job(
            "default", msgspec.json.encode(body | {"spec": body["spec"] | {"suspend": True}})
        )
        outcome = await bench.apply(case())
        assert (bench.names("pods"), outcome.accepted) == ([], True)
        await bench.apply(StartAttempt(job=bench.observed[0].job))
        assert bench.names("pods") == []

    async def test_an_attempt_that_was_counted_meanwhile_is_not_started(self) -> None:
        bench = Bench()
        job, pod = await bench.started()
        bench.cluster.remove("pods", "default", pod.name)
        await bench.cluster.annotate_job("default", job.name, job.uid, {"simjob.dev/attempt": "1"})
        await bench.apply(StartAttempt(job=job))
        assert bench.names("pods") == []


async def test_a_pod_that_had_ended_when_it_was_deleted_keeps_its_outcome() -> None:
    bench = Bench()
    _, pod = await bench.started()
    bench.cluster.set_pod("default", pod.name, node="n")
    bench.cluster.end_pod("default", pod.name)
    await bench.apply(DeletePod(pod=pod))
    (last,) = bench.observed[0].pods
    assert (last.state, last.stopped) == (PodState.SUCCEEDED, False)
