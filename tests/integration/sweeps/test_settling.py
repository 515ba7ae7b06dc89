"""The operator ends a pod that only an injected container keeps alive, and the user's containers give the outcome.

No node takes these pods. The tests play their kubelet.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from integration.support import client as paths
from integration.support.client import Object
from integration.support.sweeps import Place, Sweep, a_template
from integration.worlds.injection import SIDECAR, Position, injected
from integration.worlds.policies import Rule, refusing

pytestmark = pytest.mark.integration

NOWHERE = a_template(nodeSelector={"there-is": "none"})
DEADLINES_KEPT = Rule(
    resource="pods",
    operation="UPDATE",
    expression="object.spec.?activeDeadlineSeconds == oldObject.spec.?activeDeadlineSeconds",
    message="deadlines are not yours",
)


def set_status(place: Place, pod: Object, **status: Any) -> None:
    place.client.patch(f"{paths.pods(place.name, pod['metadata']['name'])}/status", {"status": status})


def end_simulation(place: Place, sweep: Sweep, proxy: Object, **status: Any) -> None:
    """Say that the simulation of the sweep's pod has ended well after 30 s, beside an injected container."""
    [pod] = sweep.pods
    now = datetime.now(UTC).replace(microsecond=0)
    began, ended = (now - timedelta(seconds=ago) for ago in (31, 1))
    end = {"exitCode": 0, "message": '{"drag": 0.31}', "startedAt": _text(began), "finishedAt": _text(ended)}
    common = {"image": "none", "imageID": "", "ready": False, "restartCount": 0}
    states = {SIDECAR: proxy, "simulation": {"terminated": {**end, "containerID": "fake://1"}}}
    statuses = [{**common, "name": name, "state": state} for name, state in states.items()]
    times = {"startTime": _text(began)}
    set_status(place, pod, **{"phase": "Running", **times, "containerStatuses": statuses, **status})


def _text(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def sweep(place: Place) -> Iterator[Sweep]:
    """A sweep of one case, to whose pod a container is added."""
    with injected(place.client, place.name, Position.FIRST):
        found = place.apply(cases={"count": 1}, template=NOWHERE, timeouts={"runSeconds": 600})
        found.wait_until(lambda: found.pods != [], "it has its pod")
        yield found


def test_a_pod_held_by_an_injected_container_ends_by_a_lowered_deadline(place: Place, sweep: Sweep) -> None:
    end_simulation(place, sweep, {"running": {}})
    sweep.wait_until(lambda: sweep.pods[0]["spec"]["activeDeadlineSeconds"] == 40, "its deadline is 10 s after its end")
    sweep.wait(lambda status: status.get("cases", {}).get("running") == 1, "its case runs")
    killed = {"terminated": {"exitCode": 137, "containerID": "fake://2"}}
    end_simulation(place, sweep, killed, phase="Failed", reason="DeadlineExceeded", message="too long")
    status = sweep.wait_phase("COMPLETED")
    assert (status["results"]["rows"], status["computeTime"]["succeeded"]["wallSeconds"]) == (1, 30)
    assert "deletionTimestamp" not in sweep.pods[0]["metadata"], "its logs stay"


def test_a_held_pod_is_deleted_after_recording_if_its_deadline_is_refused(place: Place, sweep: Sweep) -> None:
    with deadlines_kept(place, sweep):
        end_simulation(place, sweep, {"running": {}})
        recorded = sweep.wait(lambda status: status.get("succeededIndexes") == "0", "its outcome is recorded", 60)
        assert recorded["results"]["rows"] == 1
        sweep.wait_until(lambda: not sweep.live_pods, "its pod is deleted")
    assert sweep.wait_phase("COMPLETED")["progress"] == "1/1"
    notes = [
        item["note"] for item in place.client.items(paths.events(place.name)) if item["reason"] == "DeadlineRefused"
    ]
    assert len(notes) == 1
    assert "so it is deleted, with its logs, when the end of case 0 is recorded" in notes[0]
    assert "deadlines are not yours" in notes[0]


def deadlines_kept(place: Place, sweep: Sweep) -> AbstractContextManager[None]:
    """Keep everybody from changing the deadlines of pods."""
    path = f"{paths.pods(place.name, sweep.pods[0]['metadata']['name'])}?dryRun=All"
    sooner = {"spec": {"activeDeadlineSeconds": 5}}
    return refusing(place.client, place.name, DEADLINES_KEPT, forbidden=lambda: place.client.patch(path, sooner))
