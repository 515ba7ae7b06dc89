"""What a run works with: the cluster, a session, the observer, the audit log, and namespaces for trials."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import msgspec
from cluster.provider import Cluster

from bench.children import ROOT
from bench.connection import ask
from bench.errors import TrialError
from bench.observing.audit import Audit
from bench.observing.watching import Observed
from bench.report.timeline import LABEL, Key

CLEANERS = 32
NODES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Handed to systems and scenarios. `accounts` gives a kubeconfig for each process by name.

    `profiles`: where flame graphs go, if they are wanted. `checkout`: the repository whose operator is measured.
    """

    cluster: Cluster
    http: aiohttp.ClientSession
    observed: Observed
    audit: Audit
    accounts: Mapping[str, Path]
    folder: Path
    say: Callable[[str], None]
    profiles: Path | None = None
    checkout: Path = ROOT

    async def namespace(self, label: str) -> str:
        """Make a namespace that takes pods."""
        name = f"bench-{label}-{secrets.token_hex(3)}"
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        await ask(self.http, "POST", "/api/v1/namespaces", body)
        limit = time.monotonic() + 60
        while True:
            async with self.http.get(f"/api/v1/namespaces/{name}/serviceaccounts/default") as answer:
                if answer.status == 200:
                    return name
            if time.monotonic() > limit:
                raise TrialError(f"{name} has no default service account after 60 s")
            await asyncio.sleep(0.1)

    async def live_pods(self, key: Key) -> int:
        """Ask the API server itself how many pods of a sweep live: what the observer says is checked against it."""
        query = f"labelSelector={LABEL}={key.name}&fieldSelector=status.phase!=Succeeded,status.phase!=Failed"
        return len((await ask(self.http, "GET", f"/api/v1/namespaces/{key.namespace}/pods?{query}"))["items"])

    async def clear(self, namespace: str, sweeps: Iterable[str]) -> None:
        """Delete all that is in a namespace, fast, and wait until it is gone. `sweeps` are the systems' own paths."""
        roots = [path.rpartition("/") for path in (*sweeps, "/apis/batch/v1/jobs", "/api/v1/pods")]
        collections = [f"{root}/namespaces/{namespace}/{plural}" for root, _, plural in roots]
        limit = time.monotonic() + 120
        # More than once: what was just being created comes after the list.
        while sum([await self._delete_all(collection) for collection in collections]):
            if time.monotonic() > limit:
                raise TrialError(f"{namespace} is not empty after two minutes of deleting")
            await asyncio.sleep(0.2)

    async def calm(self) -> None:
        """Wait until hardly anybody asks the API server for anything: what was asked for before is worked off."""
        limit = time.monotonic() + 300
        quiet = 0
        while quiet < 2:
            if time.monotonic() > limit:
                raise TrialError("the API server is still busy after five minutes")
            before = self.audit.position()
            await asyncio.sleep(1)
            # A controller manager at upstream's pace sends twenty.
            quiet = quiet + 1 if sum(1 for _ in self.audit.records(before)) < 10 else 0

    async def _delete_all(self, collection: str) -> int:
        """Delete what a collection holds; return how much that was. Finalizers go first: their owner may be slow."""
        found = (await ask(self.http, "GET", collection))["items"]
        strip = msgspec.json.encode({"metadata": {"finalizers": None}})
        held = [item["metadata"]["name"] for item in found if item["metadata"].get("finalizers")]
        headers = {"Content-Type": "application/merge-patch+json"}
        await self._each(held, lambda name: self._send("PATCH", f"{collection}/{name}", strip, headers))
        body = msgspec.json.encode({"propagationPolicy": "Background", "gracePeriodSeconds": 0})
        names = [item["metadata"]["name"] for item in found]
        headers = {"Content-Type": "application/json"}
        await self._each(names, lambda name: self._send("DELETE", f"{collection}/{name}", body, headers))
        return len(names)

    async def _send(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        try:
            async with self.http.request(method, path, data=body, headers=headers) as answer:
                await answer.read()
        except (aiohttp.ClientError, TimeoutError) as trouble:
            raise TrialError(f"{method} {path}: no answer: {trouble}") from trouble

    async def _each(self, names: list[str], work: Callable[[str], Awaitable[None]]) -> None:
        left = iter(names)

        async def worker() -> None:
            for name in left:
                await work(name)

        await asyncio.gather(*(worker() for _ in range(CLEANERS)))
