"""The workflows of GitHub call the same targets as a developer."""

import re
import subprocess
from pathlib import Path

import pytest
from cluster.host import toolchain
from generated import ROOT

ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_actionlint_finds_nothing() -> None:
    # Without shellcheck, which some machines have and others lack.
    command = [toolchain.go(), "run", ACTIONLINT, "-shellcheck=", *map(str, WORKFLOWS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: workflow.stem)
def test_a_workflow_calls_a_target_of_the_makefile(workflow: Path) -> None:
    called = set(re.findall(r"\bmake ([a-z0-9-]+)", workflow.read_text()))
    assert called
    assert called <= TARGETS
