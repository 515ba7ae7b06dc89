"""Build the site, and fail on each warning: `python -m docsite [FOLDER]`."""

import os
import subprocess
import sys
from pathlib import Path

from docsite.hooks import ROOT


def build(folder: Path) -> bool:
    """Build the site into a folder; return whether there was no warning."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    # Without the variable, Material announces its successor in every build.
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(0 if build(Path(sys.argv[1]).resolve() if sys.argv[1:] else ROOT / "build/site") else 1)
