"""Jobs and pods as the store keeps them: the newest state, and the last one until it has been counted."""

from datetime import datetime
from typing import Any

import pytest
from given.builders import NOW, a_job_dict, a_job_fact, a_pod_fact
from simjob.api.outcomes import Outcomes
from simjob.api.status import Status
from simjob.api.sweep.ranges import Ranges
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodState
from worlds.stores import KEY, OTHER, a_store, children


def test_the_last_stop_of_any_sweep_counts_while_other_pods_stop() -> None:
    store = a_store()

    def last_stop() -> datetime | None:
        return store.view(KEY).observed().last_stop

    store.put_pod(a_pod_fact(0, owner_uid=OTHER.uid))
    store.put_pod(a_pod_fact(1, owner_uid=OTHER.uid, terminating=True))
    store.put_pod(a_pod_fact(2, owner_uid=OTHER.uid, terminating=True))
    assert last_stop() is None, "none has stopped"
    store.put_pod(a_pod_fact(1, owner_uid=OTHER.uid, version=2, terminating=True, state=PodState.FAILED))
    assert last_stop() == NOW
    store.pod_deleted(a_pod_fact(2, owner_uid=OTHER.uid, version=2, terminating=True))
    assert last_stop() is None, "none is left"


class TestEnds:
    def test_the_last_state_of_a_deleted_pod_counts(self) -> None:
        store = a_store()
        store.put_job(a_job_fact(0))
        store.put_pod(a_pod_fact(0))
        store.pod_deleted(a_pod_fact(0, version=2, state=PodState.SUCCEEDED))
        (pod,) = children(store)[1]
        assert (pod.state, pod.gone, pod.live) == (PodState.SUCCEEDED, True, False)

    def test_a_stop_is_remembered_until_the_pod_ends(self) -> None:
        store = a_store()
        store.put_job(a_job_fact(0))
        store.put_pod(a_pod_fact(0, terminating=True))
        store.pod_deleted(a_pod_fact(0, version=2, state=PodState.FAILED))
        assert children(store)[1][0].stopped

    def test_an_answer_after_the_end_is_dropped(self) -> None:
        store = a_store()
        store.job_deleted(a_job_fact(0))
        store.pod_deleted(a_pod_fact(0, version=2, state=PodState.FAILED))
        store.put_job(a_job_fact(0, version=99))
        store.put_pod(a_pod_fact(0, version=99))
        assert children(store) == ([], [])

    def test_the_first_report_of_an_end_is_kept(self) -> None:
        store = a_store()
        store.put_job(a_job_fact(0))
        store.pod_deleted(a_pod_fact(0, state=PodState.SUCCEEDED))
        store.pod_deleted(a_pod_fact(0, version=9))
        assert children(store)[1][0].state is PodState.SUCCEEDED

    @pytest.mark.parametrize(
        ("job", "outcomes", "kept"),
        [
            pytest.param(a_job_fact(0), Ranges(), True, id="its attempt is not counted"),
            pytest.param(a_job_fact(0, attempt=1), Ranges(), False, id="its attempt is counted on the Job"),
            pytest.param(a_job_fact(0), Ranges.of([0]), False, id="its case has an outcome"),
            pytest.param(None, Ranges(), True, id="its Job is gone"),
            pytest.param(None, Ranges.of([0]), False, id="its Job is gone and its case has an outcome"),
        ],
    )
    def test_a_last_state_is_kept_until_it_has_been_counted(
        self, job: JobFact | None, outcomes: Ranges, kept: bool
    ) -> None:
        store = a_store()
        store.seen(a_job_dict())
        store.wrote(KEY, Status().with_outcomes(Outcomes(succeeded=outcomes)), "2")
        if job:
            store.put_job(job)
        store.pod_deleted(a_pod_fact(0, state=PodState.SUCCEEDED))
        assert bool(children(store)[1]) is kept

    @pytest.mark.parametrize("pod", [{"state": PodState.FAILED}, {"state": PodState.SUCCEEDED, "stopped": True}])
    def test_without_its_job_only_a_success_is_kept(self, pod: dict[str, Any]) -> None:
        store = a_store()
        store.pod_deleted(a_pod_fact(0, **pod))
        assert children(store) == ([], [])

    def test_a_deleted_job_counts_as_terminating_at_once(self) -> None:
        store = a_store()
        job = a_job_fact(0)
        store.put_job(job)
        store.job_asked_to_go(job)
        ((known,), _) = children(store)
        assert known.terminating
        store.job_deleted(job)
        store.job_asked_to_go(job)
        assert children(store) == ([], [])

    def test_ended_pods_of_a_job_exclude_deleted_ones(self) -> None:
        store = a_store()
        job = a_job_fact(0, attempt=4)
        store.put_pod(a_pod_fact(job=job, attempt=3, state=PodState.FAILED, terminating=True))
        ended = a_pod_fact(job=job, attempt=0, state=PodState.FAILED)
        store.put_pod(ended)
        store.put_pod(a_pod_fact(job=job, attempt=1))
        store.pod_deleted(a_pod_fact(job=job, attempt=2, state=PodState.FAILED))
        store.put_pod(a_pod_fact(job=a_job_fact(0, restarts=1), attempt=3, state=PodState.FAILED))
        assert store.ended_pods(KEY, job.uid) == (ended,)
        assert store.ended_pods(OTHER, job.uid) == ()
