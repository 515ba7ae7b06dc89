import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from builders import NOW, UID, a_job_dict, a_template_dict
from fakes import FakeCluster
from simjob.api import names
from simjob.runtime import errors
from simjob.runtime.reconciler import Reconciler, run
from simjob.runtime.sinks import JobSink, PodSink
from simjob.runtime.store import Store
from simjob.runtime.workqueue import Key, WorkQueue
from virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop
QUOTA = errors.ForbiddenError("exceeded quota", code=403)


class Bench:
    """One operator on a cluster in memory; `calls` has the time of each call."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._start = self._loop.time()
        self.cluster = FakeCluster(self.clock)
        self.calls: list[tuple[float, str]] = []
        self.blind = False
        enter = self.cluster._enter

        def note(call: str) -> None:
            self.calls.append((self._loop.time() - self._start, call))
            enter(call)

        self.cluster._enter = note  # type: ignore[method-assign]

    def clock(self) -> datetime:
        return NOW + timedelta(seconds=self._loop.time() - self._start)

    @asynccontextmanager
    async def operator(self, *, sees_pods: bool = True) -> AsyncIterator[None]:
        """Runs an operator with an empty memory."""
        queue = WorkQueue(jitter=lambda: 0.0)
        self.store = Store(queue, self.clock)
        pods = PodSink(self.store, self.clock) if sees_pods else None
        self.cluster.watch(JobSink(self.store), pods, self.store)
        for raw in self.cluster.objects(names.PLURAL):
            self.store.seen(raw)
        worker = asyncio.create_task(run(Reconciler(self.cluster, self.store, queue, self.clock), 1))
        try:
            await asyncio.sleep(0.01)
            yield
        finally:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)

    async def patch(self, **spec: Any) -> None:
        self.cluster.apply({"metadata": {"namespace": "default", "name": "sweep"}, "spec": spec})
        await asyncio.sleep(0.01)

    def apply(self, **spec: Any) -> None:
        self.cluster.apply(a_job_dict(**spec))

    @property
    def status(self) -> dict[str, Any]:
        (raw,) = self.cluster.objects(names.PLURAL)
        status: dict[str, Any] = raw.get("status", {})
        return status

    def pods(self) -> list[str]:
        return sorted(raw["metadata"]["name"] for raw in self.cluster.objects("pods"))

    def times(self, call: str) -> list[float]:
        return [round(time, 1) for time, name in self.calls if name == call]


@pytest.fixture
async def bench() -> Bench:
    return Bench()


async def test_the_status_is_written_before_anything_is_made(bench: Bench) -> None:
    bench.apply(cases={"count": 2})
    async with bench.operator():
        assert [call for _, call in bench.calls][:2] == ["patch_simulationjob_status", "create_event"]
        assert bench.status["startTime"]
        assert len(bench.pods()) == 2


async def test_counts_are_written_once_a_second_and_a_phase_at_once(bench: Bench) -> None:
    bench.apply(cases={"count": 30}, parallelism=30)
    async with bench.operator():
        for number, name in enumerate(bench.pods()):
            bench.cluster.set_pod("default", name, node="node-1")
            bench.cluster.set_pod("default", name, phase="Running")
            await asyncio.sleep(0.1)
            if number == 0:
                assert bench.status["phase"] == "RUNNING"
        await asyncio.sleep(1)
        assert bench.status["cases"]["running"] == 30
        # Two phases at once, then the counts of three seconds.
        assert len(bench.times("patch_simulationjob_status")) <= 3 + 4


async def test_a_world_at_rest_is_left_in_peace(bench: Bench) -> None:
    bench.apply()
    async with bench.operator():
        for name in bench.pods():
            bench.cluster.set_pod("default", name, node="node-1", phase="Running")
        await asyncio.sleep(10)
        bench.calls.clear()
        await asyncio.sleep(600)
        assert bench.calls == []


async def test_after_a_conflict_the_newest_state_decides(bench: Bench) -> None:
    bench.apply()
    async with bench.operator():
        # The watch does not tell of the cancel; the refused write of a new phase does.
        bench.cluster.watch(JobSink(bench.store), PodSink(bench.store, bench.clock))
        await bench.patch(cancel=True)
        bench.cluster.set_pod("default", bench.pods()[0], node="node-1", phase="Running")
        await asyncio.sleep(1)
        assert bench.status["phase"] == "CANCELLING"
        assert bench.times("get_simulationjob")


async def test_a_status_that_others_change_time_and_again_is_tried_later(bench: Bench) -> None:
    bench.apply()
    bench.cluster.refuse("patch_simulationjob_status", *[errors.ConflictError("changed", code=409)] * 6)
    async with bench.operator():
        assert bench.times("patch_simulationjob_status") == [0.0] * 5
        await asyncio.sleep(1)
        assert bench.status["phase"] == "PENDING"


async def test_a_pod_that_the_watch_has_not_shown_keeps_cancelled_from_being_said(bench: Bench) -> None:
    bench.apply(cases={"count": 1})
    async with bench.operator():
        (pod,) = bench.pods()
        bench.cluster.set_pod("default", pod, node="node-1", phase="Running")
    await bench.patch(cancel=True)
    async with bench.operator(sees_pods=False):
        await asyncio.sleep(0.5)
        assert (bench.status["phase"], bench.status["cancellation"]["stopping"]) == ("CANCELLING", 1)
        bench.cluster.end_pod("default", pod, 143)
        bench.cluster.watch(JobSink(bench.store), PodSink(bench.store, bench.clock), bench.store)
        await asyncio.sleep(70)
        assert bench.status["phase"] == "CANCELLING", "the pod's end was not seen"
    async with bench.operator():
        await asyncio.sleep(1)
        assert bench.status["phase"] == "CANCELLED"


async def test_what_an_earlier_operator_made_is_read_before_the_first_plan(bench: Bench) -> None:
    bench.apply(cases={"count": 2})
    async with bench.operator():
        before = bench.pods()
    bench.calls.clear()
    async with bench.operator(sees_pods=False):
        await asyncio.sleep(5)
        assert [name for _, name in bench.calls][:2] == ["list_jobs", "list_pods"]
        assert bench.pods() == before


async def test_a_quota_is_probed_with_one_creation_and_growing_waits_and_then_all_goes_on(bench: Bench) -> None:
    bench.apply(cases={"count": 4}, parallelism=1)
    bench.cluster.refuse("create_pod", *[QUOTA] * 6)
    async with bench.operator():
        await asyncio.sleep(1)
        assert (bench.status["phase"], bench.status["reason"]) == ("PENDING", "PodRefused")
        assert "exceeded quota" in bench.status["message"]
        await asyncio.sleep(40)
        assert bench.times("create_pod") == [0.0, 1.0, 3.0, 7.0, 15.0, 25.0, 35.0]
        assert (bench.status["reason"], len(bench.pods())) == ("Accepted", 1)
        assert bench.times("create_job") == [0.0], "one Job waits, no more are made meanwhile"


async def test_a_refused_job_keeps_its_name_and_no_alarm_is_raised(bench: Bench) -> None:
    bench.apply(cases={"count": 4}, parallelism=2)
    bench.cluster.refuse("create_job", *[QUOTA] * 4)
    async with bench.operator():
        await asyncio.sleep(40)
        assert bench.status["round"] == 0
        assert len(bench.pods()) == 2
        assert {event.reason for event in bench.cluster.events} == {"JobRefused", "Accepted"}


async def test_a_big_sweep_waits_for_its_quota_in_silence(bench: Bench) -> None:
    bench.apply(cases={"count": 5000}, parallelism=1000)
    bench.cluster.refuse("create_job", *[QUOTA] * 2000)
    async with bench.operator():
        passes = 0
        observe = bench.store.observe

        def counted(*args: Any, **keywords: Any) -> Any:
            nonlocal passes
            passes += 1
            return observe(*args, **keywords)

        bench.store.observe = counted  # type: ignore[method-assign]
        await asyncio.sleep(30)
        assert passes < 20
        assert len(bench.times("create_job")) < 64 + 20


async def test_a_job_that_will_never_be_taken_fails_the_whole(bench: Bench) -> None:
    bench.apply(cases={"count": 3}, parallelism=1)
    bench.cluster.refuse("create_pod", errors.InvalidError("spec.nodeName: bad", code=422))
    async with bench.operator():
        await asyncio.sleep(2)
        assert (bench.status["phase"], bench.status["errorCode"]) == ("FAILED", "SUBMISSION_FAILED")
        assert bench.status["ledger"] == {"succeeded": "", "failed": "0", "cancelled": "1-2"}
        assert list(bench.cluster.objects("jobs")) == []


async def test_a_namespace_that_goes_is_left_in_peace(bench: Bench) -> None:
    bench.apply(cases={"count": 1})
    bench.cluster.refuse("create_job", *[errors.NamespaceTerminatingError("going", code=403)] * 100)
    async with bench.operator():
        await asyncio.sleep(20)
        assert bench.status["reason"] == "Accepted", "nothing is told to an object that goes too"
        assert bench.times("create_job") == [0.0, 0.0, 5.0, 10.0, 15.0, 20.0]


@pytest.mark.parametrize("call", ["patch_simulationjob_status", "create_job", "create_pod"])
async def test_a_cluster_that_does_not_answer_is_asked_less_and_less_often(bench: Bench, call: str) -> None:
    bench.apply(cases={"count": 1})
    bench.cluster.refuse(call, *[errors.UnavailableError("no answer")] * 8)
    async with bench.operator():
        await asyncio.sleep(60)
        assert len(bench.times(call)) <= 12
        assert (len(bench.pods()), bench.status["round"]) == (1, 0)
        assert {event.reason for event in bench.cluster.events} == {"Accepted"}, "no alarm is raised"


async def test_a_defect_in_one_pass_does_not_end_the_operator(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.apply(cases={"count": 1})
    bench.cluster.refuse("patch_simulationjob_status", ZeroDivisionError())
    async with bench.operator():
        await asyncio.sleep(1)
        assert len(bench.pods()) == 1
    assert "a defect of the operator; trying again" in caplog.messages


async def test_the_children_of_a_simulationjob_that_is_gone_are_removed(bench: Bench) -> None:
    bench.apply(cases={"count": 3})
    async with bench.operator():
        bench.cluster.remove(names.PLURAL, "default", "sweep")
        await asyncio.sleep(1)
        assert (bench.pods(), list(bench.cluster.objects("jobs"))) == ([], [])
        assert not bench.store.has_children(Key("default", UID))


async def test_so_are_those_of_one_that_went_while_the_operator_was_away(bench: Bench) -> None:
    bench.apply(cases={"count": 3})
    async with bench.operator():
        pass
    bench.cluster.remove(names.PLURAL, "default", "sweep")
    jobs, pods = list(bench.cluster.objects("jobs")), list(bench.cluster.objects("pods"))
    async with bench.operator():
        for raw in (*jobs, *pods):
            bench.cluster._tell("jobs" if raw in jobs else "pods", raw)
        await asyncio.sleep(1)
        assert (bench.pods(), list(bench.cluster.objects("jobs"))) == ([], [])


async def test_a_simulationjob_made_again_under_its_name_is_another(bench: Bench) -> None:
    bench.apply(cases={"count": 1})
    async with bench.operator():
        old = bench.pods()
        bench.cluster.remove(names.PLURAL, "default", "sweep")
        bench.apply(cases={"count": 1}, template=a_template_dict())
        await asyncio.sleep(1)
        assert len(bench.pods()) == 1
        assert bench.pods() != old


async def test_the_key_of_a_cancelled_job_is_forgotten_when_nothing_is_left(bench: Bench) -> None:
    bench.apply(cancel=True)
    async with bench.operator():
        await asyncio.sleep(1)
        assert bench.status["phase"] == "CANCELLED"
        assert bench.times("create_job") == []
        assert bench.store.get(Key("default", "nobody")) is None


async def test_a_job_that_ended_is_deleted_with_its_children_when_its_time_is_over(bench: Bench) -> None:
    bench.apply(cases={"count": 2}, ttlSecondsAfterFinished=60)
    async with bench.operator():
        for name in bench.pods():
            bench.cluster.end_pod("default", name)
        await asyncio.sleep(10)
        assert bench.status["phase"] == "COMPLETED"
        assert len(bench.pods()) == 2
        await asyncio.sleep(51)
        assert list(bench.cluster.objects(names.PLURAL)) == []
        assert (bench.pods(), list(bench.cluster.objects("jobs"))) == ([], [])
        assert len(bench.times("delete_simulationjob")) == 1


async def test_a_job_whose_time_was_made_longer_a_moment_ago_stays(bench: Bench) -> None:
    bench.apply(cases={"count": 1}, ttlSecondsAfterFinished=60)
    async with bench.operator():
        bench.cluster.end_pod("default", bench.pods()[0])
        await asyncio.sleep(10)
        # The watch does not tell of it before the time is over.
        bench.cluster.watch(JobSink(bench.store), PodSink(bench.store, bench.clock))
        await bench.patch(ttlSecondsAfterFinished=3600)
        await asyncio.sleep(55)
        assert len(bench.times("delete_simulationjob")) == 1
        assert bench.status["phase"] == "COMPLETED"
