"""Whose a Job or a pod is: by its computed name and its controller, not by its labels alone.

A copy of a pod (`kubectl debug --copy-to --keep-labels`), a copied Job and a pod made by hand have our labels, too. A
label can be removed; a name, and the reference to a controller that the garbage collector follows, stay.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from simjob.api import names
from simjob.core.objects import Meta, Owner

# A Job's name is the value of the label batch.kubernetes.io/job-name.
LONGEST_LABEL: Final = 63
# "-" and an attempt's number: the pod's name is kept within the same length, so that it is also its host name.
_ATTEMPT_ROOM: Final = 5
_HASH: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class JobIdentity:
    """Whose case a Job is. `labelled`: it has the label by which the operator lists and watches."""

    owner_uid: str
    owner_name: str
    index: int
    round: int
    labelled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PodIdentity:
    """Whose attempt a pod is. `labelled`: it has the label by which the operator lists and watches."""

    owner_uid: str
    job_uid: str
    index: int
    attempt: int
    labelled: bool


def job_name(name: str, uid: str, index: int, round_: int) -> str:
    """Return NAME-HASH-INDEX-ROUND, NAME cut so that the whole is a label value and a pod's name fits too."""
    suffix = f"-{uid[:_HASH]}-{index}-{round_}"
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
    _, index, round_ = _numbers(job)
    return None not in (index, round_, number(attempt))


def of_job(meta: Meta) -> JobIdentity | None:
    """Return whose case a Job is; None if a SimulationJob does not control it, or if it has another name than ours."""
    owner = next((owner for owner in meta.owner_references if owner.controller), None)
    if owner is None or owner.kind != names.KIND or _group(owner) != names.GROUP:
        return None
    _, index, round_ = _numbers(meta.name)
    if index is None or round_ is None or meta.name != job_name(owner.name, owner.uid, index, round_):
        return None
    labelled = meta.labels.get(names.LABEL_UID) == owner.uid
    return JobIdentity(owner_uid=owner.uid, owner_name=owner.name, index=index, round=round_, labelled=labelled)


def of_pod(meta: Meta, owner_uid: str = "") -> PodIdentity | None:
    """Return whose attempt a pod is; None if no Job of ours controls it, or if it has another name than ours.

    Whoever deletes a Job may let its pods stay: without a controller they still run a case of ours. `owner_uid`: the
    SimulationJob whose pod is looked for, where neither label nor annotation may be left to say so.
    """
    job, _, last = meta.name.rpartition("-")
    stem, index, _ = _numbers(job)
    attempt = number(last)
    labels = meta.labels
    uids = (labels.get(names.LABEL_UID), meta.annotations.get(names.ANNOTATION_UID), owner_uid)
    uid = next((uid for uid in uids if uid and stem.endswith(f"-{uid[:_HASH]}")), None)
    controller = next((owner for owner in meta.owner_references if owner.controller), None)
    if controller is None:
        job_uid = labels.get(names.LABEL_JOB_UID)
    else:
        is_job = (controller.kind, _group(controller), controller.name) == ("Job", "batch", job)
        job_uid = controller.uid if is_job else None
    if uid is None or index is None or attempt is None or not job_uid:
        return None
    labelled = labels.get(names.LABEL_UID) == uid
    return PodIdentity(owner_uid=uid, job_uid=job_uid, index=index, attempt=attempt, labelled=labelled)


def _group(owner: Owner) -> str:
    return owner.api_version.rpartition("/")[0]


def _numbers(job: str) -> tuple[str, int | None, int | None]:
    """Split the name of a Job into NAME-HASH, the case's index and the round."""
    rest, _, round_ = job.rpartition("-")
    stem, _, index = rest.rpartition("-")
    return stem, number(index), number(round_)


def number(text: str) -> int | None:
    """Return the number that a name or an annotation holds; None for any other text."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def time(text: str) -> datetime | None:
    """Return the time that an annotation holds; None for any other text, and for a time without a zone."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None
