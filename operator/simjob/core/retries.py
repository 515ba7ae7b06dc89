"""How long a case waits after a failure before its next attempt."""

from datetime import timedelta
from typing import Final

# https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-backoff-failure-policy and
# kubernetes/kubernetes:pkg/controller/job/job_controller.go (DefaultJobPodFailureBackOff, MaxJobPodFailureBackOff)
FIRST_DELAY: Final = timedelta(seconds=10)
LONGEST_DELAY: Final = timedelta(minutes=10)


def delay(failures: int) -> timedelta:
    """Returns the wait after the n-th failure that counts, n >= 1: 10 s, doubled each time, at most 10 minutes."""
    return min(FIRST_DELAY * (1 << min(failures - 1, 10)), LONGEST_DELAY)
