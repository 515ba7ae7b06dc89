"""A job's situation in one pass: the verdicts on its open cases, and the outcomes with what has just ended.

Costs O(live + just ended + kept), never O(cases).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from simjob.api.outcomes import Outcomes
from simjob.api.simulationjob import SimulationJob
from simjob.api.status import Phase
from simjob.api.sweep.ranges import Ranges
from simjob.core.attempts import judgement
from simjob.core.attempts.judgement import Ended, Held, Live, Verdict
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodFact, PodState
from simjob.core.observed.children import CaseFacts, Observed


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What the rules of the ladder look at.

    `selection`: the cases that the job has.
    `open`: cases that have children and no stored outcome; `verdicts` has one for each.
    `closed`: cases that have a stored outcome, or that the job does not have, and still have children.
    `outcomes`: the stored ones with the cases that have ended by themselves since; `unfinished`: the cases without one.
    `live_pods`: all live pods of the job, those of closed cases and second ones of a case too.
    `dropped`: the cases that become cancelled now because of `cancelCases`.
    """

    job: SimulationJob
    observed: Observed
    now: datetime
    selection: Ranges
    open: tuple[CaseFacts, ...]
    closed: tuple[CaseFacts, ...]
    verdicts: Mapping[int, Verdict]
    outcomes: Outcomes
    unfinished: Ranges
    live_pods: tuple[PodFact, ...]
    dropped: Ranges = field(default_factory=Ranges)

    @property
    def total(self) -> int:
        """How many cases the job has."""
        return len(self.selection)

    @property
    def ended(self) -> tuple[tuple[CaseFacts, Ended], ...]:
        """The open cases that have ended by themselves."""
        pairs = ((case, self.verdicts[case.index]) for case in self.open)
        return tuple((case, verdict) for case, verdict in pairs if isinstance(verdict, Ended))

    @property
    def pods_accepted(self) -> bool | None:
        """Whether the API server has ever accepted a pod of the job; None if an older release did not write it down."""
        stored, cases = self.job.status, self.observed.cases
        ended = stored.outcomes.succeeded or stored.outcomes.failed
        ran = stored.phase in (Phase.ASSIGNED, Phase.RUNNING)
        if ended or ran or any(case.pods or (case.job and case.job.attempt) for case in cases):
            return True
        return stored.pods_accepted if stored.start_time else False

    def has_pod(self, *states: PodState) -> bool:
        """Return whether an open case has its pod in one of these states."""
        return any(isinstance(verdict, Live) and verdict.pod.state in states for verdict in self.verdicts.values())

    @property
    def occupied(self) -> int:
        """How many places of `parallelism` are taken: by live pods, Jobs that their queue holds, and creations."""
        held = {case.index for case in self.open if case.live_pods or isinstance(self.verdicts[case.index], Held)}
        closed = {case.index for case in self.closed if case.live_pods}
        return len(held | closed | self.observed.under_way)

    @property
    def unfinished_jobs(self) -> tuple[JobFact, ...]:
        """The Jobs still to be deleted where all is to stop.

        Those of open cases that did not end by themselves and have no live pod, and those of earlier restarts. One that
        is being deleted waits for somebody else's finalizer: it has no pod and gets none.
        """
        found: list[JobFact] = []
        for case in self.open:
            found.extend(case.older)
            if case.job and not isinstance(self.verdicts[case.index], Ended | Live):
                found.append(case.job)
        return tuple(job for job in found if not job.terminating)

    @property
    def kept_jobs(self) -> list[JobFact]:
        """The Jobs of recorded cases that are finished, oldest first."""
        outcomes = self.job.status.outcomes
        recorded = outcomes.succeeded.union(outcomes.failed)
        found = (case.job for case in self.closed if case.index in recorded and not case.live_pods)
        finished = [job for job in found if job and job.succeeded is not None and not job.terminating]
        return sorted(finished, key=lambda job: (job.finished_at or self.now, job.index))

    @property
    def earlier_pods(self) -> list[PodFact]:
        """The ended pods of earlier attempts of cases that are tried again, oldest first."""
        pods = ((case.job, pod) for case in self.open for pod in case.pods if case.job)
        found = [pod for job, pod in pods if pod.job_uid == job.uid and pod.attempt < job.attempt]
        return sorted(
            (pod for pod in found if pod.ended and not (pod.gone or pod.terminating)), key=lambda pod: pod.created
        )

    @property
    def makes_room(self) -> bool:
        """Whether what is kept goes, because a quota counts it and refuses what is to start."""
        refusal = self.observed.refusal
        if refusal is None or not refusal.counts_objects:
            return False
        return refusal.room_made_at is not None or bool(self.kept_jobs or self.earlier_pods)


def assess(job: SimulationJob, observed: Observed, now: datetime) -> Situation:
    """Judge every case that has children."""
    selection = job.selection
    job = _consistent(job, selection)
    stored = job.status.outcomes
    closed = done(stored)
    open_ = tuple(case for case in observed.cases if case.index in selection and case.index not in closed)
    verdicts = {case.index: judgement.judge(case, job.spec, now) for case in open_}
    succeeded = [index for index, verdict in verdicts.items() if isinstance(verdict, Ended) and verdict.succeeded]
    failed = [index for index, verdict in verdicts.items() if isinstance(verdict, Ended) and not verdict.succeeded]
    outcomes = replace(
        stored,
        succeeded=stored.succeeded.union(Ranges.of(succeeded)),
        failed=stored.failed.union(Ranges.of(failed)),
    )
    return Situation(
        job=job,
        observed=observed,
        now=now,
        selection=selection,
        open=open_,
        closed=tuple(case for case in observed.cases if case.index not in selection or case.index in closed),
        verdicts=verdicts,
        outcomes=outcomes,
        unfinished=selection.minus(done(outcomes)),
        live_pods=observed.live_pods,
    )


def _consistent(job: SimulationJob, cases: Ranges) -> SimulationJob:
    """Return the job with each of its cases at most once in its outcomes, and no others.

    Whoever may write the status can write nonsense, and counts must sum up all the same.
    """
    stored = job.status.outcomes
    recorded = done(stored)
    times = len(stored.succeeded) + len(stored.failed) + len(stored.cancelled)
    if times == len(recorded) and not recorded.minus(cases):
        return job
    succeeded = stored.succeeded.intersection(cases)
    failed = stored.failed.intersection(cases).minus(succeeded)
    cancelled = stored.cancelled.intersection(cases).minus(succeeded).minus(failed)
    outcomes = replace(stored, succeeded=succeeded, failed=failed, cancelled=cancelled)
    return job.model_copy(update={"status": job.status.with_outcomes(outcomes)})


def over(outcomes: Outcomes) -> Ranges:
    """Return the cases that are not created any more: those with an outcome, and those that `cancelCases` named."""
    return done(outcomes).union(outcomes.cancelling)


def done(outcomes: Outcomes) -> Ranges:
    """Return the cases that have an outcome."""
    return outcomes.succeeded.union(outcomes.failed).union(outcomes.cancelled)
