"""What a sweep of a scenario is: how many cases, how many at once, and how their pods live."""

from typing import Any

import msgspec

from bench.report.timeline import LABEL


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """A sweep under measurement; seconds as KWOK plays them.

    `run` None: pods run until they are deleted. `stop` None: a deleted pod ends at once; otherwise it takes this long.
    `fails`: cases whose index ends in this digit fail; none if empty. `deleted`: it is deleted instead of cancelled.
    """

    cases: int
    parallelism: int | None = None
    run: float | None = None
    stop: float | None = None
    fails: str = ""
    sweeps: int = 1
    deleted: bool = False

    @property
    def at_once(self) -> int:
        """How many of its pods live at the same time at most."""
        return min(self.cases, self.parallelism or self.cases)


def annotations(shape: Shape) -> dict[str, str]:
    """Return the annotations that set the pod's life cycle in KWOK (tools/cluster/kwok/stages.yaml)."""
    given = {"run-seconds": shape.run, "termination-seconds": shape.stop}
    found = {f"kwok.simjob.dev/{key}": f"{value:g}" for key, value in given.items() if value is not None}
    failing = {"kwok.simjob.dev/exit-code": "1", "kwok.simjob.dev/exit-code-only": shape.fails}
    return found | (failing if shape.fails else {})


def template(sweep: str, shape: Shape, **spec: Any) -> dict[str, Any]:
    """Give the pod template that all systems get."""
    return {
        "metadata": {"labels": {LABEL: sweep}, "annotations": annotations(shape)},
        "spec": {"containers": [{"name": "simulation", "image": "simulation:1"}], **spec},
    }
