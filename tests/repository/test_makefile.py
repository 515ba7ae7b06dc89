"""Every target of the Makefile does something, also in a fresh copy of the repository."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from generated import ROOT

MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = re.findall(r"^([a-z][a-z0-9-]*):.*## .+$", MAKEFILE, re.MULTILINE)


@pytest.fixture(scope="module")
def fresh_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("copy")
    for name in ("Makefile", "pyproject.toml", "uv.lock", "tools/bootstrap.sh"):
        (copy / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    return copy


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_sets_up_the_project_and_has_a_command(target: str, fresh_copy: Path) -> None:
    plan = ["make", "--no-print-directory", "--dry-run", target]
    done = subprocess.run(plan, cwd=fresh_copy, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    setup, commands = ["tools/bootstrap.sh .venv", "touch .venv/.synced"], done.stdout.splitlines()
    if target == "help":
        setup = []
    assert commands[: len(setup)] == setup
    assert len(commands) > len(setup)


def test_every_phony_target_has_a_line_in_the_help() -> None:
    (phony,) = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert sorted(phony.split()) == sorted(TARGETS)
