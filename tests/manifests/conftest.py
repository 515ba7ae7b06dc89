"""Manifests as kustomize renders them."""

import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from cluster.host import toolchain

ROOT = Path(__file__).parents[2]
Rendered = dict[tuple[str, str, str], dict[str, Any]]


@pytest.fixture(scope="session")
def render() -> Callable[[str], Rendered]:
    """Render a folder below the project; objects by kind, namespace and name."""
    kubectl = toolchain.kubectl()

    @cache
    def render(folder: str) -> Rendered:
        done = subprocess.run([kubectl, "kustomize", ROOT / folder], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        found = yaml.load_all(done.stdout, Loader=yaml.CSafeLoader)
        return {(o["kind"], o["metadata"].get("namespace", ""), o["metadata"]["name"]): o for o in found}

    return render
