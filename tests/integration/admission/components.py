"""Install the admission policies on the test cluster, wait until they are in effect, and remove them."""

from collections.abc import Iterator
from contextlib import contextmanager

from cluster.provider import Cluster
from integration.admission.people import Person, RefusedError, manifest, patching
from integration.support.installation import MANIFESTS
from integration.support.latecancel import POLICY
from integration.support.sweeps import eventually

PROBE = "probe"
# What kubectl makes of `parameters: {x: 1, y: 2}`.
MISREAD = {"list": [{"name": "a"}, {"name": "b", "parameters": {"x": 1, "true": 2}}]}
_RECORD = "the record"
# For simjob-late-cancel waits the fixture that installs them: support/latecancel.py.
_BASE = ("simjob-submit", "simjob-cancel", "simjob-patch", "simjob-cases")
BASE_POLICIES = (*_BASE, POLICY)
_ATTRIBUTION = (_RECORD, "simjob-attribution")
_FOLDER = str(MANIFESTS / "components" / "attribution")


def wait_for_base(people: dict[str, Person]) -> None:
    """Wait until the policies that every installation has are in effect."""
    people["anna"].create(PROBE)
    _wait(people, _BASE, in_effect=True)
    people["anna"].kubectl("delete", "simjob", PROBE, "--wait=false")


@contextmanager
def attributed(cluster: Cluster, people: dict[str, Person]) -> Iterator[None]:
    """Hold the component attribution on the cluster."""
    people["anna"].create(PROBE)
    try:
        install_attribution(cluster, people)
        yield
    finally:
        cluster.run_kubectl("delete", "--ignore-not-found", "-k", _FOLDER)
        _wait(people, _ATTRIBUTION, in_effect=False)
        people["anna"].kubectl("delete", "simjob", "--all", "--wait=false")


def install_attribution(cluster: Cluster, people: dict[str, Person]) -> None:
    """Apply the component, without a warning, and wait until it is in effect."""
    cluster.run_kubectl("apply", "--warnings-as-errors", "-k", _FOLDER)
    _wait(people, _ATTRIBUTION, in_effect=True)


def _wait(people: dict[str, Person], policies: tuple[str, ...], *, in_effect: bool) -> None:
    """Wait until each policy is in effect, or no more: it is some time after it was made or deleted."""
    pending = list(policies)

    def is_reached() -> bool:
        while pending and _in_effect(people, pending[0]) is in_effect:
            pending.pop(0)
        return not pending

    eventually(
        is_reached, lambda: f"{', '.join(pending)} should be {'' if in_effect else 'no more '}in effect", seconds=120
    )


def _in_effect(people: dict[str, Person], policy: str) -> bool | None:
    """Say whether a policy is in effect, by a dry run; None if that is not clear yet."""
    dry = "--dry-run=server"
    who, arguments, body = {
        "simjob-submit": ("ed", ("create", "-f", "-", dry), manifest("dry")),
        "simjob-cancel": ("pat", ("create", "-f", "-", dry), manifest("dry", cancel=True)),
        "simjob-patch": ("carl", (*patching(PROBE, {"spec": {"parallelism": 7}}), dry), None),
        "simjob-cases": ("anna", ("create", "-f", "-", dry), manifest("dry", cases=MISREAD)),
        _RECORD: ("anna", ("create", "-f", "-", dry, "-o", "yaml"), manifest("dry")),
        "simjob-attribution": ("anna", ("annotate", "simjob", PROBE, "simjob.dev/submitted-by=eve", dry), None),
    }[policy]
    try:
        answer = people[who].kubectl(*arguments, stdin=body)
    except RefusedError as refused:
        return True if f"'{policy}'" in str(refused) else None
    return policy == _RECORD and "simjob.dev/submitted-by: anna" in answer
