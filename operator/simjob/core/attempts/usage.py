"""The compute time of finished cases, by outcome: wall, CPU and GPU seconds.

The time of a case is added in the status write that records its outcome. Both ends of a duration come from the same
clock: the kubelet's for a container's start and finish, otherwise the operator's. CPU and GPU seconds are the wall
seconds times the requests of a pod, which are the same for all cases; so rounding happens once, on the sum.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from simjob.api import names
from simjob.api.outcomes import Outcomes
from simjob.api.schema import INT64_MAX
from simjob.api.simulationjob import SimulationJob
from simjob.api.status import ComputeTime, UsedTime
from simjob.core.attempts import podrequests
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodFact, PodState
from simjob.core.observed.children import CaseFacts


def ran(pod: PodFact) -> int:
    """Return the seconds that the simulation ran, for a pod that has ended or is gone."""
    if pod.started and pod.finished:
        return _seconds(pod.started, pod.finished)
    until = pod.gone_at or pod.seen_at
    if pod.started:
        # The end is unknown, so the operator's clock gives it. The kubelet's clock, which gave the start, may differ.
        return _seconds(min(max(pod.started, pod.created), until), until)
    return _seconds(pod.seen_at, until) if pod.state is PodState.RUNNING else 0


def spent(job: JobFact, pod: PodFact | None) -> int:
    """Return the seconds that all attempts of a case ran, including that of `pod`, the current one."""
    return job.seconds + (ran(pod) if pod else 0)


def counted(job: SimulationJob, open_: Sequence[CaseFacts], outcomes: Outcomes) -> ComputeTime | None:
    """Return the stored compute time plus that of the cases in `open_` that have an outcome in `outcomes`.

    `open_` are the cases without an outcome in the stored status.
    """
    stored = job.status.compute_time
    by_outcome = {"succeeded": outcomes.succeeded, "failed": outcomes.failed, "cancelled": outcomes.cancelled}
    spans = {outcome: [_of(case) for case in open_ if case.index in done] for outcome, done in by_outcome.items()}
    if not any(spans.values()):
        return stored
    cpus = podrequests.requests(job, "cpu")
    gpus = sum((podrequests.requests(job, name) for name in _gpus(job)), Decimal())

    def add(outcome: str) -> UsedTime:
        before: UsedTime = getattr(stored, outcome) if stored else UsedTime()
        wall = before.wall_seconds + sum(spans[outcome])
        return UsedTime(
            wall_seconds=_amount(wall), cpu_seconds=_amount(round(wall * cpus)), gpu_seconds=_amount(round(wall * gpus))
        )

    return ComputeTime(succeeded=add("succeeded"), failed=add("failed"), cancelled=add("cancelled"))


def _amount(seconds: int) -> int:
    # Other programs can edit the Jobs' annotations: a huge number there must not make a status that is rejected.
    return min(seconds, INT64_MAX)


def _gpus(job: SimulationJob) -> set[str]:
    gpu = job.spec.resources.gpu if job.spec.resources else None
    return {names.GPU_RESOURCE, *([gpu.resource_name] if gpu else [])}


def _of(case: CaseFacts) -> int:
    pod = case.last_pod
    return spent(case.job, pod) if case.job else ran(pod) if pod else 0


def _seconds(since: datetime, until: datetime) -> int:
    return max(round((until - since).total_seconds()), 0)
