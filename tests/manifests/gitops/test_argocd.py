"""Argo CD's health check and actions, by a Lua of the same version; tests/tools runs them in Argo CD itself."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from given import argocd
from given.builders import a_job_dict
from given.states import REASONS, Object, every_state, is_stalled, made, recorded
from simjob.api.simulationjob import SimulationJob
from simjob.api.status import Phase

ROOT = Path(__file__).parents[3]
VERDICTS = yaml.safe_load((Path(__file__).parent / "verdicts.yaml").read_text())
HEALTH = {
    Phase.COMPLETED: "Healthy",
    Phase.CANCELLED: "Healthy",
    Phase.SUSPENDED: "Suspended",
}
BEFORE_THE_END = [phase for phase in Phase if not phase.is_terminal]


def test_every_phase_and_reason_has_an_object() -> None:
    statuses = [item["status"] for item in every_state().values()]
    assert {status.get("phase") for status in statuses} == {*Phase, None}
    assert {status.get("reason") for status in statuses} == {*REASONS, None}


def test_health_follows_the_phase_unless_the_sweep_is_stalled() -> None:
    found = {name: argocd.health(item) for name, item in every_state().items()}
    assert {name: health for name, (health, _) in found.items()} == {
        name: "Degraded" if is_stalled(item) else HEALTH.get(item["status"].get("phase"), "Progressing")
        for name, item in every_state().items()
    }
    for name, (_, message) in found.items():
        assert every_state()[name]["status"].get("message", "Waiting for the simjob-operator") in message


@pytest.mark.parametrize("name", VERDICTS)
def test_the_verdict_is_what_argo_cd_itself_said(name: str) -> None:
    assert list(argocd.health(recorded()[name])) == VERDICTS[name]


def test_every_recorded_object_has_a_verdict_and_is_readable() -> None:
    assert VERDICTS.keys() == recorded().keys()
    for item in recorded().values():
        assert SimulationJob.model_validate(item).status.phase == item["status"].get("phase")


@pytest.mark.parametrize(
    "status",
    [
        pytest.param(None, id="no status"),
        pytest.param({"observedGeneration": -1}, id="not seen"),
        pytest.param({**made(Phase.RUNNING, "CasesRunning")["status"], "observedGeneration": 0}, id="an older spec"),
    ],
)
def test_what_the_operator_has_not_seen_is_progressing(status: Object | None) -> None:
    assert argocd.health(a_job_dict(status=status)) == ("Progressing", "Waiting for the simjob-operator")


@pytest.mark.parametrize(
    ("phase", "reason"),
    [(Phase.FAILED, "CasesFailed"), (Phase.PENDING, "CasesUnreadable"), (Phase.RUNNING, "UnreadableSpec")],
)
def test_a_sweep_that_failed_or_waits_for_a_person_is_degraded(phase: Phase, reason: str) -> None:
    assert argocd.health(made(phase, reason))[0] == "Degraded"


def test_a_cancelled_sweep_says_who_cancelled_it_and_why() -> None:
    item = made(Phase.CANCELLED, "Cancelled")
    assert "asked by" not in argocd.health(item)[1]
    item["status"]["cancellation"] |= {"requestedBy": "anna", "reason": "wrong mesh"}
    assert argocd.health(item)[1].endswith(", asked by anna: wrong mesh")


@pytest.mark.parametrize("phase", BEFORE_THE_END)
def test_a_sweep_can_be_cancelled_and_suspended_or_resumed_before_its_end(phase: Phase) -> None:
    item = made(phase, "Accepted")
    item["status"].pop("cancellation", None)
    assert argocd.actions(item).keys() == {"cancel", "suspend"}
    item["spec"]["suspend"] = True
    assert argocd.actions(item).keys() == {"cancel", "resume"}


def test_a_new_sweep_can_be_cancelled() -> None:
    assert "cancel" in argocd.actions(a_job_dict())


def test_every_action_that_is_offered_has_a_script_and_the_other_way_round() -> None:
    offered = [argocd.actions(a_job_dict(suspend=suspend)) for suspend in (False, True)]
    assert set().union(*offered) == argocd.defined()


def test_a_sweep_that_has_ended_offers_no_action() -> None:
    ended = {name: item for name, item in every_state().items() if item["status"].get("isTerminal")}
    assert ended
    assert {name: argocd.actions(item) for name, item in ended.items()} == {name: {} for name in ended}


@pytest.mark.parametrize(
    "item",
    [
        pytest.param(a_job_dict(cancel=True), id="requested"),
        pytest.param(made(Phase.CANCELLING, "CancelRequested"), id="latched"),
    ],
)
def test_a_sweep_that_is_being_cancelled_offers_no_action(item: Object) -> None:
    assert argocd.actions(item) == {}


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        pytest.param({"reason": "wrong mesh"}, "wrong mesh", id="a reason"),
        pytest.param({"reason": ""}, "cancelled in Argo CD", id="an empty reason"),
        pytest.param({}, "cancelled in Argo CD", id="no reason"),
    ],
)
def test_cancel_sets_only_the_cancel_and_its_reason(parameters: dict[str, str], reason: str) -> None:
    before = made(Phase.RUNNING, "CasesRunning")
    after = argocd.act("cancel", before, **parameters)
    assert after == {**before, "spec": {**before["spec"], "cancel": True, "cancelReason": reason}}


@pytest.mark.parametrize(("action", "suspend"), [("suspend", True), ("resume", False)])
def test_suspend_and_resume_set_only_suspend(action: str, suspend: bool) -> None:
    before = made(Phase.RUNNING, "CasesRunning")
    assert argocd.act(action, before) == {**before, "spec": {**before["spec"], "suspend": suspend}}


@pytest.mark.parametrize("action", sorted(argocd.defined()))
@pytest.mark.parametrize("item", recorded().values(), ids=recorded())
def test_what_an_action_makes_is_a_valid_sweep(action: str, item: Object) -> None:
    SimulationJob.model_validate(argocd.act(action, item))


def test_a_script_has_no_library_that_argo_cd_leaves_out() -> None:
    for script in ("return string.lower('A')", "return ('A'):lower()", "return math.floor(1)", "return os.time()"):
        with pytest.raises(argocd.ScriptError):
            argocd.run(script, {})


def test_the_component_adds_both_keys_and_keeps_the_others(tmp_path: Path, render: Callable[[str], Any]) -> None:
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-cm"}, "data": {"url": "https://cd"}}
    (tmp_path / "argocd-cm.yaml").write_text(yaml.safe_dump(theirs))
    component = os.path.relpath(argocd.CONFIG_MAP.parent, tmp_path)
    content = {"resources": ["argocd-cm.yaml"], "components": [component]}
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(content))
    (found,) = render(str(tmp_path)).values()
    ours = yaml.safe_load(argocd.CONFIG_MAP.read_text())["data"]
    assert found["data"] == {"url": "https://cd", **ours}
    assert len(ours) == 2
