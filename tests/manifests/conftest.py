"""Manifests as kustomize renders them."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from cluster.kubectl import kustomize

ROOT = Path(__file__).parents[2]
Rendered = dict[tuple[str, str, str], dict[str, Any]]


@pytest.fixture(scope="session")
def render() -> Callable[[str], Rendered]:
    """Render a folder below the project; objects by kind, namespace and name."""

    @cache
    def render(folder: str) -> Rendered:
        found = yaml.load_all(kustomize(ROOT / folder), Loader=yaml.CSafeLoader)
        return {(o["kind"], o["metadata"].get("namespace", ""), o["metadata"]["name"]): o for o in found}

    return render
