"""Evaluates the health checks of manifests/gitops/flux as Flux does: https://fluxcd.io/flux/cheatsheets/cel-healthchecks/."""

from pathlib import Path
from typing import Any, Final

import yaml
from cel import evaluate

FOLDER: Final = Path(__file__).parents[2] / "manifests/gitops/flux"
# In this order: https://github.com/fluxcd/flux2/tree/main/rfcs/0009-custom-health-checks
_RESULTS: Final = {"inProgress": "InProgress", "failed": "Failed", "current": "Current"}

Object = dict[str, Any]


def kustomization(name: str) -> Object:
    """Read one of the Kustomizations."""
    found: Object = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    return found


def expressions(name: str) -> dict[str, str]:
    """Return the expressions of a Kustomization for SimulationJobs."""
    (found,) = kustomization(name)["spec"]["healthCheckExprs"]
    return {key: found[key] for key in _RESULTS if key in found}


def verdict(name: str, item: Object) -> str:
    """Return what a Kustomization concludes about a SimulationJob."""
    observed = item.get("status", {}).get("observedGeneration")
    if observed is not None and observed != item["metadata"]["generation"]:
        return "InProgress"
    held = (_RESULTS[key] for key, expression in expressions(name).items() if evaluate(expression, item) is True)
    return next(held, "InProgress")
