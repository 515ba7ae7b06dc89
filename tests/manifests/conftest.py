"""Manifests as kustomize renders them."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
Rendered = dict[tuple[str, str, str], dict[str, Any]]


@pytest.fixture(scope="session")
def render() -> Callable[[str], Rendered]:
    """Render a folder below the project; objects by kind, namespace and name."""
    kubectl = shutil.which("kubectl", path=f"{ROOT}/.venv/bin") or shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed")

    def render(folder: str) -> Rendered:
        done = subprocess.run([kubectl, "kustomize", ROOT / folder], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        found = (document for document in yaml.safe_load_all(done.stdout))
        return {(o["kind"], o["metadata"].get("namespace", ""), o["metadata"]["name"]): o for o in found}

    return render
