from typing import Any

import msgspec
import pytest
from given.builders import UID
from simjob.core.facts import childnames, identity
from simjob.core.facts.apiobjects import Meta

JOB = childnames.job_name("sweep", UID, 7, 1)
POD = childnames.pod_name(JOB, 2)
LABELS = {"simjob.dev/uid": UID, "batch.kubernetes.io/controller-uid": "job-uid"}
BY_JOB = {"apiVersion": "batch/v1", "kind": "Job", "name": JOB, "uid": "job-uid", "controller": True}
BY_SWEEP = {
    "apiVersion": "simjob.dev/v1beta1",
    "kind": "SimulationJob",
    "name": "sweep",
    "uid": UID,
    "controller": True,
}


def pod(**meta: Any) -> Meta:
    whole = {"name": POD, "uid": "pod-uid", "labels": LABELS, "ownerReferences": [BY_JOB], **meta}
    return msgspec.convert(whole, Meta)


def job(**meta: Any) -> Meta:
    whole = {"name": JOB, "uid": "job-uid", "labels": LABELS, "ownerReferences": [BY_SWEEP], **meta}
    return msgspec.convert(whole, Meta)


def test_a_pod_is_identified_by_its_name_and_its_controller() -> None:
    found = identity.of_pod(pod())
    assert found == identity.PodIdentity(owner_uid=UID, job_uid="job-uid", index=7, attempt=2, labelled=True)


@pytest.mark.parametrize(
    "meta",
    [
        pytest.param({"name": "sweep-0b0c4fd2-7-1-2-debug", "ownerReferences": []}, id="kubectl debug --copy-to"),
        pytest.param({"name": "mine", "ownerReferences": []}, id="made by hand"),
        pytest.param({"name": f"{JOB}-abcde"}, id="made by the Job controller"),
        pytest.param({"ownerReferences": [BY_JOB | {"name": "another-job"}]}, id="of another Job"),
        pytest.param({"ownerReferences": [BY_JOB | {"kind": "ReplicaSet"}]}, id="of a ReplicaSet"),
        pytest.param(
            {"ownerReferences": [BY_JOB | {"apiVersion": "batch.volcano.sh/v1"}]}, id="of another group's Job"
        ),
        pytest.param({"ownerReferences": [], "labels": {"simjob.dev/uid": UID}}, id="no controller, no Job's label"),
        pytest.param({"labels": LABELS | {"simjob.dev/uid": "another"}}, id="a label that is not in the name"),
        pytest.param({"labels": {}}, id="no label and no annotation"),
        pytest.param({"name": JOB.replace("-7-", "-\u0661-") + "-2"}, id="no number"),
        pytest.param({"name": f"{JOB}-12345678901"}, id="a number that is too long"),
    ],
)
def test_any_other_pod_is_not_ours(meta: dict[str, Any]) -> None:
    assert identity.of_pod(pod(**meta)) is None


def test_a_pod_that_outlived_its_job_is_ours() -> None:
    found = identity.of_pod(pod(ownerReferences=[]))
    assert found
    assert (found.job_uid, found.index) == ("job-uid", 7)


def test_the_name_decides_over_index_and_attempt_labels() -> None:
    found = identity.of_pod(pod(labels=LABELS | {"simjob.dev/index": "9", "simjob.dev/attempt": "9"}))
    assert found
    assert (found.index, found.attempt) == (7, 2)


@pytest.mark.parametrize("labels", [{}, LABELS | {"simjob.dev/uid": "overwritten"}])
def test_an_unlabelled_pod_is_ours_by_annotation_or_expected_uid(labels: dict[str, str]) -> None:
    noted = identity.of_pod(pod(labels=labels, annotations={"simjob.dev/uid": UID}))
    looked_for = identity.of_pod(pod(labels=labels), UID)
    assert noted == looked_for
    assert noted
    assert (noted.owner_uid, noted.labelled) == (UID, False)


def test_an_unlabelled_pod_does_not_match_another_uid() -> None:
    assert identity.of_pod(pod(labels={}), "ffffffff-5f39-4c0e-9a05-0f6a3d0c1a11") is None


@pytest.mark.parametrize("labelled", [True, False])
def test_a_job_is_identified_by_its_name_and_its_controller(labelled: bool) -> None:
    found = identity.of_job(job(labels=LABELS if labelled else {}))
    wanted = identity.JobIdentity(owner_uid=UID, owner_name="sweep", index=7, restarts=1, labelled=labelled)
    assert found == wanted


@pytest.mark.parametrize(
    "meta",
    [
        pytest.param({"name": f"{JOB}-copy"}, id="a copy"),
        pytest.param({"name": JOB.replace("sweep", "other")}, id="a name of another sweep"),
        pytest.param({"ownerReferences": []}, id="no owner"),
        pytest.param({"ownerReferences": [BY_SWEEP | {"controller": False}]}, id="not controlled"),
        pytest.param(
            {"ownerReferences": [BY_SWEEP | {"uid": "another1"}]}, id="of a SimulationJob of that name before"
        ),
        pytest.param({"ownerReferences": [BY_SWEEP | {"kind": "CronJob"}]}, id="of another kind"),
        pytest.param({"ownerReferences": [BY_SWEEP | {"apiVersion": "other.dev/v1"}]}, id="of another group"),
    ],
)
def test_any_other_job_is_not_ours(meta: dict[str, Any]) -> None:
    assert identity.of_job(job(**meta)) is None
