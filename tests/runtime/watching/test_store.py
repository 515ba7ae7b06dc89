from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from given.builders import NOW, UID, a_job_dict, a_job_fact, a_pod_fact
from simjob.api.outcomes import Outcomes
from simjob.api.simulationjob import Invalid, SimulationJob
from simjob.api.status import Phase, Status
from simjob.api.sweep.ranges import Ranges
from simjob.core.facts.apiobjects import Job, Pod
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodFact
from simjob.runtime.client.key import Key
from simjob.runtime.watching.sinks import JobSink, PodSink
from simjob.runtime.watching.store import Store
from simjob.runtime.watching.workqueue import WorkQueue
from worlds.virtualtime import VirtualTimeLoop

LOOP = VirtualTimeLoop
KEY = Key("default", UID)
OTHER = Key("default", "another")


def a_store(queue: WorkQueue | None = None) -> Store:
    return Store(WorkQueue() if queue is None else queue, lambda: NOW)


def sweep(version: int = 1, *, status: dict[str, Any] | None = None, **keywords: Any) -> dict[str, Any]:
    metadata = {"resourceVersion": str(version), "generation": version, **keywords.pop("metadata", {})}
    return a_job_dict(metadata=metadata, status=status, **keywords)


def children(store: Store) -> tuple[list[JobFact], list[PodFact]]:
    cases = store.observe(KEY, spent=None, refusal=None).cases
    return [case.job for case in cases if case.job], [pod for case in cases for pod in case.pods]


class TestVersions:
    def test_the_newest_version_of_a_simulationjob_is_kept(self) -> None:
        store = a_store()
        for version, parallelism in [(5, 5), (4, 4), (10, 10), (9, 9)]:
            store.seen(sweep(version, parallelism=parallelism))
        known = store.get(KEY)
        assert isinstance(known, SimulationJob)
        assert known.spec.parallelism == 10
        assert known.metadata.resource_version == "10"

    def test_the_newest_version_of_a_job_and_a_pod_is_kept(self) -> None:
        store = a_store()
        for version in (9, 10, 2):
            store.put_job(a_job_fact(0, version=version, attempt=version))
            store.put_pod(a_pod_fact(0, version=version, reason=str(version)))
        (job,), (pod,) = children(store)
        assert (job.attempt, pod.reason) == (10, "10")

    def test_the_operators_own_writes_are_known_before_the_watch_reports_them(self) -> None:
        store = a_store()
        store.seen(sweep(5))
        store.wrote(KEY, Status(phase=Phase.RUNNING), "6")
        store.seen(sweep(5))
        known = store.get(KEY)
        assert isinstance(known, SimulationJob)
        assert (known.status.phase, known.metadata.resource_version) == (Phase.RUNNING, "6")

    def test_an_answer_does_not_hide_an_earlier_change_from_the_watch(self) -> None:
        store = a_store()
        store.seen(sweep(7, cancel=True))
        store.wrote(KEY, Status(phase=Phase.RUNNING), "6")
        known = store.get(KEY)
        assert isinstance(known, SimulationJob)
        assert (known.spec.cancel, known.metadata.resource_version) == (True, "7")

    def test_the_answer_for_an_unreadable_simulationjob_is_kept(self) -> None:
        store = a_store()
        store.seen(sweep(5, cases={}))
        store.wrote(KEY, Status(phase=Phase.FAILED), "6")
        known = store.get(KEY)
        assert isinstance(known, Invalid)
        assert known.status is not None
        assert (known.status.phase, known.metadata.resource_version) == (Phase.FAILED, "6")


class TestLanes:
    async def lane(self, *keys_in_order: Key, queue: WorkQueue) -> None:
        assert [await queue.get() for _ in keys_in_order] == list(keys_in_order)
        assert len(queue) == 0

    @pytest.mark.parametrize(
        "change",
        [
            {"cancel": True},
            {"metadata": {"deletionTimestamp": "2026-01-02T03:04:05Z"}},
            {"metadata": {"annotations": {"simjob.dev/cancel-requested-by": "anna"}}},
            {"cases": {}, "cancel": True},
            {"cancelCases": "0"},
            {"status": {"cancellingIndexes": "0"}},
        ],
    )
    async def test_a_cancel_and_a_deletion_are_urgent(self, change: dict[str, Any]) -> None:
        queue = WorkQueue()
        store = a_store(queue)
        store.put_job(a_job_fact(0, owner_uid=OTHER.uid))
        store.seen(sweep(**change))
        await self.lane(KEY, OTHER, queue=queue)

    async def test_changes_of_a_cancelled_jobs_children_are_urgent(self) -> None:
        queue = WorkQueue()
        store = a_store(queue)
        store.seen(sweep(status={"cancellation": {"requestedAt": "2026-01-02T03:04:05Z"}}))
        await queue.get()
        queue.done(KEY)
        store.put_job(a_job_fact(0, owner_uid=OTHER.uid))
        store.put_pod(a_pod_fact(0))
        await self.lane(KEY, OTHER, queue=queue)

    async def test_cleanup_after_a_cancel_is_not_urgent(self) -> None:
        queue = WorkQueue()
        store = a_store(queue)
        latch = {"requestedAt": "2026-01-02T03:04:05Z"}
        store.seen(sweep(status={"cancellation": latch, "phase": "CANCELLED", "isTerminal": True}))
        await queue.get()
        queue.done(KEY)
        store.put_job(a_job_fact(0, owner_uid=OTHER.uid))
        store.put_job(a_job_fact(0))
        await self.lane(OTHER, KEY, queue=queue)

    async def test_other_changes_are_not_urgent_and_repeated_states_wake_no_worker(self) -> None:
        queue = WorkQueue()
        store = a_store(queue)
        store.put_job(a_job_fact(0, owner_uid=OTHER.uid))
        store.seen(sweep())
        await self.lane(OTHER, KEY, queue=queue)
        queue.done(KEY)
        store.seen(sweep())
        store.job_deleted(a_job_fact(5))
        assert len(queue) == 0


