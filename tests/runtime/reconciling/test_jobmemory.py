"""What a process remembers of its own calls for one job."""

import asyncio
from datetime import timedelta

import pytest
from given.builders import NOW, a_job_fact, a_pod_fact, observed
from simjob.api import names
from simjob.core.observed.refusedcreation import Refusal
from simjob.core.plan import DeleteJob, DeletePod, Plan, WriteJobStatus
from simjob.runtime.client.requestbudget import Budget
from simjob.runtime.executing import backoff
from simjob.runtime.executing.backoff import Backoffs
from simjob.runtime.executing.creationgate import Gate
from simjob.runtime.executing.passoutcome import PassOutcome
from simjob.runtime.reconciling.jobmemory import Memory
from simjob.runtime.reconciling.reconciler import Reconciler
from simjob.runtime.reconciling.workers import run
from simjob.runtime.store.store import Store
from simjob.runtime.store.workqueue import WorkQueue
from worlds.oneoperator import OneOperator
from worlds.virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop
JOB = a_job_fact(0)
TOLD = WriteJobStatus(job=JOB, status={"active": 1})
GONE = DeleteJob(job=JOB)
QUOTA = Refusal(index=1, kind="Job", message="exceeded quota", counts_objects=True)


def a_memory() -> Memory:
    return Memory(Backoffs(lambda failures: 10.0 * (failures + 1)), Gate(120))


def refused(memory: Memory, refusal: Refusal) -> None:
    with memory.gate.attempt(refusal.index) as attempt:
        assert attempt
        memory.gate.refused(attempt, refusal)


def outcome(memory: Memory, *, begun: bool = True, failed: bool = False) -> PassOutcome:
    call = {backoff.subject(TOLD)}
    return PassOutcome(gate=memory.gate, begun=call if begun else set(), failed=call if failed else set())


class TestCalls:
    async def test_a_failed_call_backs_off_and_a_successful_one_is_forgotten(self) -> None:
        memory = a_memory()
        memory.note_calls([TOLD], outcome(memory, failed=True))
        assert memory.permitted((TOLD,)) == ()
        await asyncio.sleep(10)
        assert memory.permitted((TOLD,)) == (TOLD,)
        memory.note_calls([TOLD], outcome(memory))
        assert memory.calls.failures(JOB.uid) == 0

    async def test_a_call_that_never_started_has_not_succeeded(self) -> None:
        memory = a_memory()
        memory.note_calls([TOLD], outcome(memory, failed=True))
        memory.note_calls([TOLD], outcome(memory, begun=False))
        assert (memory.calls.failures(JOB.uid), memory.permitted((TOLD,))) == (1, ())


class TestRoom:
    @pytest.mark.parametrize(
        ("begun", "failed", "made"),
        [
            pytest.param(True, False, True, id="a deletion that was completed"),
            pytest.param(True, True, False, id="a deletion that failed"),
            pytest.param(False, False, False, id="a deletion that never started"),
        ],
    )
    async def test_only_a_completed_deletion_makes_room(self, begun: bool, failed: bool, made: bool) -> None:
        memory = a_memory()
        refused(memory, QUOTA)
        memory.note_room([GONE], outcome(memory, begun=begun, failed=failed), NOW)
        assert memory.gate.refusal
        assert (memory.gate.refusal.room_made_at == NOW, memory.gate.refusal.rooms_made) == (made, int(made))

    async def test_other_calls_make_no_room(self) -> None:
        memory = a_memory()
        refused(memory, QUOTA)
        memory.note_room([TOLD], outcome(memory), NOW)
        assert memory.gate.refusal == QUOTA

    async def test_the_count_of_deletions_for_room_resets_at_the_next_creation(self) -> None:
        memory = a_memory()
        for times in (1, 2, 3):
            refused(memory, QUOTA)
            memory.note_room([GONE], outcome(memory), NOW)
            assert memory.gate.refusal
            assert memory.gate.refusal.rooms_made == times
            await asyncio.sleep(10)
        with memory.gate.attempt(1) as attempt:
            assert attempt
            memory.gate.accepted(attempt)
        refused(memory, QUOTA)
        assert memory.gate.refusal == QUOTA

    async def test_a_pod_that_ends_or_goes_makes_refused_creations_due(self) -> None:
        memory = a_memory()
        pod = a_pod_fact(job=JOB)
        refused(memory, QUOTA)
        memory.saw(observed(JOB, pod))
        assert memory.permitted((DeletePod(pod=pod),)) == (DeletePod(pod=pod),)
        with memory.gate.attempt(1) as attempt:
            assert attempt is None
        memory.saw(observed(JOB))
        with memory.gate.attempt(1) as attempt:
            assert attempt


class TestTheNextLook:
    def plan(self, seconds: float | None) -> Plan:
        return Plan(look_again=None if seconds is None else NOW + timedelta(seconds=seconds))

    async def test_without_a_waiting_call_the_plan_sets_the_next_look(self) -> None:
        memory = a_memory()
        assert [memory.until_look(self.plan(seconds), NOW) for seconds in (None, 0, 60)] == [None, 0.0, 60.0]

    async def test_a_refused_creation_limits_the_next_look(self) -> None:
        memory = a_memory()
        refused(memory, QUOTA)
        assert [memory.until_look(self.plan(seconds), NOW) for seconds in (None, 60)] == [1.0, 1.0]

    async def test_a_refused_deadline_limits_the_next_look(self) -> None:
        memory = a_memory()
        result = outcome(memory)
        result.look_again(asyncio.get_running_loop().time() + 10)
        memory.note_calls([TOLD], result)
        assert [memory.until_look(self.plan(seconds), NOW) for seconds in (None, 5, 60)] == [10.0, 5.0, 10.0]
        memory.note_calls([TOLD], outcome(memory))
        assert memory.until_look(self.plan(60), NOW) == 60.0


class TestStatus:
    async def test_status_is_written_at_most_once_a_second(self) -> None:
        memory = a_memory()
        memory.wrote()
        assert memory.until_write() == 1.0
        await asyncio.sleep(1)
        assert memory.until_write() == 0.0

    async def test_the_first_write_of_a_cancel_skips_the_back_off(self) -> None:
        memory = a_memory()
        memory.status_failed(latches=False)
        assert memory.holds_status(latches=False)
        assert not memory.holds_status(latches=True)
        memory.status_failed(latches=True)
        assert memory.holds_status(latches=True)


async def test_an_ended_job_leaves_no_memory(one: OneOperator) -> None:
    one.apply(cases={"count": 2}, cancel=True)
    queue = WorkQueue(jitter=lambda: 0.0)
    store = Store(queue, one.clock)
    one.cluster.watch(simulationjobs=store)
    for raw in one.cluster.objects(names.PLURAL):
        store.seen(raw)
    reconciler = Reconciler(one.cluster, store, queue, one.clock, Budget(4), stopwatch=lambda: 0.0)
    worker = asyncio.create_task(run(reconciler, 1))
    await asyncio.sleep(30)
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    assert one.status["phase"] == "CANCELLED"
    assert reconciler._memories == {}
