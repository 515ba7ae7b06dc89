"""The names of a case's Job and pods: how to compute them, and how to read them."""

from typing import Final

from simjob.core.facts import annotations

# A Job's name is also the value of the label batch.kubernetes.io/job-name.
LONGEST_LABEL: Final = 63
# Room for "-" and the number of an attempt: the pod's name is also its host name, which has the same maximum length.
_ATTEMPT_ROOM: Final = 5
HASH: Final = 8


def job_name(name: str, uid: str, index: int, restarts: int) -> str:
    """Return NAME-HASH-INDEX-RESTARTS. NAME is cut so that the names of Job and pods have at most 63 characters."""
    suffix = f"-{uid[:HASH]}-{index}-{restarts}"
    stem = name.replace(".", "-")[: LONGEST_LABEL - _ATTEMPT_ROOM - len(suffix)].rstrip("-")
    return stem + suffix


def pod_name(job: str, attempt: int) -> str:
    """Return the name of an attempt's pod."""
    return f"{job}-{attempt}"


def job_of(pod: str) -> str:
    """Return the name of the Job that a pod with this name belongs to."""
    return pod.rpartition("-")[0]


def names_attempt(pod: str) -> bool:
    """Return whether the name has the form of an attempt's pod."""
    job, _, attempt = pod.rpartition("-")
    _, index, restarts = numbers(job)
    return None not in (index, restarts, annotations.number(attempt))


def numbers(job: str) -> tuple[str, int | None, int | None]:
    """Return NAME-HASH, the case's index and the restarts from a Job's name. A malformed number is None."""
    rest, _, restarts = job.rpartition("-")
    stem, _, index = rest.rpartition("-")
    return stem, annotations.number(index), annotations.number(restarts)
