import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from given.builders import NOW, a_job_dict
from simjob.core.facts import lastattempt
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodFact, PodState
from simjob.core.plan import CountAttempt, DeleteJob, DeletePod, StartAttempt, WriteJobStatus
from simjob.runtime.client.errors import ConflictError, UnavailableError
from simjob.runtime.client.key import Key
from simjob.runtime.client.requestbudget import Kind
from simjob.runtime.executing.passoutcome import PassOutcome
from simjob.runtime.watching.sinks import JobSink
from worlds.executing import Workbench, case
from worlds.oneoperator import OneOperator
from worlds.virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop


async def test_pods_are_deleted_before_anything_else() -> None:
    bench = Workbench()
    (one, pod), (two, _) = await bench.started(0), await bench.started(1)
    await bench.apply(case(2), DeleteJob(job=two), WriteJobStatus(job=one, status={"active": 1}), DeletePod(pod=pod))
    assert bench.cluster.calls[0] == "delete_pod"


async def test_the_actions_of_a_job_keep_their_order() -> None:
    bench = Workbench()
    job, _ = await bench.started()
    count = CountAttempt(job=job, attempt=1, failed=1, lost=0, seconds=0, not_before=NOW)
    await bench.apply(WriteJobStatus(job=job, status={"failed": 1}), count)
    assert bench.cluster.calls == ["write_job_status", "annotate_job"]
    fact = bench.observed[0].job
    assert (fact.attempt, fact.failed, fact.not_before, fact.status_failed) == (1, 1, NOW, 1)


async def test_counting_an_attempt_clears_the_previous_retry_time() -> None:
    bench = Workbench()
    job, _ = await bench.started()
    await bench.apply(CountAttempt(job=job, attempt=1, failed=1, lost=0, seconds=0, not_before=NOW))
    await bench.apply(CountAttempt(job=job, attempt=2, failed=1, lost=1, seconds=0, not_before=None))
    fact = bench.observed[0].job
    assert (fact.attempt, fact.lost, fact.not_before) == (2, 1, None)


async def test_one_write_counts_an_attempt_and_records_its_end() -> None:
    bench = Workbench()
    job, _ = await bench.started()
    last = lastattempt.ended(0, NOW, error_code="CASE_FAILED", exit_code=3, message="no licence")
    await bench.apply(CountAttempt(job=job, attempt=1, failed=1, lost=0, seconds=0, not_before=NOW, last=last))
    assert bench.cluster.calls == ["annotate_job"]
    assert bench.observed[0].job.last_attempt == last


async def test_job_status_writes_are_limited_and_do_not_delay_a_retry() -> None:
    bench = Workbench(cases={"count": 100}, parallelism=100)
    jobs = [(await bench.started(index))[0] for index in range(100)]
    write, under_way, most, done = bench.cluster.write_job_status, 0, 0, []

    async def slow_write(namespace: str, name: str, uid: str, status: Mapping[str, Any]) -> JobFact:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(1)
        under_way -= 1
        done.append(name)
        return await write(namespace, name, uid, status)

    bench.cluster.write_job_status = slow_write  # type: ignore[method-assign]
    last = jobs[-1]
    count = CountAttempt(job=last, attempt=1, failed=1, lost=0, seconds=0, not_before=NOW)
    told = [WriteJobStatus(job=job, status={"active": 1}) for job in jobs[:-1]]
    await bench.apply(*told, WriteJobStatus(job=last, status={"active": 0}), count)
    assert len(done) == 100
    assert 1 < most < 20
    assert last.name in done[:17]


async def test_status_writes_for_a_queue_do_not_stand_behind_housekeeping() -> None:
    bench = Workbench(cases={"count": 40}, parallelism=40)
    jobs = [(await bench.started(index))[0] for index in range(40)]
    write, done = bench.cluster.write_job_status, []

    async def slow_write(namespace: str, name: str, uid: str, status: Mapping[str, Any]) -> JobFact:
        await asyncio.sleep(1)
        done.append(name)
        return await write(namespace, name, uid, status)

    bench.cluster.write_job_status = slow_write  # type: ignore[method-assign]
    waited_for = replace(jobs[-1], queued=True)
    told = [WriteJobStatus(job=job, status={"active": 1}) for job in (*jobs[:-1], waited_for)]
    await bench.apply(*told)
    assert len(done) == 40
    assert waited_for.name in done[:2]