class TestGone:
    def test_a_late_event_does_not_restore_a_deleted_simulationjob(self) -> None:
        store = a_store()
        store.seen(sweep())
        store.deleted(sweep())
        store.seen(sweep(9))
        assert store.get(KEY) is None
        assert store.is_gone(KEY)

    def test_children_of_a_deleted_simulationjob_are_known_until_the_last_is_gone(self) -> None:
        store = a_store()
        store.put_job(a_job_fact(0))
        store.put_pod(a_pod_fact(0))
        store.deleted(sweep())
        store.job_deleted(a_job_fact(0))
        assert store.has_children(KEY)
        store.pod_deleted(a_pod_fact(0, version=2))
        assert not store.has_children(KEY)
        store.drop(KEY)
        assert (store.get(KEY), store.is_gone(KEY)) == (None, False)

    def test_the_owner_of_children_is_known_from_their_jobs(self) -> None:
        store = a_store()
        assert store.owner_name(KEY) is None
        store.put_job(a_job_fact(0))
        assert store.owner_name(KEY) == "sweep"


@pytest.mark.parametrize(
    ("keywords", "forbidden"),
    [
        ({}, False),
        ({"cancel": True}, True),
        ({"suspend": True}, True),
        ({"metadata": {"deletionTimestamp": "2026-01-02T03:04:05Z"}}, True),
        ({"status": {"cancellation": {"requestedAt": "2026-01-02T03:04:05Z"}}}, True),
        ({"cases": {}}, True),
        # What is asked for is to be latched first; from then on no plan makes anything of these cases.
        ({"cancelCases": "1"}, True),
        ({"cancelCases": "7"}, False),
        ({"cancelCases": "0-1", "status": {"cancelledIndexes": "0"}}, True),
        ({"cancelCases": "0-1", "status": {"cancelledIndexes": "0", "cancellingIndexes": "1"}}, False),
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


def test_sinks_read_only_our_objects() -> None:
    times: list[datetime] = [NOW, NOW, NOW + timedelta(seconds=5)]
    store = a_store()
    pods, jobs = PodSink(store, lambda: times.pop(0)), JobSink(store)
    labels = {"simjob.dev/uid": UID, "simjob.dev/index": "0", "simjob.dev/attempt": "0", "simjob.dev/restarts": "0"}
    name = "sweep-0b0c4fd2-0-0"
    sweeps = {
        "apiVersion": "simjob.dev/v1beta1",
        "kind": "SimulationJob",
        "name": "sweep",
        "uid": UID,
        "controller": True,
    }
    jobs_ = {"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": "j", "controller": True}
    meta = {"name": name, "namespace": "default", "uid": "j", "labels": labels, "ownerReferences": [sweeps]}
    ours = {"spec": {"managedBy": "simjob.dev/operator"}}
    finished = {"conditions": [{"type": "Complete", "status": "True"}]}
    job = msgspec.convert({"metadata": meta, **ours, "status": finished}, Job)
    own = {"name": f"{name}-0", "uid": "u", "ownerReferences": [jobs_], "deletionTimestamp": "2026-01-02T03:05:00Z"}
    pod = msgspec.convert({"metadata": meta | own, "status": {"phase": "Running"}}, Pod)
    jobs.upsert(job)
    jobs.upsert(msgspec.convert({"metadata": meta | {"uid": "k", "name": "a-copy"}, **ours}, Job))
    jobs.upsert(msgspec.convert({"metadata": meta | {"uid": "n"}}, Job))
    pods.upsert(msgspec.convert({"metadata": meta | own | {"uid": "v", "name": "a-copy"}}, Pod))
    pods.upsert(pod)
    (found,) = children(store)[1]
    pods.delete(pod)
    (last,) = children(store)[1]
    assert (found.seen_at, last) == (NOW, replace(found, gone=True, gone_at=NOW)), (
        "its state is as old as its first sight"
    )
    gone = meta | {"deletionTimestamp": "2026-01-02T03:05:00Z"}
    jobs.delete(msgspec.convert({"metadata": gone, **ours, "status": finished}, Job))
    assert children(store) == ([], [])
