from datetime import timedelta
from typing import Any

import msgspec
import pytest
from given.builders import NOW, UID
from simjob.core.facts import jobs
from simjob.core.facts.apiobjects import Job
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.lastattempt import LastAttempt

LATER = NOW + timedelta(seconds=9)
JOB = "sweep-0b0c4fd2-7-1"
SWEEP = {"apiVersion": "simjob.dev/v1beta1", "kind": "SimulationJob", "name": "sweep", "uid": UID, "controller": True}


def job(*, meta: dict[str, Any] | None = None, suspend: bool = False, **status: Any) -> JobFact | None:
    raw = {
        "metadata": {
            "name": JOB,
            "uid": "job-uid",
            "labels": {"simjob.dev/uid": UID},
            "ownerReferences": [SWEEP],
            **(meta or {}),
        },
        "spec": {"suspend": suspend},
        "status": status,
    }
    return jobs.job_fact(msgspec.convert(raw, Job))


def job_fact(**keywords: Any) -> JobFact:
    found = job(**keywords)
    assert found is not None
    return found


def test_annotations_of_a_job_hold_its_attempts() -> None:
    notes = {
        "simjob.dev/attempt": "4",
        "simjob.dev/failed": "2",
        "simjob.dev/lost-in-a-row": "1",
        "simjob.dev/not-before": "2026-01-02T03:05:09Z",
        "simjob.dev/disruptions": "11",
        "simjob.dev/last-disruption": "Evicted: low on memory",
        "simjob.dev/last-attempt": '{"number":3,"endedAt":"2026-01-02T03:05:09Z","exitCode":137}',
    }
    found = job_fact(meta={"annotations": notes})
    assert (found.disruptions, found.last_disruption) == (11, "Evicted: low on memory")
    assert (found.index, found.restarts, found.attempt, found.failed, found.lost) == (7, 1, 4, 2, 1)
    assert found.not_before == LATER
    assert found.last_attempt == LastAttempt(number=3, ended_at=LATER, exit_code=137)


@pytest.mark.parametrize(
    ("conditions", "succeeded"),
    [
        pytest.param([], None, id="no condition"),
        pytest.param(
            [{"type": "SuccessCriteriaMet", "status": "True"}], None, id="the criteria are met but pods still terminate"
        ),
        pytest.param(
            [{"type": "Complete", "status": "True", "reason": "CompletionsReached"}], True, id="it is complete"
        ),
        pytest.param([{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}], False, id="it failed"),
        pytest.param([{"type": "Failed", "status": "False"}], None, id="a condition that is false"),
    ],
)
def test_a_job_has_finished_once_a_condition_says_so(conditions: list[dict[str, str]], succeeded: bool | None) -> None:
    found = job_fact(conditions=conditions)
    assert found.succeeded is succeeded
    assert bool(found.finish_reason) is (succeeded is not None)


@pytest.mark.parametrize(
    ("given", "queued"),
    [
        pytest.param({}, False, id="without a queue"),
        pytest.param({"suspend": True}, True, id="suspended now"),
        pytest.param({"conditions": [{"type": "Suspended", "status": "False"}]}, True, id="admitted earlier"),
    ],
)
def test_a_queue_may_hold_jobs_that_do_not_name_it(given: dict[str, Any], queued: bool) -> None:
    assert job_fact(**given).queued is queued


def test_a_job_that_names_a_queue_is_queued_before_it_is_suspended() -> None:
    labels = {"simjob.dev/uid": UID, "kueue.x-k8s.io/queue-name": "gpus"}
    assert job_fact(meta={"labels": labels}).queued


def test_a_job_suspended_by_its_queue_is_recognised() -> None:
    found = job_fact(suspend=True, conditions=[{"type": "Suspended", "status": "True"}])
    assert (found.suspended, found.says_suspended) == (True, True)