async def test_a_thousand_actions_need_no_more_tasks_than_slots() -> None:
    bench = Workbench()
    _, pod = await bench.started()
    most = 0

    async def slow_delete(namespace: str, name: str, uid: str) -> None:
        nonlocal most
        most = max(most, len(asyncio.all_tasks()))
        bench.cluster.calls.append("delete_pod")
        await asyncio.sleep(0.01)

    bench.cluster.delete_pod = slow_delete  # type: ignore[method-assign]
    await bench.apply(*(DeletePod(pod=pod) for _ in range(1000)))
    assert bench.cluster.calls == ["delete_pod"] * 1000
    assert most <= 5


async def test_a_defect_in_one_action_is_raised_after_the_others() -> None:
    bench = Workbench()
    _, pod = await bench.started()
    done: list[str] = []

    async def failing_delete(namespace: str, name: str, uid: str) -> None:
        if uid < "5":
            raise ValueError("a defect")
        done.append(uid)

    bench.cluster.delete_pod = failing_delete  # type: ignore[method-assign]
    with pytest.raises(ValueError, match="a defect"):
        await bench.apply(*(DeletePod(pod=replace(pod, uid=str(index))) for index in range(10)))
    assert done == ["5", "6", "7", "8", "9"]


async def test_a_retry_uses_a_creation_slot() -> None:
    bench = Workbench()
    jobs = [(await bench.started(index))[0] for index in range(3)]
    for pod in bench.names("pods"):
        bench.cluster.remove("pods", "default", pod)
    make, under_way, most = bench.cluster.create_pod, 0, 0

    async def slow_make(namespace: str, body: bytes) -> PodFact:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(1)
        under_way -= 1
        return await make(namespace, body)

    bench.cluster.create_pod = slow_make  # type: ignore[method-assign]
    await bench.apply(*(StartAttempt(job=job) for job in jobs))
    assert (len(bench.names("pods")), most) == (3, 2), "the limiter has two places"


async def test_a_jobs_ended_pods_are_deleted_with_it() -> None:
    bench = Workbench()
    job, pod = await bench.started()
    bench.cluster.end_pod("default", pod.name)
    bench.store.put_pod(await bench.cluster.get_pod("default", pod.name))
    await bench.apply(DeleteJob(job=job))
    assert (bench.names("jobs"), bench.names("pods")) == ([], [])


async def test_an_object_is_deleted_once_until_the_watch_reports_it() -> None:
    bench = Workbench()
    job, pod = await bench.started()
    await bench.apply(DeletePod(pod=pod), DeleteJob(job=job))
    (case,) = bench.observed
    assert case.job is not None
    assert case.job.terminating
    assert all(pod.terminating for pod in case.pods)


async def test_deleting_what_is_gone_is_success() -> None:
    bench = Workbench()
    job, pod = await bench.started()
    bench.cluster.remove("pods", "default", pod.name)
    bench.cluster.remove("jobs", "default", job.name)
    outcome = await bench.apply(DeletePod(pod=pod), DeleteJob(job=job), WriteJobStatus(job=job, status={"active": 1}))
    assert outcome.trouble is None


async def test_a_pod_of_the_same_name_with_another_uid_is_not_deleted() -> None:
    bench = Workbench()
    _, pod = await bench.started()
    await bench.apply(DeletePod(pod=replace(pod, uid="another")))
    assert bench.names("pods") == [pod.name]


async def test_a_pod_that_had_ended_when_it_was_deleted_keeps_its_outcome() -> None:
    bench = Workbench()
    _, pod = await bench.started()
    bench.cluster.set_pod("default", pod.name, node="n")
    bench.cluster.end_pod("default", pod.name)
    await bench.apply(DeletePod(pod=pod))
    (last,) = bench.observed[0].pods
    assert (last.state, last.stopped) == (PodState.SUCCEEDED, False)


async def test_an_object_that_someone_else_deleted_first_is_no_error() -> None:
    bench = Workbench()
    job, _ = await bench.started()
    bench.cluster.refuse("write_job_status", ConflictError("changed", code=409))
    assert (await bench.apply(WriteJobStatus(job=job, status={"active": 1}))).trouble is None


