"""One SimulationJob on the cluster, as its user sees it: through kubectl."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from cluster.images import oci
from e2e.support.waiting import until
from integration.support import client
from integration.support.client import Object
from integration.support.watching import Seen
from simjob.api import names

if TYPE_CHECKING:
    from e2e.support.namespace import Namespace

T = TypeVar("T")

# A shell that waits for its child hears of SIGTERM at once.
FOREVER = "trap 'exit 143' TERM; sleep 3600 & wait"
# Waits until the test calls `Sweep.release`: a slow machine may need seconds until a test acts.
UNTIL_RELEASED = "until [ -e /tmp/released ]; do sleep 0.1; done"


def manifest(name: str, script: str, grace: int, spec: dict[str, Any]) -> Object:
    """Make a SimulationJob of one case, unless `spec` says otherwise."""
    container = {"name": "simulation", "image": oci.BUSYBOX, "command": ["sh", "-c", script]}
    template = {"spec": {"terminationGracePeriodSeconds": grace, "containers": [container]}}
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": {"name": name},
        "spec": {"cases": {"count": 1}, "template": template, **spec},
    }


@dataclass(frozen=True, slots=True)
class Sweep:
    """A SimulationJob in an observed namespace."""

    namespace: "Namespace"
    name: str

    def get(self) -> Object:
        """Read it."""
        return self.namespace.client.get(client.simulationjobs(self.namespace.name, self.name))

    @property
    def uid(self) -> str:
        return str(self.get()["metadata"]["uid"])

    @property
    def status(self) -> Object:
        """Its status as stored now."""
        found: Object = self.get().get("status", {})
        return found

    def patch(self, **spec: Any) -> str:
        """Patch the spec as a user does, by `kubectl patch --type=merge`; None removes a field."""
        return self.namespace.run("patch", "simjob", self.name, "--type=merge", "-p", json.dumps({"spec": spec}))

    def cancel(self, reason: str = "wrong mesh") -> str:
        """Cancel it in one patch."""
        return self.patch(cancel=True, cancelReason=reason)

    def release(self, *pods: Seen) -> None:
        """Let running pods leave UNTIL_RELEASED."""
        for pod in pods:
            self.namespace.run("exec", pod.name, "--", "touch", "/tmp/released")  # noqa: S108 - the container's

    def statuses(self) -> list[Object]:
        """Give all statuses that it ever had: also those that were over before the test could look."""
        self.namespace.sweeps.settle()
        return [seen.object.get("status", {}) for seen in self.namespace.sweeps.of(self.uid)]

    def pods(self) -> list[Seen]:
        """Give the newest version of each pod that is there."""
        return [seen for seen in self.namespace.pods.live() if self.owns(seen)]

    def pod(self, index: int, seconds: float = 40) -> Seen:
        """Wait until a case has a running pod that nobody has asked to stop."""
        return self.wait(lambda: self._running_pod(index), f"case {index} runs", seconds)

    def job(self, index: int, seconds: float = 40) -> str:
        """Wait until a case has a Job; name it."""
        return self.wait(lambda: self._job(index), f"case {index} has a Job", seconds)

    def wait_running(self, cases: int, seconds: float = 60) -> list[Seen]:
        """Wait until this many cases run; return their pods."""

        def found() -> list[Seen] | None:
            running = [seen for seen in self.pods() if seen.phase == "Running"]
            return running if len(running) == cases else None

        return self.wait(found, f"{cases} cases run", seconds)

    def wait_phase(self, phase: str, seconds: float = 60) -> Object:
        """Wait for a phase; give the status that says it."""

        def found() -> Object | None:
            status = self.status
            return status if status.get("phase") == phase else None

        return self.wait(found, f"{self.name} is {phase}", seconds)

    def wait_message(self, reason: str, seconds: float = 40) -> str:
        """Wait for a reason in status; return its message."""

        def found() -> str | None:
            status = self.status
            return str(status.get("message")) if status.get("reason") == reason else None

        return self.wait(found, f"the reason is {reason}", seconds)

    def wait(self, check: Callable[[], T | None], what: str, seconds: float = 60) -> T:
        """Wait for something about this SimulationJob; on failure the message shows the whole state."""
        return until(check, seconds, lambda: f"{what}\n{self.describe()}")

    def describe(self) -> str:
        """Tell status, Jobs, pods and the end of the operator's log."""
        objects = self.namespace.run("get", "jobs,pods", "-o", "wide", "--ignore-not-found")
        return f"{json.dumps(self.status, indent=2)}\n{objects}\n{self.namespace.operator.log()}"

    def owns(self, seen: Seen) -> bool:
        """Say whether a Job or a pod is of this SimulationJob."""
        return bool(seen.object["metadata"].get("labels", {}).get(names.LABEL_NAME) == self.name)

    def _running_pod(self, index: int) -> Seen | None:
        return next((seen for seen in self.pods() if seen.phase == "Running" and _is_case(seen, index)), None)

    def _job(self, index: int) -> str | None:
        found = (seen for seen in self.namespace.jobs.live() if self.owns(seen) and _is_case(seen, index))
        return next((seen.name for seen in found), None)


def _is_case(seen: Seen, index: int) -> bool:
    metadata = seen.object["metadata"]
    return metadata["labels"][names.LABEL_INDEX] == str(index) and "deletionTimestamp" not in metadata
