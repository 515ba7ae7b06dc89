from dataclasses import replace
from datetime import datetime, timedelta

import msgspec
from given.builders import NOW, UID, a_job_dict, a_job_fact, a_pod_fact
from simjob.api.simulationjob import Invalid, SimulationJob
from simjob.api.status import Phase, Status
from simjob.core.facts.apiobjects import Job, Pod
from simjob.runtime.store.workqueue import WorkQueue
from simjob.runtime.watching.sinks import JobSink, PodSink
from worlds.stores import KEY, a_store, children, sweep


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


class TestAFollower:
    """Nobody takes keys from its queue."""

    def test_keys_of_deleted_simulationjobs_do_not_pile_up(self) -> None:
        queue = WorkQueue()
        store = a_store(queue)
        for index in range(50):
            raw = a_job_dict(metadata={"uid": f"uid-{index}"})
            store.seen(raw)
            store.deleted(raw)
        store.seen(a_job_dict())
        store.tidy(leading=False)
        assert len(queue) == 1

    def test_a_leader_keeps_the_keys_of_deleted_simulationjobs(self) -> None:
        queue = WorkQueue()
        store = a_store(queue)
        store.seen(a_job_dict())
        store.deleted(a_job_dict())
        store.tidy(leading=True)
        assert len(queue) == 1

    def test_a_new_leader_visits_every_known_key(self) -> None:
        queue = WorkQueue()
        store = a_store(queue)
        store.seen(a_job_dict())
        queue.keep(set())
        store.wake_all()
        assert len(queue) == 1
