"""SimulationJobs in every state: recorded ones, and one made for each phase and reason that was not recorded."""

from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, Final

import yaml
from given.builders import NOW, a_job_dict, a_started_job
from simjob.api.names import Reason
from simjob.api.status import Cancellation, Phase
from simjob.core.decision import Decision, Saying
from simjob.core.status import wholestatus

FOLDER: Final = Path(__file__).parents[1] / "manifests/gitops/recorded"
REASONS: Final = tuple(value for name, value in vars(Reason).items() if name.isupper())
# Before the end, with these reasons, nothing goes on until a person does something.
NEEDS_A_PERSON: Final = (Reason.CASES_UNREADABLE, Reason.UNREADABLE_SPEC)

Object = dict[str, Any]


@cache
def recorded() -> dict[str, Object]:
    """Read the SimulationJobs that the operator of the last release wrote, by name of the file."""
    return {path.stem: yaml.safe_load(path.read_text()) for path in sorted(FOLDER.glob("*.yaml"))}


def made(phase: Phase, reason: str) -> Object:
    """Make a SimulationJob in a phase for a reason, with the status that the operator writes then."""
    job = a_started_job(status={"progress": "1/3"})
    waits = reason in NEEDS_A_PERSON and not phase.is_terminal
    saying = Saying(phase=phase, reason=reason, message=f"because of {reason}", stalled=waits)
    latch = Cancellation(requested_at=NOW) if phase in (Phase.CANCELLING, Phase.CANCELLED) else None
    status = wholestatus.restated(job, job.status, saying, Decision(cancellation=latch), NOW)
    return a_job_dict(status=status.to_api())


def is_stalled(item: Object) -> bool:
    """Whether the condition Stalled is True: kstatus reads Failed."""
    return any((each["type"], each["status"]) == ("Stalled", "True") for each in item["status"].get("conditions", []))


@cache
def every_state() -> dict[str, Object]:
    """Return a SimulationJob for each phase and reason, the recorded ones among them, by a name for the test."""
    found = recorded()
    known = {_state(item) for item in found.values()}
    missing = [pair for pair in product(Phase, REASONS) if pair not in known]
    return found | {f"{phase}-{reason}": made(phase, reason) for phase, reason in missing}


def _state(item: Object) -> tuple[str | None, str | None]:
    return item["status"].get("phase"), item["status"].get("reason")
