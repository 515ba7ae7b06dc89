"""The situation of a job in one pass: the verdicts on its open cases, and the outcomes up to now.

It costs O(live + just ended + kept) cases, never O(all cases).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from simjob.api.outcomes import Outcomes
from simjob.api.simulationjob import SimulationJob
from simjob.api.status import Phase
from simjob.api.sweep.ranges import Ranges
from simjob.api.sweep.stored import CaseTable
from simjob.core.attempts import judgement
from simjob.core.attempts.judgement import Ended, Held, Live, Verdict
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodFact, PodState
from simjob.core.observed.children import CaseFacts, Observed


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """The facts that the rules of the planner use.

    `selection`: the cases that the job runs.
    `open`: cases with children and without a stored outcome. `verdicts` has one for each.
    `closed`: cases with children that have a stored outcome, or are not in `selection`.
    `outcomes`: the stored outcomes, plus the cases that have ended by themselves since. `unfinished`: all other cases.
    `live_pods`: all live pods of the job, also those of closed cases and second pods of a case.
    `dropped`: cases that become cancelled in this pass because of `cancelCases`.
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
        """Return the number of cases that the job runs."""
        return len(self.selection)

    @property
    def ended(self) -> tuple[tuple[CaseFacts, Ended], ...]:
        """Return the open cases that have ended by themselves, each with its verdict."""
        pairs = ((case, self.verdicts[case.index]) for case in self.open)
        return tuple((case, verdict) for case, verdict in pairs if isinstance(verdict, Ended))

    @property
    def pods_accepted(self) -> bool | None:
        """Whether the API server has ever accepted a pod of the job; None if an older release did not record it."""
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
        """Return how many cases count against `parallelism`: with a live pod, held by Kueue, or being created."""
        held = {case.index for case in self.open if case.live_pods or isinstance(self.verdicts[case.index], Held)}
        closed = {case.index for case in self.closed if case.live_pods}
        return len(held | closed | self.observed.under_way)

    @property
    def unfinished_jobs(self) -> tuple[JobFact, ...]:
        """Return the Jobs to delete when everything is to stop.

        They are the Jobs of earlier restarts, and of open cases that have not ended by themselves and have no live pod.
        Jobs that are already being deleted are left out: they wait for another program's finalizer, and get no pod.
        """
        found: list[JobFact] = []
        for case in self.open:
            found.extend(case.older)
            if case.job and not isinstance(self.verdicts[case.index], Ended | Live):
                found.append(case.job)
        return tuple(job for job in found if not job.terminating)

    @property
    def kept_jobs(self) -> list[JobFact]:
        """Return the finished Jobs of cases with a stored outcome, oldest first."""
        outcomes = self.job.status.outcomes
        recorded = outcomes.succeeded.union(outcomes.failed)
        found = (case.job for case in self.closed if case.index in recorded and not case.live_pods)
        finished = [job for job in found if job and job.succeeded is not None and not job.terminating]
        return sorted(finished, key=lambda job: (job.finished_at or self.now, job.index))

    @property
    def earlier_pods(self) -> list[PodFact]:
        """Return the ended pods of earlier attempts of open cases, oldest first."""
        pods = ((case.job, pod) for case in self.open for pod in case.pods if case.job)
        found = [pod for job, pod in pods if pod.job_uid == job.uid and pod.attempt < job.attempt]
        return sorted(
            (pod for pod in found if pod.ended and not (pod.gone or pod.terminating)), key=lambda pod: pod.created
        )

    @property
    def makes_room(self) -> bool:
        """Whether kept Jobs and pods are deleted to make room, because a quota on objects refuses new ones."""
        refusal = self.observed.refusal
        if refusal is None or not refusal.counts_objects:
            return False
        return refusal.room_made_at is not None or bool(self.kept_jobs or self.earlier_pods)


def assess(job: SimulationJob, observed: Observed, now: datetime) -> Situation:
    """Return the situation of a job: every case with children is judged."""
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


def with_cases(situation: Situation, table: CaseTable) -> Situation:
    """Return the situation of a job whose cases are in `table`, which its stored status does not say yet."""
    job = situation.job
    status = job.status.model_copy(update={"case_table": table})
    return assess(job.model_copy(update={"status": status}), situation.observed, situation.now)


def _consistent(job: SimulationJob, cases: Ranges) -> SimulationJob:
    """Return the job with at most one outcome for each of its cases, and none for other indexes.

    Any client that may write the status can write contradictions, and the counts must still add up.
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
    """Return the cases that must not be created: those with an outcome, and those that `cancelCases` is stopping."""
    return done(outcomes).union(outcomes.cancelling)


def done(outcomes: Outcomes) -> Ranges:
    """Return the cases that have an outcome."""
    return outcomes.succeeded.union(outcomes.failed).union(outcomes.cancelled)
