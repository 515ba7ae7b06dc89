"""From the timeline to figures. Pure: a figure that the timeline does not have is left out."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from bench.observing.audit import CONTROLLER_MANAGER, Requests, total
from bench.report.timeline import Change, Pod, Sweep

Measures = dict[str, float]


class Meaning(NamedTuple):
    """A measure for the reader: what it is, its unit, its decimals."""

    label: str
    unit: str
    digits: int


MEANINGS: Final[dict[str, Meaning]] = {
    "all_created": Meaning("asked → all pods exist", "s", 2),
    "all_running": Meaning("asked → all pods running", "s", 2),
    "first_signalled": Meaning("cancel asked → first pod signalled", "s", 2),
    "first_apart": Meaning("first signals of the sweeps: last after first", "s", 2),
    "all_signalled": Meaning("cancel asked → every pod signalled", "s", 2),
    "none_live": Meaning("cancel asked → no pod live", "s", 2),
    "said": Meaning("cancel asked → the system says so", "s", 2),
    "live_when_said": Meaning("pods live when it said so, or made later", "", 0),
    "live_at_cancel": Meaning("pods live when it was cancelled", "", 0),
    "to_end": Meaning("asked → every case has ended", "s", 1),
    "failed": Meaning("cases that failed", "", 0),
    "cases_per_second": Meaning("cases ended per second", "/s", 1),
    "leader_changes": Meaning("changes of the leader", "", 0),
    "caught_up": Meaning("operator started → successors of what ended exist", "s", 2),
    "caches_filled": Meaning("operator started → it knows everything", "s", 2),
    "pods_per_second": Meaning("pods created → running, per second", "/s", 0),
    "ends_per_second": Meaning("pods deleted → gone, per second", "/s", 0),
    "bound_per_second": Meaning("the same without the scheduler, per second", "/s", 0),
    "kubectl_before": Meaning("kubectl get, before: middle", "ms", 0),
    "kubectl_during": Meaning("kubectl get, during: middle", "ms", 0),
    "kubectl_worst": Meaning("kubectl get, during: worst", "ms", 0),
    "writes": Meaning("writes while nothing happens", "", 0),
    "requests_per_case": Meaning("its own requests per case", "", 2),
    "kcm_per_case": Meaning("controller manager's requests per case", "", 2),
    "all_per_case": Meaning("both together, per case", "", 2),
    "refused": Meaning("its requests that were refused, or for what is not there", "", 0),
    "peak_mib": Meaning("memory, peak", "MiB", 0),
    "follower_mib": Meaning("memory of a follower, peak", "MiB", 0),
    "cpu_seconds": Meaning("CPU time", "s", 2),
    "lag_p99_ms": Meaning("answer of /healthz, p99", "ms", 1),
    "lag_max_ms": Meaning("answer of /healthz, worst", "ms", 1),
    "status_bytes": Meaning("status, largest", "bytes", 0),
    "observer_late_ms": Meaning("observer late by at most", "ms", 1),
}


def creating(sweep: Sweep, asked: float, cases: int) -> Measures:
    """Say how long `cases` pods took to exist and to run."""
    created = sorted(pod.created for pod in sweep.pods.values())
    running = sorted(pod.running for pod in sweep.pods.values() if pod.running is not None)
    found: Measures = {}
    if len(created) >= cases:
        found["all_created"] = created[cases - 1] - asked
    if len(running) >= cases:
        found["all_running"] = running[cases - 1] - asked
    return found


def cancelling(sweep: Sweep, asked: float, said: Change | None) -> Measures:
    """Say how long a cancel took.

    A pod that came to its own end after the cancel needed no signal; one that was created after it needs one, too.
    resourceVersions, which order objects of all kinds, show whether a system reported too early; times do not.
    """
    concerned = [pod for pod in sweep.pods.values() if pod.ended is None or pod.ended > asked]
    found: Measures = {"live_at_cancel": sum(1 for pod in concerned if pod.created <= asked)}
    signalled = [pod.signalled for pod in concerned if pod.signalled is not None]
    if signalled:
        found["first_signalled"] = min(signalled) - asked
    over = [pod.over for pod in concerned if pod.over is not None]
    if concerned and len(over) == len(concerned):
        found["all_signalled"] = max(over) - asked
    ended = [pod.ended for pod in concerned if pod.ended is not None]
    if concerned and len(ended) == len(concerned):
        found["none_live"] = max(ended) - asked
    if said is not None:
        found["said"] = said.at - asked
        found["live_when_said"] = sum(pod.lives_after(said.version) for pod in sweep.pods.values())
    return found


def together(ends: Sequence[Measures]) -> Measures:
    """Sum up the cancels of several sweeps, by `cancelling`, that were asked for at once; leave out what one lacks."""
    complete = [name for name in ends[0] if all(name in end for end in ends)]
    found: Measures = {}
    for name in complete:
        values = [end[name] for end in ends]
        if name == "first_signalled":
            found |= {name: min(values), "first_apart": max(values) - min(values)}
        else:
            found[name] = sum(values) if name.startswith("live_") else max(values)
    return found


def leader_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> int:
    """Say how often a Lease was taken between two looks at its spec, at least."""
    taken = any(before.get(name) != after.get(name) for name in ("holderIdentity", "acquireTime"))
    return max(int(taken), int(after.get("leaseTransitions", 0)) - int(before.get("leaseTransitions", 0)))


def ending(pods: Iterable[Pod], asked: float) -> Measures:
    """Say how long all took to come to their own end."""
    ended = [pod.ended for pod in pods if pod.ended is not None]
    if not ended:
        return {}
    seconds = max(ended) - asked
    return {"to_end": seconds, "cases_per_second": len(ended) / seconds}


def asking(requests: Requests, asker: str, cases: int) -> Measures:
    """Say how many requests a case cost, whose they were, and how many were refused."""
    own, native = total(requests, asker), total(requests, CONTROLLER_MANAGER)
    return {
        "requests_per_case": own / cases,
        "kcm_per_case": native / cases,
        "all_per_case": (own + native) / cases,
        "refused": sum(number for request, number in requests.items() if request.who == asker and request.refused),
    }


def speaking(sweeps: Iterable[Sweep]) -> Measures:
    """Say how large a status got."""
    return {"status_bytes": max((change.size for sweep in sweeps for change in sweep.said), default=0)}


def quantile(values: Iterable[float], part: float) -> float | None:
    """Give the smallest value that `part` of all do not exceed; None without values."""
    ordered = sorted(values)
    if not ordered:
        return None
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)]
