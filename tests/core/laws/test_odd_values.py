"""Whatever clocks, exit codes and texts a cluster reports, a plan is made and its status can be stored."""

import re
from datetime import datetime
from typing import Any

import msgspec
import pytest
from given.builders import CREATED, NOW, UID, a_job_fact, a_started_job, planned, said
from hypothesis import given, settings
from hypothesis import strategies as st
from simjob.api.status import Status
from simjob.core.facts import jobs, lastattempt, pods
from simjob.core.facts.apiobjects import Job, Pod
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodFact

TIMES = ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", CREATED, "2262-04-12T00:00:00Z", "9999-12-31T23:59:59Z"]
EXIT_CODES = [-(2**31), -1, 0, 1, 137, 2**31 - 1]
TEXTS = ["", "Error", "\x00\x1b[31m\u2028\ufeff", "é" * 5000]
ZONES = ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", *TIMES]
STATUS = ("phase", "reason", "message", "startTime")
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")

times, texts = st.sampled_from(TIMES), st.sampled_from(TEXTS)
ends = st.fixed_dictionaries(
    {},
    optional={
        "exitCode": st.sampled_from(EXIT_CODES),
        "reason": texts,
        "message": texts,
        "startedAt": times,
        "finishedAt": times,
    },
)
any_pod = st.fixed_dictionaries(
    {"phase": st.sampled_from(["Pending", "Running", "Succeeded", "Failed"]), "end": ends},
    optional={
        "reason": st.sampled_from(["DeadlineExceeded", "Evicted", *TEXTS]),
        "message": texts,
        "startTime": times,
        "grace": st.sampled_from([-(2**63), -1, 0, 30, 2**63 - 1]),
        "deadline": st.sampled_from([1, 2**31 - 1]),
    },
)
annotations = st.fixed_dictionaries(
    {},
    optional={
        "simjob.dev/not-before": st.sampled_from(ZONES),
        "simjob.dev/failed": st.sampled_from(["1", "999999999", "-1", "x"]),
        "simjob.dev/seconds": st.sampled_from(["0", "999999999"]),
        "simjob.dev/case": texts,
    },
)


def a_pod(given: dict[str, Any], job: JobFact, attempt: int) -> PodFact:
    meta: dict[str, Any] = {
        "name": f"{job.name}-{attempt}",
        "uid": "pod-uid",
        "resourceVersion": "1",
        "labels": {"simjob.dev/uid": UID},
        "creationTimestamp": CREATED,
        "ownerReferences": [
            {"apiVersion": "batch/v1", "kind": "Job", "name": job.name, "uid": job.uid, "controller": True}
        ],
    }
    if "grace" in given:
        meta |= {"deletionTimestamp": CREATED, "deletionGracePeriodSeconds": given["grace"]}
    spec = {"containers": [{"name": "solver"}], "nodeName": "node-1"}
    if "deadline" in given:
        spec["activeDeadlineSeconds"] = given["deadline"]
    status: dict[str, Any] = {key: given[key] for key in STATUS if key in given}
    status["containerStatuses"] = [{"name": "solver", "state": {"terminated": given["end"]}}]
    found = pods.pod_fact(msgspec.convert({"metadata": meta, "spec": spec, "status": status}, Pod), NOW)
    assert found is not None
    return found


def a_job(given: dict[str, str], attempt: int) -> JobFact:
    fact = a_job_fact(0)
    owner = {"apiVersion": "simjob.dev/v1beta1", "kind": "SimulationJob", "name": "sweep", "uid": UID}
    meta = {
        "name": fact.name,
        "uid": fact.uid,
        "resourceVersion": "1",
        "creationTimestamp": CREATED,
        "annotations": {**given, "simjob.dev/attempt": str(attempt)},
        "ownerReferences": [{**owner, "controller": True}],
    }
    found = jobs.job_fact(msgspec.convert({"metadata": meta, "spec": {"managedBy": "simjob.dev/operator"}}, Job))
    assert found is not None
    return found


def assert_storable(status: Status) -> None:
    """Hold that the status is read back as it was, and has only times that the API server takes."""
    raw = status.to_api()
    assert Status.model_validate(raw).to_api() == raw
    for text in times_in(raw):
        assert RFC3339.fullmatch(text), text


def times_in(raw: Any, key: str = "") -> list[str]:
    if isinstance(raw, dict):
        return [text for name, value in raw.items() for text in times_in(value, name)]
    if isinstance(raw, list):
        return [text for value in raw for text in times_in(value, key)]
    return [raw] if key.endswith(("At", "Time")) else []


@settings(max_examples=150, deadline=None)
@given(
    any_pod,
    annotations,
    st.sampled_from([0, 1, 999_999_999]),
    st.sampled_from([0, 1]),
    st.sampled_from([{}, {"cancel": True}, {"suspend": True}, {"timeouts": {"runSeconds": 1, "startSeconds": 1}}]),
)
def test_any_values_of_a_cluster_lead_to_a_plan(
    pod: dict[str, Any], notes: dict[str, str], attempt: int, later: int, spec: dict[str, Any]
) -> None:
    job = a_job(notes, min(attempt + later, 999_999_999))
    status = {"cancellation": {"requestedAt": CREATED}} if spec.get("cancel") else {}
    plan = planned(a_started_job(status=status, **spec), job, a_pod(pod, job, attempt))
    assert_storable(said(plan))
    for action in plan.actions:
        if last := getattr(action, "last", None):
            assert lastattempt.read(lastattempt.write(last)) == last


@pytest.mark.parametrize("time", ZONES)
@pytest.mark.parametrize("exit_code", EXIT_CODES)
def test_any_stored_attempt_record_can_be_shown(time: str, exit_code: int) -> None:
    last = lastattempt.ended(0, datetime.fromisoformat(time), exit_code=exit_code, message="m" * 5000)
    record = lastattempt.read(lastattempt.write(last))
    assert record == last
    job = a_job_fact(0, attempt=1, failed=1, not_before=datetime.fromisoformat(time), last_attempt=record)
    status = said(planned(a_started_job(parallelism=0), job))
    assert_storable(status)
    assert status.retrying is not None
    assert status.retrying.newest[0].exit_code == exit_code
