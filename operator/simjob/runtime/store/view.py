"""What the store knows about one SimulationJob at one moment. Each plan is made from one view."""

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime

from simjob.api.simulationjob import Invalid, SimulationJob
from simjob.core.facts import childnames
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodFact
from simjob.core.observed.children import LivePods, Observed, observe
from simjob.core.observed.refusedcreation import Refusal
from simjob.runtime.client.key import Key
from simjob.runtime.store.stopsigns import StopSigns


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A SimulationJob and its children; it does not change while a pass works with it.

    `job` is None if the SimulationJob is not known. `is_gone`: its deletion was seen. `is_orphaned`: it was
    deleted with `--cascade=orphan`, so its children stay. `signs`: the stop signs.
    `unasked`: the live pods without a deletion timestamp; `stopping`: the number of those with one.
    `has_children`: a Job or a pod is left. `attributed`, `last_stop`: as in Observed.
    """

    key: Key
    job: SimulationJob | Invalid | None
    is_gone: bool
    is_orphaned: bool
    signs: StopSigns
    jobs: tuple[JobFact, ...]
    pods: tuple[PodFact, ...]
    unasked: tuple[PodFact, ...]
    stopping: int
    has_children: bool
    attributed: bool
    last_stop: datetime | None

    @property
    def owner_name(self) -> str | None:
        """Return the name of the SimulationJob from the owner reference of a Job; None without a Job."""
        return next((job.owner_name for job in self.jobs), None)

    @property
    def job_names(self) -> tuple[str, ...]:
        """Return the names of the SimulationJob's Jobs, the oldest first, and of those that only its pods name."""
        jobs = sorted(self.jobs, key=lambda job: (job.created, job.name))
        pods = sorted(childnames.job_of(pod.name) for pod in self.pods if not pod.gone)
        return tuple(dict.fromkeys([*(job.name for job in jobs), *pods]))

    @property
    def live(self) -> LivePods:
        """Return the live pods as a cancel needs them, by case."""
        unasked = sorted(self.unasked, key=lambda pod: (pod.index, pod.attempt, pod.name))
        return LivePods(unasked=tuple(unasked), stopping=self.stopping, attributed=self.attributed)

    def observed(self, *, spent: Set[int] | None = None, refusal: Refusal | None = None) -> Observed:
        """Return the children by case, as a plan needs them."""
        return observe(
            self.jobs,
            self.pods,
            spent=spent,
            refusal=refusal,
            attributed=self.attributed,
            last_stop=self.last_stop,
        )
