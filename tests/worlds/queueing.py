"""Kueue in virtual time: it holds the Jobs of a queue, admits them within a quota, and evicts them."""

import asyncio
from typing import Final

from simjob.api import names
from worlds.oracles import JudgedCluster, Raw

# How long Kueue takes to look at a Job.
_LOOK: Final = 0.1


class ScriptedQueue:
    """Admits the held Jobs in the order of their cases while fewer than `quota` use it. More live pods are a breach.

    As for Kueue, a Job uses the quota until it has finished, or until it is suspended and not active.
    """

    def __init__(self, cluster: JudgedCluster, quota: int) -> None:
        self._cluster = cluster
        self._quota = quota
        self._is_open = True
        cluster.holds_jobs = True

    def saw(self, plural: str, _raw: Raw, _deleted: bool) -> None:
        """Record a change of a Job or a pod."""
        if plural == "pods" and len(live := self._cluster.live_pods()) > self._quota:
            self._cluster.breach("quota", f"{live} are live, {self._quota} may be")
        if plural == "jobs":
            asyncio.get_running_loop().call_later(_LOOK, self._admit)

    def evict(self) -> None:
        """Take back the first Job that says that it is active."""
        for job in self._cluster.objects("jobs"):
            if job.get("status", {}).get("active") and not job["spec"]["suspend"]:
                self._cluster.suspend_job("default", job["metadata"]["name"], suspend=True)
                return

    def close(self) -> None:
        """Take back all Jobs, and admit none."""
        self._is_open = False
        for job in list(self._cluster.objects("jobs")):
            if _uses_quota(job):
                self._cluster.suspend_job("default", job["metadata"]["name"], suspend=True)

    def open(self) -> None:
        """Admit Jobs again."""
        self._is_open = True
        self._admit()

    def _admit(self) -> None:
        if not self._is_open:
            return
        jobs = sorted(self._cluster.objects("jobs"), key=lambda job: int(job["metadata"]["labels"][names.LABEL_INDEX]))
        free = self._quota - sum(_uses_quota(job) for job in jobs)
        held = [job["metadata"]["name"] for job in jobs if job["spec"]["suspend"] and not _uses_quota(job)]
        for name in held[: max(free, 0)]:
            self._cluster.suspend_job("default", name, suspend=False)


def _uses_quota(job: Raw) -> bool:
    status = job.get("status", {})
    true = {condition["type"] for condition in status.get("conditions", []) if condition["status"] == "True"}
    return not true & {"Complete", "Failed"} and (not job["spec"]["suspend"] or bool(status.get("active")))
