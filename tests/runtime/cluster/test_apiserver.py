from datetime import UTC, datetime
from typing import Any

import pytest
from simjob.api import names
from simjob.core.facts.pods import PodState
from simjob.runtime.client import errors
from simjob.runtime.cluster.apiserver import ApiServer
from simjob.runtime.cluster.calls import Event
from worlds.wire import Answer, Wire

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
GONE = errors.NotFoundError("gone", code=404)
CONFLICT = errors.ConflictError("the uid is another, or someone wrote meanwhile", code=409)


def a_cluster(*answers: Answer) -> tuple[ApiServer, Wire]:
    wire = Wire()
    wire.answers.extend(answers)
    return ApiServer(wire, lambda: NOW, "tester"), wire


def a_pod(name: str = "p", phase: str = "Pending") -> dict[str, Any]:
    labels = {names.LABEL_UID: "owner"}
    job = f"{name}-owner-0-0"
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": job, "uid": "job", "controller": True}
    meta = {"name": f"{job}-0", "namespace": "lab", "uid": f"uid-{name}", "resourceVersion": "5", "labels": labels}
    return {"kind": "Pod", "metadata": meta | {"ownerReferences": [owner]}, "status": {"phase": phase}}


async def test_a_delete_names_the_uid_and_uses_background_propagation_for_a_job() -> None:
    cluster, wire = a_cluster({}, a_pod())
    await cluster.delete_job("lab", "j", "uid-j")
    await cluster.delete_pod("lab", "p", "uid-p")
    assert wire.bodies == [
        {"preconditions": {"uid": "uid-j"}, "propagationPolicy": "Background"},
        {"preconditions": {"uid": "uid-p"}},
    ]


async def test_workloads_are_listed_by_the_uids_of_their_jobs_in_the_preferred_version() -> None:
    group = {"kind": "APIGroup", "preferredVersion": {"groupVersion": "kueue.x-k8s.io/v1beta2", "version": "v1beta2"}}
    items = [{"metadata": {"name": "w", "uid": "u", "labels": {"kueue.x-k8s.io/job-uid": "b"}}, "spec": {}}]
    cluster, wire = a_cluster(group, {"items": items})
    (found,) = await cluster.list_workloads("lab", ["a", "b"])
    assert (found.of, found.spec.active, found.status.conditions) == ("b", True, [])
    (_, asked, _), (_, path, query) = wire.requests
    assert (asked, path) == ("/apis/kueue.x-k8s.io", "/apis/kueue.x-k8s.io/v1beta2/namespaces/lab/workloads")
    assert query == {"labelSelector": "kueue.x-k8s.io/job-uid in (a,b)", "resourceVersion": "0"}


async def test_a_delete_returns_the_last_state_of_the_pod() -> None:
    cluster, _ = a_cluster(a_pod(phase="Running"))
    last = await cluster.delete_pod("lab", "p", "uid-p")
    assert last
    assert (last.state, last.seen_at) == (PodState.RUNNING, NOW)


async def test_a_delete_answered_by_a_status_returns_no_state() -> None:
    cluster, _ = a_cluster({"kind": "Status", "status": "Success"})
    assert await cluster.delete_pod("lab", "p", "uid-p") is None


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param([GONE], id="it is not there"),
        pytest.param([CONFLICT, GONE], id="it is gone after a conflict"),
        pytest.param(
            [CONFLICT, {"metadata": {"uid": "another", "resourceVersion": "9"}}], id="another object has its name"
        ),
    ],
)
async def test_a_missing_object_counts_as_deleted(answers: list[Answer]) -> None:
    cluster, _ = a_cluster(*answers)
    assert await cluster.delete_pod("lab", "p", "uid-p") is None


async def test_a_conflict_with_an_existing_object_is_not_a_success() -> None:
    cluster, _ = a_cluster(CONFLICT, {"metadata": {"uid": "uid-p", "resourceVersion": "9"}})
    with pytest.raises(errors.ConflictError):
        await cluster.delete_pod("lab", "p", "uid-p")


async def test_live_pods_are_selected_by_the_server_in_a_consistent_read() -> None:
    cluster, wire = a_cluster(
        {"metadata": {"continue": "more"}, "items": [a_pod("a")]}, {"metadata": {}, "items": [a_pod("b")]}
    )
    found = await cluster.list_pods("lab", "owner", live_only=True)
    assert [pod.name for pod in found] == ["a-owner-0-0-0", "b-owner-0-0-0"]
    first, second = (query for _, _, query in wire.requests)
    assert first["labelSelector"] == "simjob.dev/uid=owner"
    assert first["fieldSelector"] == "status.phase!=Succeeded,status.phase!=Failed"
    assert "resourceVersion" not in first
    assert second["continue"] == "more"


async def test_a_status_write_requests_only_metadata_in_return() -> None:
    cluster, wire = a_cluster({"metadata": {"uid": "u", "resourceVersion": "12"}})
    assert await cluster.patch_simulationjob_status("lab", "sweep", "11", {"phase": "RUNNING"}) == "12"
    assert "as=PartialObjectMetadata" in wire.accepted[0]
    assert wire.bodies == [{"metadata": {"resourceVersion": "11"}, "status": {"phase": "RUNNING"}}]


async def test_a_foreign_pod_is_not_found() -> None:
    foreign = a_pod()
    foreign["metadata"]["labels"] = {}
    cluster, _ = a_cluster(foreign)
    with pytest.raises(errors.NotFoundError):
        await cluster.get_pod("lab", "p")


async def test_an_unreadable_answer_is_a_cluster_error() -> None:
    cluster, _ = a_cluster(b"<html>")
    with pytest.raises(errors.UnavailableError):
        await cluster.get_pod("lab", "p")


def an_event(note: str, name: str = "sweep") -> Event:
    about = {"namespace": "lab", "name": name, "uid": "u", "resource_version": "1"}
    return Event(**about, type="Normal", reason="Tested", action="Test", note=note, time=NOW)


async def test_an_event_respects_the_limits_of_the_api_server() -> None:
    cluster, wire = a_cluster({})
    await cluster.create_event(an_event("short", name="n" * 253))
    body = wire.bodies[0]
    assert len(body["metadata"]["name"]) <= 253
    assert body["eventTime"] == "2026-01-02T03:04:05.000000Z"
    assert body["regarding"]["uid"] == "u"


@pytest.mark.parametrize(
    ("note", "posted"),
    [
        pytest.param("x" * 1024, "x" * 1024, id="exactly at the limit"),
        pytest.param("x" * 1025, "x" * 1021 + "…", id="one byte over the limit"),
        pytest.param("ü" * 512, "ü" * 512, id="two-byte characters at the limit"),
        pytest.param("ü" * 513, "ü" * 510 + "…", id="two-byte characters over the limit"),
        pytest.param("x" + "ü" * 512, "x" + "ü" * 510 + "…", id="the cut would split a character"),
    ],
)
async def test_a_note_over_the_byte_limit_is_truncated_with_a_mark(note: str, posted: str) -> None:
    cluster, wire = a_cluster({})
    await cluster.create_event(an_event(note))
    assert wire.bodies[0]["note"] == posted
    assert len(posted.encode()) <= 1024
