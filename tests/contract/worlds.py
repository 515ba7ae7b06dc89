"""The two worlds that the contract tests run against, and what acts in them: scheduler, kubelet, people."""

import asyncio
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import msgspec
import pytest
from given import kueue
from given.builders import a_job_dict
from simjob.api import names
from simjob.core.facts.apiobjects import Pod
from simjob.runtime.client.connection import MERGE_PATCH, Connection
from simjob.runtime.client.credentials import Credentials
from simjob.runtime.client.errors import ForbiddenError, UnavailableError
from simjob.runtime.client.requestbudget import Budget
from simjob.runtime.cluster import apiserver
from simjob.runtime.cluster.apiserver import ApiServer
from simjob.runtime.cluster.calls import Cluster
from simjob.runtime.watching import informer
from simjob.runtime.watching.informer import Informer, Sink
from worlds.fakes import FakeCluster

CRDS = Path(__file__).parents[2] / "crds"
KUBECTL = Path(sys.executable).with_name("kubectl")


class World(Protocol):
    """A cluster, a namespace in it, and what others do there."""

    cluster: Cluster
    namespace: str

    async def bind(self, namespace: str, name: str) -> None:
        """Gives a pod a node, on which nobody stops it."""
        ...

    async def set_status(self, namespace: str, name: str, *, phase: str) -> None:
        """Writes a pod's status."""
        ...

    async def make_simulationjob(self) -> dict[str, Any]:
        """Creates one and returns it as stored."""
        ...

    async def make_config_map(self, name: str, data: dict[str, str], binary: dict[str, str]) -> None:
        """Creates a ConfigMap that nobody owns; values of `binary` are in base64."""
        ...

    async def tell_of_pod(self, namespace: str, name: str, reason: str, message: str) -> None:
        """Creates a warning about a pod, as a kubelet does."""
        ...

    def serving_workloads(self) -> AbstractAsyncContextManager[None]:
        """Install a CRD that stands in for that of Kueue's Workloads, and remove it at the end."""
        ...

    async def make_workload(self, raw: dict[str, Any]) -> None:
        """Create a Workload as Kueue does."""
        ...

    async def suspend_job(self, namespace: str, name: str, *, suspend: bool) -> None:
        """Suspend a Job or let it go, as a queue does."""
        ...

    async def unlabel(self, plural: str, namespace: str, name: str) -> None:
        """Remove from a Job or a pod the label by which the operator lists and watches."""
        ...

    async def disown(self, namespace: str, name: str) -> None:
        """Take the owner out of a Job, as the garbage collector does after a deletion that orphans."""
        ...

    async def copy_pod(self, namespace: str, name: str, copy: str) -> None:
        """Make a pod of another name with the labels of this one, as `kubectl debug --copy-to --keep-labels` does."""
        ...

    def watching_pods(self, sink: Sink[Pod]) -> AbstractAsyncContextManager[None]:
        """Bring a sink the pods as the operator's watch does."""
        ...

    async def cancel(self, raw: dict[str, Any]) -> None:
        """Sets spec.cancel."""
        ...

    async def limit(self, **hard: int) -> None:
        """Put a quota on the namespace, in force at once. `__` in a keyword stands for `/`, `_` for a dot."""
        ...


class FakeWorld:
    """FakeCluster."""

    namespace = "default"

    def __init__(self) -> None:
        self.fake = FakeCluster()
        self.cluster: Cluster = self.fake

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[World]:
        yield cls()

    async def bind(self, namespace: str, name: str) -> None:
        self.fake.set_pod(namespace, name, node="node")

    async def set_status(self, namespace: str, name: str, *, phase: str) -> None:
        self.fake.set_pod(namespace, name, phase=phase)

    async def make_simulationjob(self) -> dict[str, Any]:
        return self.fake.apply(a_job_dict(metadata={"name": f"sweep-{secrets.token_hex(4)}"}))

    async def make_config_map(self, name: str, data: dict[str, str], binary: dict[str, str]) -> None:
        self.fake.put_config_map(self.namespace, name, data, binaryData=binary)

    async def tell_of_pod(self, namespace: str, name: str, reason: str, message: str) -> None:
        self.fake.tell_of_pod(namespace, name, reason, message)

    @asynccontextmanager
    async def serving_workloads(self) -> AsyncIterator[None]:
        self.fake.serves_workloads = True
        yield

    async def make_workload(self, raw: dict[str, Any]) -> None:
        self.fake.put_workload(self.namespace, raw)

    async def suspend_job(self, namespace: str, name: str, *, suspend: bool) -> None:
        self.fake.suspend_job(namespace, name, suspend=suspend)

    async def unlabel(self, plural: str, namespace: str, name: str) -> None:
        self.fake.relabel(plural, namespace, name, uid=None)

    async def disown(self, namespace: str, name: str) -> None:
        self.fake.disown("jobs", namespace)

    async def copy_pod(self, namespace: str, name: str, copy: str) -> None:
        raw = next(pod for pod in self.fake.objects("pods") if pod["metadata"]["name"] == name)
        metadata = {"name": copy, "labels": raw["metadata"]["labels"]}
        self.fake.put("pods", namespace, {"metadata": metadata, "spec": raw["spec"], "status": {"phase": "Pending"}})

    @asynccontextmanager
    async def watching_pods(self, sink: Sink[Pod]) -> AsyncIterator[None]:
        self.fake.watch(pods=sink)
        yield

    async def cancel(self, raw: dict[str, Any]) -> None:
        self.fake.apply({"metadata": raw["metadata"], "spec": {"cancel": True}})

    async def limit(self, **hard: int) -> None:
        self.fake.quota = _resources(hard)


