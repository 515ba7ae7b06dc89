"""The deployed operator: its pods, its log, its Lease, and ways to take it away."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cluster.deploy import DEPLOYMENT, NAMESPACE
from cluster.errors import ClusterError
from cluster.kubectl import Kubectl
from cluster.provider import Cluster
from e2e.support import node
from e2e.support.waiting import until

REPLICAS = 2
SELECTOR = "app.kubernetes.io/name=simjob-operator"
PROGRAM = "simjob"
ERROR_SIGNS = ('"severity": "err', "forbidden: User ")


@dataclass(frozen=True, slots=True)
class Operator:
    """What `kubectl apply -k manifests` has put on the cluster."""

    cluster: Cluster
    kubectl: Kubectl

    def run(self, *arguments: str) -> str:
        """Run kubectl in the operator's namespace."""
        return self.kubectl.run("--namespace", NAMESPACE, *arguments)

    def pods(self) -> list[dict[str, Any]]:
        """Give its pods that are not on their way out."""
        found = json.loads(self.run("get", "pods", "-l", SELECTOR, "-o", "json"))["items"]
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def log(self, lines: int = 30) -> str:
        """Give the end of the log of every replica, also of what ran before in the same pod."""
        parts = []
        for pod in self.pods():
            name = pod["metadata"]["name"]
            restarts = sum(status["restartCount"] for status in pod["status"].get("containerStatuses", []))
            for options in ([["--previous"]] if restarts else []) + [[]]:
                try:
                    text = self.run("logs", name, f"--tail={lines}", *options)
                except ClusterError as error:
                    text = str(error)
                parts.append(f"--- {name} {' '.join(options)}\n{text}")
        return "\n".join(parts) or "(the operator has no pods)"

    def errors(self, since: datetime) -> list[str]:
        """Give what the running replicas have logged since then of defects and of missing permissions."""
        time = since.isoformat(timespec="seconds")
        logs = [self.run("logs", pod["metadata"]["name"], f"--since-time={time}") for pod in self.pods()]
        return [line for text in logs for line in text.splitlines() if any(sign in line for sign in ERROR_SIGNS)]

    def lease(self) -> dict[str, Any]:
        """Give what the Lease says."""
        found: dict[str, Any] = json.loads(self.run("get", "lease", "simjob-operator", "-o", "json"))["spec"]
        return found

    def holder(self) -> str:
        """Name the pod that holds the Lease; empty if none does."""
        return str(self.lease().get("holderIdentity", "")).rpartition("_")[0]

    def leader(self) -> dict[str, Any]:
        """Wait for a leader; give its pod."""
        return until(self._leading_pod, 40, lambda: f"a pod leads\n{self.log()}")

    def process(self, pod: dict[str, Any]) -> int:
        """Give the pid of the operator proper in one of its pods."""
        found = [pid for pid in node.running(pod["metadata"]["uid"], PROGRAM) if "python" in node.command(pid)]
        assert len(found) == 1, f"not one process: {found}"
        return found[0]

    def scale(self, replicas: int) -> None:
        """Set the number of replicas and wait until it is reached."""
        self.run("scale", DEPLOYMENT, f"--replicas={replicas}")
        if replicas:
            self.wait_available()
        else:
            self.run("wait", "pods", "-l", SELECTOR, "--for=delete", "--timeout=60s")

    def restart(self) -> None:
        """Replace its pods one after the other, as an update does."""
        self.run("rollout", "restart", DEPLOYMENT)
        self.wait_available()

    def wait_available(self) -> None:
        """Wait until all replicas are ready and one of them leads."""
        try:
            self.run("rollout", "status", DEPLOYMENT, "--timeout=120s")
        except ClusterError as error:
            raise AssertionError(f"{error}\n{self.run('get', 'pods', '-o', 'wide')}\n{self.log()}") from error
        self.leader()

    @contextmanager
    def away(self) -> Iterator[None]:
        """Take the operator away for a while."""
        self.scale(0)
        try:
            yield
        finally:
            self.scale(REPLICAS)

    def _leading_pod(self) -> dict[str, Any] | None:
        holder = self.holder()
        return next((pod for pod in self.pods() if pod["metadata"]["name"] == holder), None)
