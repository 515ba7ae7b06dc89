"""How long a case waits before its next attempt, after a failure and after an end that does not count."""

from datetime import timedelta
from typing import Final

# https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-backoff-failure-policy and
# kubernetes/kubernetes:pkg/controller/job/job_controller.go (DefaultJobPodFailureBackOff, MaxJobPodFailureBackOff)
FIRST_DELAY: Final = timedelta(seconds=10)
LONGEST_DELAY: Final = timedelta(minutes=10)
# What the cluster ends is replaced at once, but a node that turns all pods away is not asked without pause.
FIRST_PAUSE: Final = timedelta(seconds=1)
LONGEST_PAUSE: Final = timedelta(minutes=1)
# After a run of this length an end is no crash loop, as for a kubelet that restarts containers.
LONG_RUN: Final = timedelta(minutes=10)
# From this many disruptions of a case on, status and an Event say so.
NOTABLE_DISRUPTIONS: Final = 10


def delay(failures: int) -> timedelta:
    """Return the wait after the n-th failure that counts, n >= 1: 10 s, doubled each time, at most 10 minutes."""
    return min(FIRST_DELAY * (1 << min(failures - 1, 10)), LONGEST_DELAY)


def pause(interruptions: int, ran: timedelta | None = None) -> timedelta:
    """Return the wait after the n-th end that does not count, n >= 1: none, then 1 s, doubled, at most a minute.

    None, too, after an attempt that ran for ten minutes; `ran` is None where nobody knows.
    """
    if interruptions <= 1 or (ran is not None and ran >= LONG_RUN):
        return timedelta()
    return min(FIRST_PAUSE * (1 << min(interruptions - 2, 10)), LONGEST_PAUSE)


def is_long(seconds: int) -> bool:
    """Return whether an attempt of this length is no part of a crash loop."""
    return timedelta(seconds=seconds) >= LONG_RUN
