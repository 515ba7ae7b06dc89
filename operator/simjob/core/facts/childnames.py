"""The names of a case's Job and pods: computed from the SimulationJob and the case, and read back from the name."""

from typing import Final

from simjob.core.facts import annotations

# A Job's name is the value of the label batch.kubernetes.io/job-name.
LONGEST_LABEL: Final = 63
# "-" and an attempt's number: the pod's name is kept within the same length, so that it is also its host name.
_ATTEMPT_ROOM: Final = 5
HASH: Final = 8


def job_name(name: str, uid: str, index: int, restarts: int) -> str:
    """Return NAME-HASH-INDEX-ROUND, NAME cut so that the whole is a label value and a pod's name fits too."""
    suffix = f"-{uid[:HASH]}-{index}-{restarts}"
    stem = name.replace(".", "-")[: LONGEST_LABEL - _ATTEMPT_ROOM - len(suffix)].rstrip("-")
    return stem + suffix


def pod_name(job: str, attempt: int) -> str:
    """Return the name of an attempt's pod."""
    return f"{job}-{attempt}"


def job_of(pod: str) -> str:
    """Return the name of the Job whose attempt a pod of this name is."""
    return pod.rpartition("-")[0]


def names_attempt(pod: str) -> bool:
    """Return whether an attempt's pod could have this name."""
    job, _, attempt = pod.rpartition("-")
    _, index, restarts = numbers(job)
    return None not in (index, restarts, annotations.number(attempt))


def numbers(job: str) -> tuple[str, int | None, int | None]:
    """Split the name of a Job into NAME-HASH, the case's index and the restarts."""
    rest, _, restarts = job.rpartition("-")
    stem, _, index = rest.rpartition("-")
    return stem, annotations.number(index), annotations.number(restarts)
