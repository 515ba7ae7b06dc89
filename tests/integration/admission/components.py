"""The kustomize components of the admission on the test cluster: put there, and taken away again."""

from collections.abc import Iterator
from contextlib import contextmanager

from cluster.provider import Cluster
from integration.admission.people import Person, RefusedError, manifest, patching
from integration.installation import MANIFESTS
from integration.sweeps import eventually

PROBE = "probe"
ADMISSION = "admission"
ATTRIBUTION = "attribution"


_RECORD = "the record"
_POLICIES = {
    ADMISSION: ("simjob-submit", "simjob-cancel", "simjob-patch"),
    ATTRIBUTION: (_RECORD, "simjob-attribution"),
}


@contextmanager
def installed(cluster: Cluster, people: dict[str, Person], *components: str) -> Iterator[None]:
    """Hold the components on the cluster."""
    people["anna"].create(PROBE)
    try:
        install(cluster, people, *components)
        yield
    finally:
        for component in components:
            cluster.run_kubectl("delete", "--ignore-not-found", "-k", _folder(component))
        _wait(people, components, in_effect=False)
        people["anna"].kubectl("delete", "simjob", "--all", "--wait=false")


def install(cluster: Cluster, people: dict[str, Person], *components: str) -> None:
    """Apply the components, without a warning, and wait until they are in effect."""
    for component in components:
        cluster.run_kubectl("apply", "--warnings-as-errors", "-k", _folder(component))
    _wait(people, components, in_effect=True)


def _folder(component: str) -> str:
    return str(MANIFESTS / "components" / component)


def _wait(people: dict[str, Person], components: tuple[str, ...], *, in_effect: bool) -> None:
    """Wait until each policy is in effect, or no more: it is some time after it was made or deleted."""
    pending = [policy for component in components for policy in _POLICIES[component]]

    def is_reached() -> bool:
        while pending and _in_effect(people, pending[0]) is in_effect:
            pending.pop(0)
        return not pending

    eventually(
        is_reached, lambda: f"{', '.join(pending)} should be {'' if in_effect else 'no more '}in effect", seconds=120
    )


def _in_effect(people: dict[str, Person], policy: str) -> bool | None:
    """Say whether a policy is in effect, by a write of which nothing is stored; None if that cannot be told yet."""
    dry = "--dry-run=server"
    who, arguments, body = {
        "simjob-submit": ("ed", ("create", "-f", "-", dry), manifest("dry")),
        "simjob-cancel": ("pat", ("create", "-f", "-", dry), manifest("dry", cancel=True)),
        "simjob-patch": ("carl", (*patching(PROBE, {"spec": {"parallelism": 7}}), dry), None),
        _RECORD: ("anna", ("create", "-f", "-", dry, "-o", "yaml"), manifest("dry")),
        "simjob-attribution": ("anna", ("annotate", "simjob", PROBE, "simjob.dev/submitted-by=eve", dry), None),
    }[policy]
    try:
        answer = people[who].kubectl(*arguments, stdin=body)
    except RefusedError as refused:
        return True if f"'{policy}'" in str(refused) else None
    return policy == _RECORD and "simjob.dev/submitted-by: anna" in answer
