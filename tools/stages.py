"""The stages of `make test` and `make test-tools`, each announced with its time; run as `python -m stages`."""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stage:
    """Commands that must all exit with 0, in this order."""

    name: str
    what: str
    commands: tuple[tuple[str, ...], ...]
    needs_root: bool = False


def _pytest(markers: str, *options: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "pytest", "-q", "-m", markers, *options)


def _cluster(*arguments: str) -> tuple[str, ...]:
    """What pytest would do on its own, in silence."""
    return (sys.executable, "-m", "cluster", *arguments)


_BIN = os.path.dirname(sys.executable)

STAGES = (
    Stage(
        "lint",
        "format, lint, types, layers, the documentation without a warning",
        (
            (f"{_BIN}/ruff", "format", "--check", "--quiet", "."),
            (f"{_BIN}/ruff", "check", "."),
            (f"{_BIN}/mypy",),
            (f"{_BIN}/lint-imports",),
            (sys.executable, "-m", "docsite"),
        ),
    ),
    Stage(
        "unit",
        "no cluster",
        (
            (sys.executable, "-m", "docsite.browser"),
            _pytest("not integration and not e2e and not tools", "--numprocesses=auto"),
        ),
    ),
    Stage(
        "integration",
        "two real control planes, KWOK nodes",
        # Two, since most tests wait most of the time; a module's tests share an operator.
        (
            _cluster("build", "kwok"),
            _pytest("integration", "--durations=10", "--numprocesses=2", "--dist=loadscope"),
        ),
    ),
    Stage(
        "e2e",
        "two clusters with a real node each, the deployed operator",
        # Two, since most tests wait most of the time; what happens to a node or to the operator stays in its cluster.
        (
            _cluster("build", "both"),
            _cluster("image"),
            _pytest("e2e", "--durations=10", "--numprocesses=2", "--dist=loadscope"),
        ),
        needs_root=True,
    ),
    Stage(
        "tools",
        "Helm, Flux, Argo CD and Kueue themselves, against a real control plane; not part of `make test`",
        (
            _cluster("build", "kwok"),
            (sys.executable, "-m", "external"),
            _pytest("tools", "--durations=10"),
        ),
    ),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the requested stages; return 1 if one failed."""
    parser = argparse.ArgumentParser(
        prog="python -m stages",
        description="Run stages of the tests, one after the other, up to the first that fails. No failed test runs "
        "again: what may fail for now is listed in tests/quarantine.py.",
        epilog="\n".join(f"  {stage.name:<12} {stage.what}" for stage in STAGES),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("stages", nargs="+", choices=[stage.name for stage in STAGES], metavar="STAGE")
    wanted = parser.parse_args(arguments).stages
    ended: list[str] = []
    passed = True
    for stage in STAGES:
        if stage.name not in wanted:
            continue
        print(f"=== {stage.name}: {stage.what}", flush=True)
        started = time.monotonic()
        passed = _run(stage)
        ended.append(f"{stage.name:<12} {'passed' if passed else 'FAILED'} in {time.monotonic() - started:.0f} s")
        print(f"=== {ended[-1]}", flush=True)
        if not passed:
            break
    print("\n".join(ended), flush=True)
    return 0 if passed else 1


def _run(stage: Stage) -> bool:
    if stage.needs_root and os.geteuid() != 0:
        print(f"{stage.name} needs root (a real node): run `sudo make test-{stage.name}`", flush=True)
        return False
    return all(_passes(command) for command in stage.commands)


def _passes(command: Sequence[str]) -> bool:
    return subprocess.run(command, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
