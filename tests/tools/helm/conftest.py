"""The real Helm."""

from pathlib import Path

import pytest
from cluster.report import Report
from external import programs


@pytest.fixture(scope="session")
def helm() -> Path:
    """Helm's program; the first run builds it."""
    return programs.provide(programs.TOOLS["helm"], Report()) / "helm"