class TestStopSigns:
    async def test_a_cancel_during_a_pass_drops_actions_that_have_not_started(self) -> None:
        bench = Workbench()
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

    async def test_no_waiting_creation_is_sent_after_a_cancel(self) -> None:
        bench = Workbench()
        make = bench.cluster.create_job

        async def make_and_cancel(namespace: str, body: bytes) -> Any:
            await asyncio.sleep(0.1)
            bench.cluster.apply(a_job_dict(cancel=True))
            return await make(namespace, body)

        bench.cluster.create_job = make_and_cancel  # type: ignore[method-assign]
        outcome = await bench.apply(case(0), case(1), case(2))
        assert bench.cluster.calls == ["create_job", "create_job"], "two have a place, the third waits"
        assert outcome.overtaken

    async def test_a_cancel_does_not_wait_for_slots_of_other_jobs(self) -> None:
        bench = Workbench()
        loop = asyncio.get_running_loop()
        started = loop.time()
        async with bench.budget.place(Kind.CREATION, Key("other", "a")), bench.budget.place(Kind.CREATION, None):
            loop.call_later(1, bench.cluster.apply, a_job_dict(cancel=True))
            outcome = await bench.apply(case(0), case(1), case(2))
        assert bench.cluster.calls == []
        assert outcome.overtaken
        assert loop.time() - started <= 1.3

    async def test_a_pass_does_not_wait_for_slots_that_it_no_longer_needs(self) -> None:
        bench = Workbench()
        loop = asyncio.get_running_loop()
        async with bench.budget.place(Kind.CREATION, Key("other", "a")):
            started = loop.time()
            outcome = await bench.apply(case(0), case(1), case(2))
            assert loop.time() == started
        assert (len(bench.names("pods")), outcome.overtaken) == (3, False)

    async def test_a_cancelled_worker_frees_its_calls_and_slots(self) -> None:
        bench = Workbench()
        _, pod = await bench.started()

        async def hanging_delete(namespace: str, name: str, uid: str) -> None:
            await asyncio.sleep(100)
            bench.cluster.calls.append("delete_pod")

        bench.cluster.delete_pod = hanging_delete  # type: ignore[method-assign]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(bench.apply(*(DeletePod(pod=pod) for _ in range(10))), 1)
        await asyncio.sleep(200)
        assert bench.cluster.calls == []
        assert len(asyncio.all_tasks()) == 1
        for kind in Kind:
            async with asyncio.timeout(1), bench.budget.place(kind, None):
                pass

    async def test_only_a_stop_that_the_plan_did_not_know_ends_the_pass(self) -> None:
        bench = Workbench()
        job, _ = await bench.started()
        bench.cluster.apply(a_job_dict(suspend=True))
        knew = bench.store.view(bench.key).signs
        outcome = PassOutcome(gate=bench.gate)
        await bench.executor.apply(bench.key, bench.job, [WriteJobStatus(job=job, status={"active": 1})], outcome, knew)
        assert (bench.cluster.calls, outcome.overtaken) == (["write_job_status"], False)
        bench.cluster.apply(a_job_dict(suspend=True, cancel=True))
        await bench.executor.apply(bench.key, bench.job, [DeleteJob(job=job)], outcome, knew)
        assert (bench.cluster.calls, outcome.overtaken) == (["write_job_status"], True)


@pytest.mark.parametrize("unreadable", [0, 40])
async def test_a_missing_pod_is_not_deleted_again_on_every_event(one: OneOperator, unreadable: int) -> None:
    one.apply(cases={"count": 3})
    async with one.operator():
        first, second, third = one.pods()
        one.run_pods(first, second)
        await asyncio.sleep(3)
        # The watch of pods is behind, or refused.
        one.cluster.watch(JobSink(one.store), None, one.store)
        one.cluster.remove("pods", "default", third)
        one.cluster.refuse("get_pod", *[UnavailableError("no answer")] * unreadable)
        await one.patch(cancel=True)
        one.calls.clear()
        for _ in range(300):
            one.store.wake(next(iter(one.store._simulationjobs.keys())))
            await asyncio.sleep(0.1)
        assert len(one.times("delete_pod")) <= 10
        assert len(one.times("get_pod")) <= 15


async def test_cancelled_does_not_wait_for_the_watch_to_report_a_deletion(one: OneOperator) -> None:
    one.apply(cases={"count": 1})
    async with one.operator():
        (pod,) = one.pods()
        one.cluster.watch(JobSink(one.store), None, one.store)
        one.cluster.remove("pods", "default", pod)
        await one.patch(cancel=True)
        await asyncio.sleep(0.5)
        assert one.status["phase"] == "CANCELLED"
        assert (len(one.times("delete_pod")), len(one.times("get_pod"))) == (1, 1)
