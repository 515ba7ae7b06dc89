"""The part of the page about status: conditions of every phase and an example, made by the operator's own code."""

from typing import Any, Final

import yaml
from given.builders import NOW
from given.scenario import World
from simjob.api import conditions
from simjob.api.status import Phase
from simjob.core.decision import Saying
from simjob.core.status import phaseconditions
from worlds.kubelet import FOREVER

MEANINGS: Final = {
    conditions.FINISHED: "The phase is final: what `kubectl wait` waits for.",
    conditions.SUCCEEDED: "True if the job is COMPLETED, False if it is not; Unknown until the end.",
    conditions.CANCELLED: "The job was cancelled, and no pod of it is live.",
    conditions.SUSPENDED: "`suspend` is true, and no pod of the job is live.",
    conditions.RECONCILING: "The operator has work to do: kstatus (Flux, Helm 4) reads InProgress.",
    conditions.STALLED: "The job failed: kstatus reads Failed. Also True while the reason is CasesUnreadable or "
    "UnreadableSpec. A cancelled job is not stalled.",
}

_AFTER: Final = """\
A job with a queue also has the condition Queued, once the queue has held all of its cases: True while it holds them,
False otherwise. There is no condition Ready, because a sweep serves nothing. Reason and message of a condition are
those that the status had when the condition was written.
"""


def conditions_table() -> str:
    """Write which conditions are true in which phase, as Markdown."""
    columns = {phase: _truths(phase) for phase in Phase}
    groups: dict[tuple[str, ...], list[str]] = {}
    for phase, truths in columns.items():
        groups.setdefault(tuple(truths.values()), []).append(phase)
    head = ["condition", *(", ".join(phases) for phases in groups.values()), "meaning"]
    lines = ["## Conditions", "", f"| {' | '.join(head)} |", f"| {' | '.join('---' for _ in head)} |"]
    for at, type_ in enumerate(columns[Phase.PENDING]):
        lines.append(f"| {' | '.join([type_, *(truths[at] for truths in groups), MEANINGS[type_]])} |")
    return "\n".join([*lines, "", _AFTER])


def _truths(phase: Phase) -> dict[str, str]:
    said = phaseconditions.set_conditions((), Saying(phase=phase, reason="Any", message=""), 1, NOW)
    return {condition.type: condition.status for condition in said}


def example() -> str:
    """Give the status of a sweep that succeeded in part, failed in part and was cancelled, as YAML."""
    script = [[0], [0], [1], [FOREVER], [FOREVER], [FOREVER]]
    world = World(script=script, spec={"resources": {"cpu": 2}})
    world.after(6.0, lambda: world.patch(cancel=True, cancelReason="wrong mesh"))
    return yaml.safe_dump({"status": world.run().status}, sort_keys=False, width=110)


def retrying_example() -> str:
    """Give what the status of a sweep says while a case of it backs off, as YAML."""
    seen: dict[str, Any] = {}
    world = World(script=[[3, 0]], spec={"retries": {"limit": 2}})
    world.after(6.0, lambda: seen.update(world.status))
    world.run()
    shown = {key: seen[key] for key in ("phase", "reason", "message", "retrying")}
    return yaml.safe_dump({"status": shown}, sort_keys=False, width=110)
