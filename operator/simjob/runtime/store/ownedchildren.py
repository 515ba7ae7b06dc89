"""The Jobs and pods of one SimulationJob in the store."""

from dataclasses import dataclass, field
from datetime import datetime

from simjob.api.status import Status
from simjob.core.assessment import done
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodFact


@dataclass(slots=True)
class Children:
    """Jobs and pods, by uid.

    `of_job`: the uids of pods, by the uid of their Job.
    `unasked`, `stopping`: the uids of live pods without and with a deletion timestamp.
    `unseen`: the uids of children that the watches do not show, each with the time of its next lookup.
    """

    jobs: dict[str, JobFact] = field(default_factory=dict)
    pods: dict[str, PodFact] = field(default_factory=dict)
    of_job: dict[str, set[str]] = field(default_factory=dict)
    unasked: set[str] = field(default_factory=set)
    stopping: set[str] = field(default_factory=set)
    unseen: dict[str, datetime] = field(default_factory=dict)

    @property
    def are_left(self) -> bool:
        """Return whether a Job or a pod exists."""
        return bool(self.jobs) or any(not pod.gone for pod in self.pods.values())

    def put_job(self, job: JobFact, now: datetime) -> None:
        """Store the state of a Job."""
        self.jobs[job.uid] = job
        self._note(job, now)

    def put_pod(self, pod: PodFact, now: datetime) -> None:
        """Store the state of a pod."""
        self._note(pod, now)
        known = self.pods.get(pod.uid)
        if known and known.job_uid != pod.job_uid:
            self.forget_pod(known)
        self.pods[pod.uid] = pod
        self.of_job.setdefault(pod.job_uid, set()).add(pod.uid)
        self._forget_live(pod)
        if pod.live:
            (self.stopping if pod.terminating else self.unasked).add(pod.uid)

    def _note(self, child: JobFact | PodFact, now: datetime) -> None:
        if child.labelled or (isinstance(child, PodFact) and not child.live):
            self.unseen.pop(child.uid, None)
        else:
            self.unseen.setdefault(child.uid, now)

    def forget_pod(self, pod: PodFact) -> None:
        """Remove a pod."""
        del self.pods[pod.uid]
        self._forget_live(pod)
        self.unseen.pop(pod.uid, None)
        of_job = self.of_job[pod.job_uid]
        of_job.discard(pod.uid)
        if not of_job:
            del self.of_job[pod.job_uid]

    def _forget_live(self, pod: PodFact) -> None:
        self.unasked.discard(pod.uid)
        self.stopping.discard(pod.uid)

    def due(self, now: datetime) -> tuple[tuple[JobFact, ...], tuple[PodFact, ...]]:
        """Return the Jobs and pods that the watches do not show and whose lookup is due."""
        due = [uid for uid, at in self.unseen.items() if at <= now]
        jobs = tuple(self.jobs[uid] for uid in due if uid in self.jobs)
        return jobs, tuple(self.pods[uid] for uid in due if uid in self.pods)

    def hidden_pods(self) -> tuple[PodFact, ...]:
        """Return the live pods that neither the watch nor a list shows."""
        found = (self.pods.get(uid) for uid in self.unseen)
        return tuple(pod for pod in found if pod and pod.live)

    def without_job(self) -> tuple[PodFact, ...]:
        """Return one pod for each Job that pods name as their owner but that is unknown."""
        pods = {pod.job_uid: pod for pod in self.pods.values() if not pod.gone and pod.job_uid not in self.jobs}
        return tuple(pods.values())

    def without_pod(self, status: Status | None, now: datetime) -> tuple[JobFact, ...]:
        """Return the Jobs of unfinished cases whose current attempt has no known pod, although it may have one."""
        finished = done(status.outcomes) if status else None
        found = []
        for job in self.jobs.values():
            is_over = job.succeeded is not None or (finished is not None and job.index in finished)
            waits = job.not_before is not None and job.not_before > now
            pods = (self.pods[uid] for uid in self.of_job.get(job.uid, ()))
            if not (is_over or waits or any(pod.attempt == job.attempt for pod in pods)):
                found.append(job)
        return tuple(found)

    def forget_settled(self, status: Status | None) -> None:
        """Remove pods that are gone and that no rule needs any more."""
        gone = [pod for pod in self.pods.values() if pod.gone]
        if not gone:
            return
        finished = done(status.outcomes) if status else None
        for pod in gone:
            job = self.jobs.get(pod.job_uid)
            counted = finished is not None and pod.index in finished
            surpassed = job.attempt > pod.attempt if job else not pod.succeeded
            if counted or surpassed:
                self.forget_pod(pod)
