"""Which case a Job or a pod belongs to: judged by its computed name and its controller, not by labels alone.

A copied pod (`kubectl debug --copy-to --keep-labels`), a copied Job and a pod created by hand have the operator's
labels, too. And labels can be removed, while the name and the reference to the controller stay.
"""

from dataclasses import dataclass

from simjob.api import names
from simjob.core.facts import annotations, childnames
from simjob.core.facts.apiobjects import Meta, Owner


@dataclass(frozen=True, slots=True, kw_only=True)
class JobIdentity:
    """The case that a Job belongs to. `labelled`: it has the label that the operator lists and watches."""

    owner_uid: str
    owner_name: str
    index: int
    restarts: int
    labelled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PodIdentity:
    """The attempt that a pod belongs to. `labelled`: it has the label that the operator lists and watches."""

    owner_uid: str
    job_uid: str
    index: int
    attempt: int
    labelled: bool


def of_job(meta: Meta) -> JobIdentity | None:
    """Return the case of a Job; None if its controller is no SimulationJob, or if the name is not the computed one."""
    owner = next((owner for owner in meta.owner_references if owner.controller), None)
    if owner is None or owner.kind != names.KIND or _group(owner) != names.GROUP:
        return None
    _, index, restarts = childnames.numbers(meta.name)
    if index is None or restarts is None or meta.name != childnames.job_name(owner.name, owner.uid, index, restarts):
        return None
    labelled = meta.labels.get(names.LABEL_UID) == owner.uid
    return JobIdentity(owner_uid=owner.uid, owner_name=owner.name, index=index, restarts=restarts, labelled=labelled)


def of_pod(meta: Meta, owner_uid: str = "") -> PodIdentity | None:
    """Return the attempt of a pod; None if no Job of the operator controls it, or if the name is not the computed one.

    A pod without a controller counts, too: its Job was deleted with `--cascade=orphan`, and the case still runs.
    `owner_uid` is the uid of the SimulationJob, if known; label and annotation with the uid may have been removed.
    """
    job, _, last = meta.name.rpartition("-")
    stem, index, _ = childnames.numbers(job)
    attempt = annotations.number(last)
    labels = meta.labels
    uids = (labels.get(names.LABEL_UID), meta.annotations.get(names.ANNOTATION_UID), owner_uid)
    uid = next((uid for uid in uids if uid and stem.endswith(f"-{uid[: childnames.HASH]}")), None)
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
