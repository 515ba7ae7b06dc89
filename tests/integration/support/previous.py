"""The previous release, from git: its operator, its CRD, its manifests, and what its image is made of."""

import io
import subprocess
import tarfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[3]
# To be moved on with each release.
PREVIOUS: Final = "1abe89e72e442c5c75c8d9239bc60b198975b3db"
_IMAGE: Final = ("Dockerfile", "pyproject.toml", "uv.lock", "README.md")


def extract(folder: Path) -> Path:
    """Put the previous release's `operator`, `crds` and `manifests` into a folder, and return it.

    Its image can be built there too.
    """
    # In a container the clone often belongs to somebody else.
    git = ("git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT))
    command = (*git, "archive", PREVIOUS, "operator", "crds", "manifests", *_IMAGE)
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(
            f"commit {PREVIOUS} is not in this clone, and the tests of two versions need it; a shallow clone gets it "
            f"by `git fetch --unshallow`: {done.stderr.decode().strip()}"
        )
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder
