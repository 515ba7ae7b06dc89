"""The gate runs `make test-tools` only if its tools are in the cache, and says what it ran."""

import shutil
import subprocess
from pathlib import Path

import pytest
from external.__main__ import NOT_CACHED

ROOT = Path(__file__).parents[1]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Make a checkout with the gate, and with a `make` that notes its targets and fails at that of the file `fails`."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci/run", tmp_path / ".ci/run")
    script(tmp_path / "bin/make", f'echo "$1" >> {tmp_path}/ran; [ "$1" != "$(cat {tmp_path}/fails 2>/dev/null)" ]')
    return tmp_path


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def run(checkout: Path, cached: int) -> tuple[int, str, list[str]]:
    """Run the gate where the look into the cache exits so; return its exit code, last line, and targets of make."""
    script(checkout / ".venv/bin/python", f'[ "$*" = "-m external --cached" ] || exit 1\nexit {cached}')
    done = subprocess.run(
        [checkout / ".ci/run"],
        env={"PATH": f"{checkout}/bin:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, (done.stdout.splitlines() or [""])[-1], (checkout / "ran").read_text().split()


def test_with_all_tools_in_the_cache_both_run(checkout: Path) -> None:
    assert run(checkout, cached=0) == (0, "=== RAN: make test, make test-tools", ["test", "test-tools"])


def test_without_a_tool_in_the_cache_the_last_line_says_what_did_not_run(checkout: Path) -> None:
    code, said, ran = run(checkout, cached=NOT_CACHED)
    assert (code, ran) == (0, ["test"])
    assert said.startswith("=== RAN: make test. NOT RUN: make test-tools")


def test_a_look_into_the_cache_that_fails_fails_the_gate(checkout: Path) -> None:
    assert run(checkout, cached=1) == (1, "", ["test"])


@pytest.mark.parametrize(("target", "ran"), [("test", ["test"]), ("test-tools", ["test", "test-tools"])])
def test_a_target_that_fails_fails_the_gate(checkout: Path, target: str, ran: list[str]) -> None:
    (checkout / "fails").write_text(target)
    code, said, targets = run(checkout, cached=0)
    assert code != 0
    assert (said, targets) == ("", ran)
