"""The rows of docs/compatibility.md, and the integration tests of each: what must work on every version."""

from collections.abc import Iterable, Mapping
from typing import Final

_TESTS: Final = "tests/integration"

ROWS: Final[Mapping[str, tuple[str, ...]]] = {
    "Installation": (f"{_TESTS}/operating/test_installation.py",),
    "Rules of the CRD": (f"{_TESTS}/crd",),
    "Admission policies and roles": (f"{_TESTS}/admission/test_admission.py", f"{_TESTS}/admission/test_roles.py"),
    "Component `attribution`": (f"{_TESTS}/admission/test_attribution.py",),
    "Cases run, and return results": (
        f"{_TESTS}/sweeps/test_running.py",
        f"{_TESTS}/sweeps/test_results.py",
        f"{_TESTS}/sweeps/test_template.py",
    ),
    "Cancel": (f"{_TESTS}/cancel/test_cancel.py", f"{_TESTS}/cancel/test_cancel_cases.py"),
    "Time-outs, lost nodes and pods": (f"{_TESTS}/sweeps/test_timeouts.py", f"{_TESTS}/sweeps/test_losses.py"),
    "Restarts of the operator": (f"{_TESTS}/operating/test_restarts.py",),
    "Each case runs once": (f"{_TESTS}/operating/test_unmanaged_jobs.py",),
}


def paths(rows: Iterable[str] = ROWS) -> list[str]:
    """Return the tests of these rows, as pytest takes them."""
    return [path for row in rows for path in ROWS[row]]


def row_of(module: str) -> str | None:
    """Return the row of a test module such as tests.integration.cancel.test_cancel; None if it belongs to none."""
    for row, found in ROWS.items():
        for path in found:
            name = path.removesuffix(".py").replace("/", ".")
            if module == name or module.startswith(f"{name}."):
                return row
    return None
