from typing import Any

import msgspec
import pytest
from given.builders import a_job, a_started_job, a_template_with
from simjob.core.children import configmapowner, configmaps
from simjob.core.children.configmapowner import Ownership
from simjob.core.facts.apiobjects import Owner

JOB = a_job()
UID = JOB.metadata.uid
LABELS = {"simjob.dev/name": "sweep", "app.kubernetes.io/managed-by": "simjob-operator"}


def an_owner(uid: str, **owner: Any) -> Owner:
    given = {"kind": "SimulationJob", "name": "sweep", "apiVersion": "simjob.dev/v1beta1", "controller": True}
    return msgspec.convert({"uid": uid, **given, **owner}, Owner)


@pytest.mark.parametrize(
    ("owners", "labels", "expected"),
    [
        pytest.param([an_owner(UID)], {}, Ownership.OURS, id="this job owns it"),
        pytest.param([], LABELS, Ownership.ADOPTABLE, id="nobody owns it and its labels are those of the job"),
        pytest.param([an_owner("old")], LABELS, Ownership.ADOPTABLE, id="an earlier job of the name owns it"),
        pytest.param(
            [an_owner("old", apiVersion="simjob.dev/v1alpha1")],
            LABELS,
            Ownership.ADOPTABLE,
            id="an earlier job of the name with an earlier API version owns it",
        ),
        pytest.param([], {}, Ownership.FOREIGN, id="nobody owns it and it has no labels"),
        pytest.param([], {**LABELS, "simjob.dev/name": "other"}, Ownership.FOREIGN, id="its label names another job"),
        pytest.param(
            [], {**LABELS, "app.kubernetes.io/managed-by": "Helm"}, Ownership.FOREIGN, id="another tool manages it"
        ),
        pytest.param([an_owner("old", name="other")], LABELS, Ownership.FOREIGN, id="a job of another name owns it"),
        pytest.param(
            [an_owner("old", kind="Deployment", apiVersion="apps/v1")],
            LABELS,
            Ownership.FOREIGN,
            id="another kind owns it",
        ),
        pytest.param(
            [an_owner("old"), an_owner("x", kind="Secret", apiVersion="v1", controller=False)],
            LABELS,
            Ownership.FOREIGN,
            id="it has a second owner",
        ),
        pytest.param(
            [an_owner(UID, controller=False)], {}, Ownership.FOREIGN, id="this job owns it but not as its controller"
        ),
    ],
)
def test_only_a_configmap_of_an_earlier_job_of_the_same_name_can_be_adopted(
    owners: list[Owner], labels: dict[str, str], expected: Ownership
) -> None:
    assert configmapowner.of(JOB, owners, labels) is expected


def test_configmaps_can_be_adopted_by_the_next_job_of_the_same_name() -> None:
    meta = msgspec.json.decode(configmaps.render(JOB, "sweep-x", "x", "k", "text", immutable=False))["metadata"]
    owners = msgspec.convert(meta["ownerReferences"], list[Owner])
    again = a_job(metadata={"uid": "0b0c4fd2-0000-4c0e-9a05-000000000001"})
    assert configmapowner.of(JOB, owners, meta["labels"]) is Ownership.OURS
    assert configmapowner.of(again, owners, meta["labels"]) is Ownership.ADOPTABLE
    assert configmapowner.is_of_content(again, meta["annotations"], listed=False)
    adopted = configmapowner.adopted(again)
    assert adopted["labels"] == {"simjob.dev/uid": again.metadata.uid}
    assert configmapowner.of(again, msgspec.convert(adopted["ownerReferences"], list[Owner]), {}) is Ownership.OURS


def test_two_sweeps_are_the_same_if_their_cases_and_templates_are() -> None:
    first = configmapowner.digest(a_job(cases={"count": 3}))
    changed = a_job(metadata={"uid": "other", "generation": 7}, cases={"count": 3}, parallelism=1, cancel=True)
    assert configmapowner.digest(changed) == first
    assert configmapowner.digest(a_job(cases={"count": 4})) != first
    assert configmapowner.digest(a_job(cases={"count": 3}, subset="0-1")) != first
    assert configmapowner.digest(a_job(cases={"count": 3}, template=a_template_with(image="other"))) != first


def test_configmaps_of_the_previous_release_are_known_from_status() -> None:
    assert configmapowner.is_of_content(JOB, {}, listed=True)
    assert not configmapowner.is_of_content(JOB, {}, listed=False)
    other = {"simjob.dev/spec-digest": "0" * 16}
    assert not configmapowner.is_of_content(JOB, other, listed=True)


@pytest.mark.parametrize(
    ("created", "started", "restored"),
    [
        pytest.param("2026-01-02T03:00:00Z", "2026-01-02T03:00:00Z", False, id="it started when it was created"),
        pytest.param("2026-01-02T03:00:00Z", "2026-01-02T03:00:01Z", False, id="it started after it was created"),
        pytest.param("2026-01-02T03:00:00Z", "2026-01-02T02:59:59Z", True, id="it started before it was created"),
        pytest.param("2026-01-02T03:00:00Z", None, False, id="it has not started"),
        pytest.param(None, "2026-01-02T03:00:00Z", False, id="its creation time is unknown"),
    ],
)
def test_a_status_older_than_its_object_was_restored(created: str | None, started: str | None, restored: bool) -> None:
    job = a_job(metadata={"creationTimestamp": created}, status={"startTime": started})
    assert configmapowner.is_restored(job) is restored


def test_a_status_names_its_tables_and_results() -> None:
    assert configmapowner.listed(JOB) == ()
    status = {"caseTable": {"configMaps": ["t-0", "t-9"]}, "results": {"configMaps": ["r-0"]}}
    assert configmapowner.listed(a_started_job(status=status)) == ("t-0", "t-9", "r-0")
