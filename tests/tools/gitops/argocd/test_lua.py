"""The health check and the actions in Argo CD's own Lua, without a cluster."""

import subprocess
from pathlib import Path

import pytest
import yaml
from given import argocd as lua
from given.states import Object, made, recorded
from simjob.api.status import Phase
from tools.gitops.argocd.argocd import program

pytestmark = pytest.mark.tools

STATES = {**recorded(), **{phase.value: made(phase, "Accepted") for phase in Phase}}


def run(what: str, item: Object, folder: Path, *arguments: str) -> str:
    """Run `argocd admin settings resource-overrides`; return what it prints."""
    path = folder / "sweep.yaml"
    path.write_text(yaml.safe_dump(item))
    command = [str(program()), "admin", "settings", "resource-overrides", what, str(path), *arguments]
    done = subprocess.run([*command, f"--argocd-cm-path={lua.CONFIG_MAP}"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("item", STATES.values(), ids=STATES)
def test_argo_cd_comes_to_the_same_health(item: Object, tmp_path: Path) -> None:
    health, message = lua.health(item)
    assert run("health", item, tmp_path) == f"STATUS: {health}\nMESSAGE: {message}\n"


@pytest.mark.parametrize("item", STATES.values(), ids=STATES)
def test_argo_cd_offers_the_same_actions(item: Object, tmp_path: Path) -> None:
    said = run("list-actions", item, tmp_path)
    assert {line.split()[0] for line in said.splitlines()[1:] if line.strip()} == lua.actions(item).keys()


def test_argo_cd_cancels_with_the_given_reason(tmp_path: Path) -> None:
    said = run("run-action", made(Phase.RUNNING, "CasesRunning"), tmp_path, "cancel", "--param=reason=wrong mesh")
    assert "cancel: true" in said
    assert "cancelReason: wrong mesh" in said
