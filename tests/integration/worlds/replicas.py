"""Operator processes that elect a leader among them, as the replicas of a Deployment do."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from integration.support.client import Client
from integration.support.operator_process import QUICK_LEASE, OperatorProcess
from integration.support.sweeps import eventually

LEASE = "/apis/coordination.k8s.io/v1/namespaces/simjob-system/leases/simjob-operator"


class Replicas:
    """Some replicas, of which one leads."""

    def __init__(self, client: Client, members: Sequence[OperatorProcess]) -> None:
        self.client = client
        self.members = members

    @property
    def holder(self) -> str:
        """The identity in the Lease."""
        lease = self.client.find(LEASE) or {}
        return str(lease.get("spec", {}).get("holderIdentity", ""))

    @property
    def leader(self) -> OperatorProcess:
        """The one that leads, as soon as one does."""
        eventually(lambda: self._leader() is not None, lambda: f"nobody leads; the Lease says {self.holder!r}")
        found = self._leader()
        assert found is not None
        return found

    @property
    def follower(self) -> OperatorProcess:
        """One that does not lead."""
        leader = self.leader
        return next(found for found in self.members if found is not leader)

    def ensure_running(self, *, wait: bool = True) -> None:
        """Start those that have ended, as their kubelet does."""
        for process in self.members:
            if not process.is_running:
                process.start(wait=wait)

    def kill_leader(self) -> None:
        """Kill the leader, and start it again as a kubelet does."""
        victim = self.leader
        victim.kill()
        victim.start(wait=False)

    def tail(self) -> str:
        """Give the end of each one's log."""
        return "\n".join(f"{found.name}:\n{found.tail(15)}" for found in self.members)

    def defects(self) -> list[str]:
        """Give the lines in which any of them says that it is at fault itself."""
        return [line for found in self.members for line in found.defects()]

    def _leader(self) -> OperatorProcess | None:
        return next((found for found in self.members if found.is_running and found.identity == self.holder), None)


@contextmanager
def replicas(client: Client, kubeconfig: Path, logs: Path, count: int = 2, **settings: str) -> Iterator[Replicas]:
    """Make replicas with a short Lease, unless `settings` (environment variables) say otherwise; start none of them."""
    given = {**QUICK_LEASE, **settings}
    names = [f"replica-{index}" for index in range(count)]
    members = [OperatorProcess(name, kubeconfig, logs / f"{name}.log", **given) for name in names]
    for process in members:
        process.log.write_text("")
    try:
        yield Replicas(client, members)
    finally:
        for process in members:
            process.stop()
