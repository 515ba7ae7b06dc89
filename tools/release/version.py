"""The version: pyproject.toml has it, and everything that repeats it is set from there."""

import re
import subprocess
import tomllib
from datetime import date
from pathlib import Path

from cluster.errors import ClusterError
from cluster.host import toolchain

CHANGELOG = "CHANGELOG.md"
# Files that name the version of the image, or of the project.
PAGES = ("README.md", "docs/install.md", "manifests/chart/Chart.yaml")
NUMBER = r"(0|[1-9]\d*)"


def check(text: str) -> None:
    """Raise ClusterError unless the text is a version that Python and semantic versioning both understand."""
    if not re.fullmatch(rf"{NUMBER}\.{NUMBER}\.{NUMBER}", text):
        raise ClusterError(
            f"VERSION must be MAJOR.MINOR.PATCH without a leading v or zeros: {text!r}", "make release VERSION=0.2.0"
        )


def current(root: Path) -> str:
    """Read the version of pyproject.toml."""
    project: dict[str, str] = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    return project["version"]


def bump(root: Path, wanted: str, day: date) -> list[str]:
    """Set the version, unless it is set, and name the files that changed.

    A release needs a section in the changelog: that of the version, or [Unreleased], which becomes it.
    """
    before = current(root)
    changelog = (root / CHANGELOG).read_text()
    if f"## [{wanted}]" not in changelog:
        changelog = released(changelog, wanted, day)
    if _number(wanted) < _number(before):
        raise ClusterError(f"VERSION={wanted} is lower than {before}, which pyproject.toml has")
    texts = {CHANGELOG: changelog}
    for page in PAGES:
        texts[page] = renamed((root / page).read_text(), before, wanted)
    if wanted != before:
        _set(root, wanted)
    changed = [name for name, text in texts.items() if text != (root / name).read_text()]
    for name in changed:
        (root / name).write_text(texts[name])
    return [*(["pyproject.toml", "uv.lock"] if wanted != before else []), *changed]


def released(changelog: str, wanted: str, day: date) -> str:
    """Give the section [Unreleased] the version and the day, and open an empty one above it."""
    found = re.search(r"^## \[Unreleased\]\n(?P<text>.*?)(?=^## \[|\Z)", changelog, re.MULTILINE | re.DOTALL)
    if found is None or not found["text"].strip():
        raise ClusterError(f"{CHANGELOG} says nothing about {wanted}", "write what changed below ## [Unreleased]")
    heading = f"## [Unreleased]\n\n## [{wanted}] - {day.isoformat()}\n"
    return changelog[: found.start()] + heading + found["text"] + changelog[found.end() :]


def renamed(page: str, before: str, wanted: str) -> str:
    """Replace the version where a page names the one of this project, as in `Version X` or `newTag: X`."""
    return re.sub(
        rf"(Version |[vV]ersion: |simjob-operator:|simjob-operator-|[tT]ag: ){re.escape(before)}(?![\d.]*\d)",
        rf"\g<1>{wanted}",
        page,
    )


def _set(root: Path, wanted: str) -> None:
    """Let uv write pyproject.toml and uv.lock: it knows both."""
    command = [toolchain.in_environment("uv"), "version", "--no-sync", wanted]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ClusterError(f"uv cannot set the version: {done.stderr.strip()}")


def _number(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))
