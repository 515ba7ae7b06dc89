"""The operator's calls as HTTP requests to the API server: raw paths, partial decoding, preconditions.

runtime/cluster/calls.py describes what each call does.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from simjob.api import names
from simjob.core.facts import jobs, pods
from simjob.core.facts.apiobjects import Job, Pod, PodEventList, Workload, WorkloadList
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodFact
from simjob.core.waiting import notstarting
from simjob.core.waiting.notstarting import PodEvent
from simjob.runtime.client import errors, listing
from simjob.runtime.client.connection import JSON, MERGE_PATCH, Requests
from simjob.runtime.cluster import answers, eventbody
from simjob.runtime.cluster.calls import ConfigMap, Event, StoredJob, Unlabelled

# Otherwise the response to a status write contains the whole spec with all its cases.
_METADATA_ONLY: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_LIST_OF_METADATA: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
# The API server allows 60 s for a request and up to 30 s for each webhook. A client that closes the connection earlier
# aborts the creation, and the webhooks run again at the next try.
# https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/ (--request-timeout)
_CREATION_SECONDS: Final = 65.0


class _Template(msgspec.Struct):
    template: msgspec.Raw = msgspec.Raw(b"{}")


class _StoredJob(msgspec.Struct):
    """The part of a Job that `Job` in core/facts/apiobjects.py leaves out."""

    spec: _Template


class _Kind(msgspec.Struct):
    kind: str = ""


_JOBS: Final = msgspec.json.Decoder(Job)
_STORED_JOBS: Final = msgspec.json.Decoder(_StoredJob)
_PODS: Final = msgspec.json.Decoder(Pod)
_KINDS: Final = msgspec.json.Decoder(_Kind)
_POD_EVENTS: Final = msgspec.json.Decoder(PodEventList)
_WORKLOADS: Final = msgspec.json.Decoder(WorkloadList)
_LIVE: Final = {"fieldSelector": "status.phase!=Succeeded,status.phase!=Failed"}


class ApiServer:
    """The Cluster protocol over HTTP.

    `clock` returns the time of observation for facts (aware, UTC). `instance` is the `reportingInstance` of Events.
    """

    def __init__(self, connection: Requests, clock: Callable[[], datetime], instance: str) -> None:
        self._connection = connection
        self._clock = clock
        self._instance = instance

    async def create_job(self, namespace: str, body: bytes) -> StoredJob:
        """See Cluster.create_job."""
        answer = await self._connection.request("POST", _jobs(namespace), body=body, within=_CREATION_SECONDS)
        return self._stored_job(answer)

    async def get_job(self, namespace: str, name: str) -> StoredJob:
        """See Cluster.get_job."""
        return self._stored_job(await self._connection.request("GET", _jobs(namespace, name)))

    async def annotate_job(self, namespace: str, name: str, uid: str, annotations: Mapping[str, str | None]) -> JobFact:
        """See Cluster.annotate_job."""
        patch = {"metadata": {"uid": uid, "annotations": annotations}}
        return self._job_fact(await self._merge(_jobs(namespace, name), patch))

    async def label_job(self, namespace: str, name: str, uid: str, owner_uid: str) -> JobFact:
        """See Cluster.label_job."""
        return self._job_fact(await self._merge(_jobs(namespace, name), _label(uid, owner_uid)))

    async def write_job_status(self, namespace: str, name: str, uid: str, status: Mapping[str, Any]) -> JobFact:
        """See Cluster.write_job_status."""
        patch = {"metadata": {"uid": uid}, "status": status}
        return self._job_fact(await self._merge(f"{_jobs(namespace, name)}/status", patch))

    async def delete_job(self, namespace: str, name: str, uid: str) -> None:
        """See Cluster.delete_job."""
        await self._delete(_jobs(namespace, name), {"uid": uid}, propagationPolicy="Background")

    async def create_pod(self, namespace: str, body: bytes) -> PodFact:
        """See Cluster.create_pod."""
        answer = await self._connection.request("POST", _pods(namespace), body=body, within=_CREATION_SECONDS)
        return self._pod_fact(answer)

    async def get_pod(self, namespace: str, name: str, owner_uid: str = "") -> PodFact:
        """See Cluster.get_pod."""
        return self._pod_fact(await self._connection.request("GET", _pods(namespace, name)), owner_uid)

    async def label_pod(self, namespace: str, name: str, uid: str, owner_uid: str) -> PodFact:
        """See Cluster.label_pod."""
        return self._pod_fact(await self._merge(_pods(namespace, name), _label(uid, owner_uid)), owner_uid)

    async def limit_pod(self, namespace: str, name: str, uid: str, seconds: int) -> PodFact:
        """See Cluster.limit_pod."""
        patch = {"metadata": {"uid": uid}, "spec": {"activeDeadlineSeconds": seconds}}
        return self._pod_fact(await self._merge(_pods(namespace, name), patch))

    async def delete_pod(self, namespace: str, name: str, uid: str) -> PodFact | None:
        """See Cluster.delete_pod."""
        answer = await self._delete(_pods(namespace, name), {"uid": uid})
        # The API server answers a deletion with the object or with a Status.
        if answer is None or answers.decode(_KINDS, answer).kind != "Pod":
            return None
        return self._pod_fact(answer)

    async def list_pods(self, namespace: str, owner_uid: str, *, live_only: bool) -> Sequence[PodFact]:
        """See Cluster.list_pods."""
        query = _LIVE if live_only else {}
        return self._pod_facts(await self._list(_pods(namespace), owner_uid, query))

    async def list_earlier_pods(self, namespace: str, name_label: str, owner_uid: str) -> Sequence[PodFact]:
        """See Cluster.list_earlier_pods."""
        # "!=" also selects objects without the label, hence the second requirement.
        selector = f"{names.LABEL_NAME}={name_label},{names.LABEL_UID},{names.LABEL_UID}!={owner_uid}"
        return self._pod_facts(await self._selected(_pods(namespace), {**_LIVE, "labelSelector": selector}))

    def _pod_facts(self, raws: Sequence[msgspec.Raw]) -> list[PodFact]:
        seen_at = self._clock()
        return [fact for raw in raws if (fact := pods.pod_fact(answers.decode(_PODS, raw), seen_at))]

    async def list_pod_events(self, namespace: str, uid: str) -> Sequence[PodEvent]:
        """See Cluster.list_pod_events."""
        path = _path("/api/v1", "events", namespace, None)
        query = {"fieldSelector": f"involvedObject.uid={uid}", "limit": "500"}
        return notstarting.events(answers.decode(_POD_EVENTS, await self._connection.request("GET", path, query=query)))

    async def list_workloads(self, namespace: str, job_uids: Sequence[str]) -> Sequence[Workload]:
        """See Cluster.list_workloads."""
        # Kueue's releases serve different versions. The parts that are read are the same in all.
        group = await self._connection.request("GET", f"/apis/{names.KUEUE_GROUP}", repeat=False)
        root = f"/apis/{names.KUEUE_GROUP}/{answers.preferred_version(group)}"
        # From the watch cache. Otherwise older API servers read all Workloads of the namespace from etcd.
        query = {"labelSelector": f"{names.LABEL_WORKLOAD_OF} in ({','.join(job_uids)})", "resourceVersion": "0"}
        path = _path(root, names.KUEUE_WORKLOADS, namespace, None)
        answer = await self._connection.request("GET", path, query=query, repeat=False)
        return answers.decode(_WORKLOADS, answer).items or ()

    async def list_jobs(self, namespace: str, owner_uid: str) -> Sequence[JobFact]:
        """See Cluster.list_jobs."""
        raws = await self._list(_jobs(namespace), owner_uid, {})
        return [fact for raw in raws if (fact := jobs.job_fact(answers.decode(_JOBS, raw)))]

    async def list_unlabelled(self, namespace: str) -> Unlabelled:
        """See Cluster.list_unlabelled."""
        query = {"labelSelector": f"!{names.LABEL_UID}"}
        jobs = await self._selected(_jobs(namespace), query, _LIST_OF_METADATA)
        pods = await self._selected(_pods(namespace), query, _LIST_OF_METADATA)
        return Unlabelled(jobs=[answers.meta(raw) for raw in jobs], pods=[answers.meta(raw) for raw in pods])

    async def _list(self, path: str, owner_uid: str, query: dict[str, str]) -> list[msgspec.Raw]:
        return await self._selected(path, {**query, "labelSelector": f"{names.LABEL_UID}={owner_uid}"})

    async def _selected(self, path: str, query: Mapping[str, str], accept: str = JSON) -> list[msgspec.Raw]:
        pages = listing.pages(self._connection, path, query, accept=accept)
        return [raw async for page in pages for raw in page.items or ()]

    async def get_config_map(self, namespace: str, name: str) -> ConfigMap:
        """See Cluster.get_config_map."""
        return answers.config_map(await self._connection.request("GET", _config_maps(namespace, name)))

    async def create_config_map(self, namespace: str, body: bytes) -> ConfigMap:
        """See Cluster.create_config_map."""
        answer = await self._connection.request("POST", _config_maps(namespace), body=body)
        return answers.config_map(answer)

    async def write_config_map(
        self,
        namespace: str,
        name: str,
        uid: str,
        resource_version: str,
        data: Mapping[str, str],
        metadata: Mapping[str, Any] | None = None,
    ) -> ConfigMap:
        """See Cluster.write_config_map."""
        patch = {"metadata": {**(metadata or {}), "uid": uid, "resourceVersion": resource_version}, "data": data}
        return answers.config_map(await self._merge(_config_maps(namespace, name), patch))

    async def get_simulationjob(self, namespace: str, name: str) -> dict[str, Any]:
        """See Cluster.get_simulationjob."""
        found: dict[str, Any] = msgspec.json.decode(
            await self._connection.request("GET", simulationjobs(namespace, name))
        )
        return found

    async def patch_simulationjob_status(
        self, namespace: str, name: str, resource_version: str, status: Mapping[str, Any]
    ) -> str:
        """See Cluster.patch_simulationjob_status."""
        patch = {"metadata": {"resourceVersion": resource_version}, "status": status}
        answer = await self._merge(f"{simulationjobs(namespace, name)}/status", patch, accept=_METADATA_ONLY)
        return answers.version(answer).resource_version

    async def delete_simulationjob(self, namespace: str, name: str, uid: str, resource_version: str) -> None:
        """See Cluster.delete_simulationjob."""
        conditions = {"uid": uid, "resourceVersion": resource_version}
        await self._delete(simulationjobs(namespace, name), conditions, propagationPolicy="Background")

    async def create_event(self, event: Event) -> None:
        """See Cluster.create_event."""
        body = msgspec.json.encode(eventbody.render(event, self._instance))
        path = f"/apis/events.k8s.io/v1/namespaces/{event.namespace}/events"
        await self._connection.request("POST", path, body=body)

    async def _merge(self, path: str, patch: dict[str, Any], accept: str = JSON) -> bytes:
        body = msgspec.json.encode(patch)
        return await self._connection.request("PATCH", path, body=body, content_type=MERGE_PATCH, accept=accept)

    async def _delete(self, path: str, preconditions: Mapping[str, str], **options: str) -> bytes | None:
        """Return the response body; None if no object with this uid exists."""
        body = msgspec.json.encode({"preconditions": preconditions, **options})
        try:
            return await self._connection.request("DELETE", path, body=body)
        except errors.NotFoundError:
            return None
        except errors.ConflictError:
            if await self._is_there(path, preconditions["uid"]):
                raise
            return None

    async def _is_there(self, path: str, uid: str) -> bool:
        # A conflict means that the uid is another one or, rarely, that another client wrote at the same moment.
        try:
            answer = await self._connection.request("GET", path, accept=_METADATA_ONLY)
        except errors.NotFoundError:
            return False
        return answers.version(answer).uid == uid

    def _stored_job(self, answer: bytes) -> StoredJob:
        return StoredJob(fact=self._job_fact(answer), template=answers.decode(_STORED_JOBS, answer).spec.template)

    def _job_fact(self, answer: bytes) -> JobFact:
        fact = jobs.job_fact(answers.decode(_JOBS, answer))
        if fact is None:
            raise errors.NotOursError("the Job does not belong to the operator", code=404, reason="NotFound")
        return fact

    def _pod_fact(self, answer: bytes, owner_uid: str = "") -> PodFact:
        fact = pods.pod_fact(answers.decode(_PODS, answer), self._clock(), owner_uid)
        if fact is None:
            raise errors.NotOursError("the pod does not belong to the operator", code=404, reason="NotFound")
        return fact


def _label(uid: str, owner_uid: str) -> dict[str, Any]:
    return {"metadata": {"uid": uid, "labels": {names.LABEL_UID: owner_uid}}}


def simulationjobs(namespace: str | None = None, name: str | None = None) -> str:
    """Return the API path of one SimulationJob, of all in a namespace, or of all in the cluster."""
    return _path(f"/apis/{names.API_VERSION}", names.PLURAL, namespace, name)


def _jobs(namespace: str, name: str | None = None) -> str:
    return _path("/apis/batch/v1", "jobs", namespace, name)


def _pods(namespace: str, name: str | None = None) -> str:
    return _path("/api/v1", "pods", namespace, name)


def _config_maps(namespace: str, name: str | None = None) -> str:
    return _path("/api/v1", "configmaps", namespace, name)


def _path(root: str, plural: str, namespace: str | None, name: str | None) -> str:
    collection = f"{root}/namespaces/{namespace}/{plural}" if namespace else f"{root}/{plural}"
    return f"{collection}/{name}" if name else collection
