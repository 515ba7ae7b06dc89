from datetime import datetime

import pytest
from given.builders import CREATED, NOW, a_job_fact, a_pod_fact, a_started_job, planned
from simjob.core.plan import CreateCase, DeleteJob, DeletePod
from simjob.core.stopping.stop import HEAD_START, OTHERS_FIRST


@pytest.mark.parametrize(
    "deletion",
    [pytest.param(NOW, id="deleted just now"), pytest.param(NOW - OTHERS_FIRST, id="deleted five minutes ago")],
)
def test_job_deletions_of_a_deleted_sweep_wait_up_to_five_minutes_for_stopping_pods_of_others(
    deletion: datetime,
) -> None:
    job = a_started_job(metadata={"deletionTimestamp": deletion.isoformat()})
    plan = planned(job, a_job_fact(0), last_stop=NOW)
    if deletion < NOW:
        assert plan.actions == (DeleteJob(job=a_job_fact(0)),)
    else:
        assert (plan.actions, plan.look_again) == ((), NOW + HEAD_START)


def test_a_deleted_simulationjob_has_all_its_children_deleted() -> None:
    job = a_started_job(metadata={"deletionTimestamp": CREATED}, status={"succeededIndexes": "0"}, cancel=True)
    plan = planned(job, a_job_fact(0, succeeded=True), a_job_fact(1), a_pod_fact(1), a_job_fact(2, terminating=True))
    assert plan.actions == (DeletePod(pod=a_pod_fact(1)), DeleteJob(job=a_job_fact(0, succeeded=True)))
    assert plan.status is None
    assert not [action for action in planned(job).actions if isinstance(action, CreateCase)]
