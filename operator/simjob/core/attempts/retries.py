"""The delay before the next attempt of a case: after a failure, and after an end that does not count as one."""

from datetime import timedelta
from typing import Final

# https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-backoff-failure-policy and
# kubernetes/kubernetes:pkg/controller/job/job_controller.go (DefaultJobPodFailureBackOff, MaxJobPodFailureBackOff)
FIRST_DELAY: Final = timedelta(seconds=10)
LONGEST_DELAY: Final = timedelta(minutes=10)
# A disrupted pod is replaced at once the first time. The delay that follows protects a node that rejects every pod.
FIRST_PAUSE: Final = timedelta(seconds=1)
LONGEST_PAUSE: Final = timedelta(minutes=1)
# An attempt that ran this long is not part of a crash loop. The kubelet uses the same time for container restarts.
LONG_RUN: Final = timedelta(minutes=10)
# After this number of disruptions of a case, an Event and status report them.
NOTABLE_DISRUPTIONS: Final = 10


def delay(failures: int) -> timedelta:
    """Return the delay after the n-th failure that counts, n >= 1: 10 s, doubled each time, at most 10 minutes."""
    return min(FIRST_DELAY * (1 << min(failures - 1, 10)), LONGEST_DELAY)


def pause(interruptions: int, ran: timedelta | None = None) -> timedelta:
    """Return the delay after the n-th end that does not count, n >= 1: none, then 1 s, doubled, at most a minute.

    There is also no delay after an attempt that ran for ten minutes. `ran` is None if that time is unknown.
    """
    if interruptions <= 1 or (ran is not None and ran >= LONG_RUN):
        return timedelta()
    return min(FIRST_PAUSE * (1 << min(interruptions - 2, 10)), LONGEST_PAUSE)


def is_long(seconds: int) -> bool:
    """Return whether an attempt ran too long to be part of a crash loop."""
    return timedelta(seconds=seconds) >= LONG_RUN
