"""A SimulationJob's children as one frozen value, and the same by case.

Built once per pass from the stores; sorted, so that the order of events cannot matter.
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime

from simjob.api.status import CaseTable
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodFact
from simjob.core.observed.preparation import Unprepared
from simjob.core.observed.refusedcreation import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFacts:
    """One case's children: its Job of the last restart, what is left of older ones, its pods by attempt."""

    index: int
    job: JobFact | None
    older: tuple[JobFact, ...]
    pods: tuple[PodFact, ...]

    @property
    def live_pods(self) -> tuple[PodFact, ...]:
        """The pods that are neither ended nor gone; at most one, unless somebody else made one."""
        return tuple(pod for pod in self.pods if pod.live)

    @property
    def last_pod(self) -> PodFact | None:
        """The pod of the Job's current attempt; of a case without a Job the newest one."""
        job = self.job
        found = (p for p in self.pods if job is None or (p.job_uid == job.uid and p.attempt == job.attempt))
        return next(reversed(tuple(found)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class LivePods:
    """What a cancel needs to know until no pod is live: it costs O(pods to be asked), not O(cases).

    `unasked`: the live pods that nobody has asked to stop, by case. `stopping`: how many were asked.
    `attributed`: as in Observed.
    """

    unasked: tuple[PodFact, ...] = ()
    stopping: int = 0
    attributed: bool = False

    @property
    def number(self) -> int:
        """How many pods are live."""
        return len(self.unasked) + self.stopping


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What is known of a SimulationJob's world.

    `spent`: cases whose Job name of the current restart may have been used by this process; None when it has not
    planned for this SimulationJob before and cannot know. `refusal`: why creations do not work, if they do not.
    `waiting`: cases that must not be started now; `last`: refused cases that may be started now if no other can;
    `under_way`: cases whose pods may be there although no answer says so.
    `prepared`: what came of writing down the cases, as long as it is not in the status.
    `attributed`: whether the API server alone writes the annotation that says who cancelled.
    `words`: what kubelets say of pods that do not start, by pod uid.
    `earlier`: cases that still run in a pod of an earlier SimulationJob of the name, and the pod's name.
    `last_stop`: when a pod of any SimulationJob last stopped on request, as long as other pods are being stopped.
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
        """All live pods, by case."""
        return tuple(pod for case in self.cases for pod in case.live_pods)

    @property
    def live(self) -> LivePods:
        """The live pods as a cancel sees them before the cases are judged."""
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
    """Group Jobs and pods by case, in O(Jobs + pods)."""
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
