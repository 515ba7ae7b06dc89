"""What only further reads say about the plan of a SimulationJob: why pods do not start, and why Jobs are held."""

from collections.abc import Mapping

from simjob.core.plan import Plan
from simjob.runtime.client.key import Key
from simjob.runtime.cluster.calls import Cluster
from simjob.runtime.store.workqueue import WorkQueue
from simjob.runtime.watching.podevents import PodEvents
from simjob.runtime.watching.workloads import Workloads


class WaitingReasons:
    """The Events of pods and the Workloads of Jobs, a few of each SimulationJob."""

    def __init__(self, cluster: Cluster, queue: WorkQueue) -> None:
        self._pod_events = PodEvents(cluster, queue)
        self._workloads = Workloads(cluster, queue)

    def words(self, key: Key) -> Mapping[str, str]:
        """Return the last known texts, by the uid of the pod or the Job."""
        return {**self._pod_events.words(key), **self._workloads.words(key)}

    def ask(self, key: Key, plan: Plan) -> None:
        """Start to read what the plan asks for and was not read recently. Drop everything else of the key."""
        self._pod_events.ask(key, plan.unstarted)
        self._workloads.ask(key, plan.held)

    def forget(self, key: Key) -> None:
        """Drop everything about a SimulationJob."""
        self._pod_events.forget(key)
        self._workloads.forget(key)

    def close(self) -> None:
        """Cancel all reads."""
        self._pod_events.close()
        self._workloads.close()
