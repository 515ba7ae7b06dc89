"""A SimulationJob's children as one frozen value, grouped by case.

It is built once per pass from the stores. It is sorted, so that the order of events does not matter.
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime

from simjob.api.sweep.stored import CaseTable
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodFact
from simjob.core.observed.preparation import Unprepared
from simjob.core.observed.refusedcreation import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFacts:
    """The children of one case: its Job of the last restart, its Jobs of earlier restarts, its pods by attempt."""

    index: int
    job: JobFact | None
    older: tuple[JobFact, ...]
    pods: tuple[PodFact, ...]

    @property
    def live_pods(self) -> tuple[PodFact, ...]:
        """Return the pods that are neither ended nor gone: at most one, unless another program created one."""
        return tuple(pod for pod in self.pods if pod.live)

    @property
    def last_pod(self) -> PodFact | None:
        """Return the pod of the Job's current attempt; for a case without a Job, the newest pod."""
        job = self.job
        found = (p for p in self.pods if job is None or (p.job_uid == job.uid and p.attempt == job.attempt))
        return next(reversed(tuple(found)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class LivePods:
    """The live pods, for a cancel that does not judge the cases. It costs O(pods to delete), not O(cases).

    `unasked`: live pods that are not being deleted yet, by case. `stopping`: number of live pods that are.
    `attributed`: as in Observed.
    """

    unasked: tuple[PodFact, ...] = ()
    stopping: int = 0
    attributed: bool = False

    @property
    def number(self) -> int:
        """Return the number of live pods."""
        return len(self.unasked) + self.stopping


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """Everything that is known about a SimulationJob's children.

    `spent`: cases whose Job name with the current restarts this process may have used; None if it is unknown, because
    this process plans for the SimulationJob for the first time.
    `refusal`: why creations fail, if they do.
    `waiting`: cases that must not be started now. `last`: refused cases to start only if no other case can.
    `under_way`: cases whose creation has no answer yet: their pods may exist.
    `prepared`: the result of copying the cases, until it is in the status.
    `attributed`: whether only the API server can write the annotation that says who cancelled.
    `words`: messages of kubelets about pods that do not start, by pod uid; of Kueue about Jobs it holds, by Job uid.
    `earlier`: cases that still run in a pod of an earlier SimulationJob with the same name, and the pod's name.
    `last_stop`: when a pod of any SimulationJob last stopped on request, while other pods are being stopped.
    """

    cases: tuple[CaseFacts, ...]
    spent: Set[int] | None
    refusal: Refusal | None = None
    prepared: CaseTable | Unprepared | None = None
    attributed: bool = False
    words: Mapping[str, str] = field(default_factory=dict)
    earlier: Mapping[int, str] = field(default_factory=dict)
    last_stop: datetime | None = None
    waiting: Set[int] = frozenset()
    last: Set[int] = frozenset()
    under_way: Set[int] = frozenset()

    @property
    def live_pods(self) -> tuple[PodFact, ...]:
        """Return all live pods, in the order of the cases."""
        return tuple(pod for case in self.cases for pod in case.live_pods)

    @property
    def live(self) -> LivePods:
        """Return the live pods for a cancel that does not judge the cases."""
        pods = self.live_pods
        unasked = tuple(pod for pod in pods if not pod.terminating)
        return LivePods(unasked=unasked, stopping=len(pods) - len(unasked), attributed=self.attributed)


def observe(
    jobs: Iterable[JobFact],
    pods: Iterable[PodFact],
    *,
    spent: Set[int] | None,
    refusal: Refusal | None = None,
    prepared: CaseTable | Unprepared | None = None,
    attributed: bool = False,
    last_stop: datetime | None = None,
) -> Observed:
    """Return Jobs and pods grouped by case, in O(Jobs + pods). The other arguments are as in Observed."""
    jobs_of: dict[int, list[JobFact]] = {}
    pods_of: dict[int, list[PodFact]] = {}
    for job in jobs:
        jobs_of.setdefault(job.index, []).append(job)
    for pod in pods:
        pods_of.setdefault(pod.index, []).append(pod)
    cases = (
        _case(index, jobs_of.get(index, []), pods_of.get(index, []))
        for index in sorted(jobs_of.keys() | pods_of.keys())
    )
    return Observed(
        cases=tuple(cases),
        spent=spent,
        refusal=refusal,
        prepared=prepared,
        attributed=attributed,
        last_stop=last_stop,
    )


def _case(index: int, jobs: list[JobFact], pods: list[PodFact]) -> CaseFacts:
    newest_first = sorted(jobs, key=lambda job: (job.restarts, job.name), reverse=True)
    return CaseFacts(
        index=index,
        job=newest_first[0] if newest_first else None,
        older=tuple(newest_first[1:]),
        pods=tuple(sorted(pods, key=lambda pod: (pod.attempt, pod.name))),
    )