def _resources(hard: Mapping[str, int]) -> dict[str, int]:
    return {key.replace("__", "/").replace("_", "."): value for key, value in hard.items()}


class RealWorld:
    """A real API server, a namespace of its own in it, and pods that no scheduler sees."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.namespace = f"contract-{secrets.token_hex(4)}"
        self.cluster: Cluster = _Unscheduled(connection, lambda: datetime.now(UTC), "contract")

    @classmethod
    @asynccontextmanager
    async def open(cls, kubeconfig: Path) -> AsyncIterator["RealWorld"]:
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("KUBECONFIG", str(kubeconfig))
            credentials = await Credentials.load()
        await asyncio.to_thread(_install_crds, kubeconfig)
        async with Connection.open(credentials, Budget(16)) as connection:
            await _served(connection)
            world = cls(connection)
            await world._create_namespace()
            try:
                yield world
            finally:
                # The namespace controller may not know of a CRD that is some seconds old, and would leave them behind.
                await connection.request("DELETE", apiserver.simulationjobs(world.namespace))
                await connection.request("DELETE", f"/api/v1/namespaces/{world.namespace}")

    async def bind(self, namespace: str, name: str) -> None:
        target = {"apiVersion": "v1", "kind": "Node", "name": "a-node-without-kubelet"}
        body = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": target}
        path = f"/api/v1/namespaces/{namespace}/pods/{name}/binding"
        await self.connection.request("POST", path, body=msgspec.json.encode(body))

    async def set_status(self, namespace: str, name: str, *, phase: str) -> None:
        await self._merge(f"/api/v1/namespaces/{namespace}/pods/{name}/status", {"status": {"phase": phase}})

    async def make_simulationjob(self) -> dict[str, Any]:
        raw = a_job_dict(metadata={"name": f"sweep-{secrets.token_hex(4)}", "namespace": self.namespace})
        for written_by_server in ("uid", "resourceVersion", "generation", "creationTimestamp"):
            del raw["metadata"][written_by_server]
        answer = await self.connection.request(
            "POST", apiserver.simulationjobs(self.namespace), body=msgspec.json.encode(raw)
        )
        made: dict[str, Any] = msgspec.json.decode(answer)
        return made

    async def make_config_map(self, name: str, data: dict[str, str], binary: dict[str, str]) -> None:
        body = {"metadata": {"name": name}, "data": data, "binaryData": binary}
        path = f"/api/v1/namespaces/{self.namespace}/configmaps"
        await self.connection.request("POST", path, body=msgspec.json.encode(body))

    async def tell_of_pod(self, namespace: str, name: str, reason: str, message: str) -> None:
        pod = msgspec.json.decode(await self.connection.request("GET", f"/api/v1/namespaces/{namespace}/pods/{name}"))
        about = {"apiVersion": "v1", "kind": "Pod", "namespace": namespace, "name": name, "uid": pod["metadata"]["uid"]}
        event = kubelet_event(about, reason, message, datetime.now(UTC))
        path = f"/api/v1/namespaces/{namespace}/events"
        await self.connection.request("POST", path, body=msgspec.json.encode(event))

    @asynccontextmanager
    async def serving_workloads(self) -> AsyncIterator[None]:
        path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        await self.connection.request("POST", path, body=msgspec.json.encode(kueue.CRD))
        try:
            await self._wait(self._serves_workloads, expected=True)
            yield
        finally:
            await self.connection.request("DELETE", f"{path}/{kueue.CRD['metadata']['name']}")

    async def _serves_workloads(self) -> bool:
        try:
            await self.cluster.list_workloads(self.namespace, ["none"])
        except UnavailableError:
            return False
        return True

    async def make_workload(self, raw: dict[str, Any]) -> None:
        path = f"/apis/{raw['apiVersion']}/namespaces/{self.namespace}/{names.KUEUE_WORKLOADS}"
        await self.connection.request("POST", path, body=msgspec.json.encode(raw))

    async def suspend_job(self, namespace: str, name: str, *, suspend: bool) -> None:
        await self._merge(f"/apis/batch/v1/namespaces/{namespace}/jobs/{name}", {"spec": {"suspend": suspend}})

    async def unlabel(self, plural: str, namespace: str, name: str) -> None:
        root = "/api/v1" if plural == "pods" else "/apis/batch/v1"
        path = f"{root}/namespaces/{namespace}/{plural}/{name}"
        await self._merge(path, {"metadata": {"labels": {names.LABEL_UID: None}}})

    async def disown(self, namespace: str, name: str) -> None:
        path = f"/apis/batch/v1/namespaces/{namespace}/jobs/{name}"
        await self._merge(path, {"metadata": {"ownerReferences": None}})

    async def copy_pod(self, namespace: str, name: str, copy: str) -> None:
        path = f"/api/v1/namespaces/{namespace}/pods"
        raw = msgspec.json.decode(await self.connection.request("GET", f"{path}/{name}"))
        metadata = {"name": copy, "labels": raw["metadata"]["labels"]}
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": raw["spec"]}
        await self.connection.request("POST", path, body=msgspec.json.encode(body))

    @asynccontextmanager
    async def watching_pods(self, sink: Sink[Pod]) -> AsyncIterator[None]:
        watch = Informer(self.connection, informer.path(informer.PODS, self.namespace), Pod, sink)
        task = asyncio.create_task(watch.run())
        try:
            await watch.synced.wait()
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def cancel(self, raw: dict[str, Any]) -> None:
        path = apiserver.simulationjobs(raw["metadata"]["namespace"], raw["metadata"]["name"])
        await self._merge(path, {"spec": {"cancel": True}})

    async def limit(self, **hard: int) -> None:
        path = f"/api/v1/namespaces/{self.namespace}/resourcequotas"
        limits = {key: str(value) for key, value in _resources(hard).items()}
        body = {"metadata": {"name": "q"}, "spec": {"hard": dict.fromkeys(limits, "0")}}
        await self.connection.request("POST", path, body=msgspec.json.encode(body))
        # The quota plugin has a cache of its own, which may lag behind the API: it is asked, not the quota's status.
        await self._wait(lambda: self._takes(limits), expected=False)
        await self._merge(f"{path}/q", {"spec": {"hard": limits}})
        await self._wait(lambda: self._takes(limits), expected=True)

    async def _takes(self, resources: Iterable[str]) -> bool:
        """Return whether the quota plugin would let one more Job or pod in."""
        kind = "Job" if any("jobs" in resource for resource in resources) else "Pod"
        pod = {"spec": {"containers": [{"name": "probe", "image": "none"}], "restartPolicy": "Never"}}
        api, path = ("batch/v1", "/apis/batch/v1") if kind == "Job" else ("v1", "/api/v1")
        spec = {"spec": {"template": pod}} if kind == "Job" else pod
        body = {"apiVersion": api, "kind": kind, "metadata": {"name": "probe"}, **spec}
        url = f"{path}/namespaces/{self.namespace}/{kind.lower()}s"
        try:
            await self.connection.request("POST", url, body=msgspec.json.encode(body), query={"dryRun": "All"})
        except ForbiddenError:
            return False
        return True

    async def _wait(self, check: Callable[[], Awaitable[bool]], *, expected: bool) -> None:
        async with asyncio.timeout(30):
            while True:
                if await check() is expected:
                    return
                await asyncio.sleep(0.1)

    async def _merge(self, path: str, patch: dict[str, Any]) -> None:
        await self.connection.request("PATCH", path, body=msgspec.json.encode(patch), content_type=MERGE_PATCH)

    async def _create_namespace(self) -> None:
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}}
        await self.connection.request("POST", "/api/v1/namespaces", body=msgspec.json.encode(body))


def kubelet_event(about: Mapping[str, str], reason: str, message: str, time: datetime) -> dict[str, Any]:
    """Describe a warning in the way of kubelets, which still write v1 Events."""
    seconds = time.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{about['name']}.{secrets.token_hex(8)}", "namespace": about["namespace"]},
        "involvedObject": about,
        "type": "Warning",
        "reason": reason,
        "message": message,
        "source": {"component": "kubelet", "host": "a-node"},
        "firstTimestamp": seconds,
        "lastTimestamp": seconds,
        "count": 1,
    }


class _Unscheduled(ApiServer):
    """ApiServer whose pods wait for a scheduler that does not exist, so that only the test moves them."""

    async def create_pod(self, namespace: str, body: bytes) -> Any:
        raw = msgspec.json.decode(body)
        raw["spec"]["schedulerName"] = "nobody"
        return await super().create_pod(namespace, msgspec.json.encode(raw))


def _install_crds(kubeconfig: Path) -> None:
    command = [str(KUBECTL), "--kubeconfig", str(kubeconfig), "apply", "--server-side", "-k", str(CRDS)]
    subprocess.run(command, check=True, capture_output=True)


async def _served(connection: Connection) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                await connection.request("GET", apiserver.simulationjobs())
            except UnavailableError:
                await asyncio.sleep(0.1)
            else:
                return
