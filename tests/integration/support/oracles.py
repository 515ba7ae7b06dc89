"""What must be true of a sweep in every version of the object and of its children.

Moments are resourceVersions: a pod is live from the version that created it up to the one in which it ended.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from given.outcomes import indexes
from integration.support.client import Object
from integration.support.watching import Seen
from simjob.api.sweep.ranges import Ranges

TERMINAL = ("COMPLETED", "FAILED", "CANCELLED")
ENDED = ("Succeeded", "Failed")
FOREVER = 2**63
LATEST = "9999"


@dataclass(frozen=True, slots=True)
class Life:
    """When something was there: from its creation to its deletion; `ended` is when it stopped being live.

    The times of what was there or had ended before the watch began are unknown: they are 0.
    """

    name: str
    uid: str
    owner: str
    index: int
    created: int
    ended: int
    gone: int
    requested_at: str


def lives(history: Sequence[Seen]) -> list[Life]:
    """Sum up the history of pods or Jobs of ours."""
    versions: dict[str, list[Seen]] = defaultdict(list)
    for seen in history:
        if "simjob.dev/uid" in seen.object["metadata"].get("labels", {}):
            versions[seen.uid].append(seen)
    return [_life(found) for found in versions.values()]


def _life(found: list[Seen]) -> Life:
    labels = found[0].object["metadata"]["labels"]
    return Life(
        name=found[0].name,
        uid=found[0].uid,
        owner=labels["simjob.dev/uid"],
        index=int(labels["simjob.dev/index"]),
        created=_moment(found[0]),
        ended=next((_moment(seen) for seen in found if seen.gone or seen.phase in ENDED), FOREVER),
        gone=next((seen.version for seen in found if seen.gone), FOREVER),
        requested_at=found[0].object["metadata"].get("creationTimestamp", LATEST),
    )


def _moment(seen: Seen) -> int:
    return 0 if seen.earlier else seen.version


def violations(sweeps: Sequence[Seen], pods: Sequence[Seen], jobs: Sequence[Seen]) -> list[str]:
    """Say what was not as it must be; empty if all was well."""
    found = list(_names_twice([*lives(pods), *lives(jobs)]))
    versions: dict[str, list[Seen]] = defaultdict(list)
    for seen in sweeps:
        versions[seen.uid].append(seen)
    for uid, history in versions.items():
        own_pods = [life for life in lives(pods) if life.owner == uid]
        own_jobs = [life for life in lives(jobs) if life.owner == uid]
        said = [
            *_generations(history),
            *_statuses(history),
            *_after_the_latch(history, own_pods, own_jobs),
            *_after_the_end(history, own_pods),
            *_after_the_outcome(history, own_pods, own_jobs),
            *_cancelled_cases(history, own_pods),
            *_one_attempt_at_a_time(own_pods),
            *_parallelism(history, own_pods),
        ]
        found.extend(f"{history[0].name}: {text}" for text in said)
    return found


def _names_twice(children: list[Life]) -> Iterator[str]:
    uids: dict[str, set[str]] = defaultdict(set)
    for life in children:
        uids[life.name].add(life.uid)
    yield from (f"{name} was made {len(found)} times" for name, found in uids.items() if len(found) > 1)


def _generations(history: list[Seen]) -> Iterator[str]:
    for before, after in pairwise(seen.object for seen in history):
        observed = before.get("status", {}).get("observedGeneration", -1)
        # A status from a backup counts the generations of an earlier object, and these may be more.
        if after.get("status", {}).get("observedGeneration", -1) < min(
            observed, before["metadata"].get("generation", observed)
        ):
            yield "observedGeneration fell"


def _statuses(history: list[Seen]) -> Iterator[str]:
    for seen in history:
        cases = seen.object.get("status", {}).get("cases")
        if cases and sum(cases.values()) != 2 * cases["total"]:
            yield f"the counts do not sum up at {seen.version}: {cases}"
    for before, after in pairwise(seen.object.get("status", {}) for seen in history):
        if before.get("phase") in TERMINAL and after.get("phase") != before["phase"]:
            yield f"{before['phase']} became {after.get('phase')}"
        if before.get("phase") in ("COMPLETED", "FAILED") and "cancellation" in after:
            yield f"{before['phase']} got a cancellation"
        if before.get("cancellation", {}).get("requestedAt") not in (
            None,
            after.get("cancellation", {}).get("requestedAt"),
        ):
            yield "the latch was lost, or got another date"
        for outcome in ("succeeded", "failed", "cancelled"):
            lost = recorded(before, outcome).minus(recorded(after, outcome))
            if lost:
                yield f"the cases {lost} were taken out of {outcome}"


def _after_the_latch(history: list[Seen], pods: list[Life], jobs: list[Life]) -> Iterator[str]:
    """Nothing is made after the latch, except by requests that were under way when it was written.

    The API server dates an object when it receives the request, in whole seconds.
    """
    latched = _first(history, lambda status: "cancellation" in status)
    written = _status_time(next((seen for seen in history if seen.version == latched), None))
    for life in (*pods, *jobs):
        if life.created > latched and life.requested_at > written:
            yield f"{life.name} was made at {life.created}, after the latch at {latched}"


def _status_time(seen: Seen | None) -> str:
    """Return when the API server stored this status; an empty text if it does not say so."""
    entries = seen.object["metadata"].get("managedFields", []) if seen else []
    return max((entry["time"] for entry in entries if entry.get("subresource") == "status"), default="")


def _after_the_end(history: list[Seen], pods: list[Life]) -> Iterator[str]:
    before = ""
    for seen in history:
        if seen.phase != before and seen.phase in (*TERMINAL, "SUSPENDED"):
            late = [life.name for life in pods if life.created < seen.version < life.ended]
            if late:
                yield f"{seen.phase} was said at {seen.version} with live pods: {late[:3]}"
        before = seen.phase


def _after_the_outcome(history: list[Seen], pods: list[Life], jobs: list[Life]) -> Iterator[str]:
    """A case with an outcome gets nothing any more."""
    since: dict[int, int] = {}
    known = Ranges()
    for seen in history:
        status = seen.object.get("status", {})
        now = recorded(status, "succeeded").union(recorded(status, "failed")).union(recorded(status, "cancelled"))
        for index in now.minus(known):
            since[index] = seen.version
        known = now
    for life in (*pods, *jobs):
        if life.created > since.get(life.index, FOREVER):
            yield f"{life.name} was made after its case had an outcome"


def _cancelled_cases(history: list[Seen], pods: list[Life]) -> Iterator[str]:
    """Cases that are cancelled while others continue have no live pod then, and get none while they stop."""
    for old, new in pairwise(history):
        before, after = old.object.get("status", {}), new.object.get("status", {})
        if "cancellation" in after:
            return
        cancelled = recorded(after, "cancelled").minus(recorded(before, "cancelled"))
        cancelling = recorded(before, "cancelling")
        for life in pods:
            if life.index in cancelled and life.created < new.version < life.ended:
                yield f"case {life.index} was said to be cancelled at {new.version} while {life.name} was live"
            if life.index in cancelling and old.version < life.created <= new.version:
                yield f"{life.name} was made while its case was being cancelled"


def _one_attempt_at_a_time(pods: list[Life]) -> Iterator[str]:
    by_index: dict[int, list[Life]] = defaultdict(list)
    for life in pods:
        by_index[life.index].append(life)
    for found in by_index.values():
        for before, after in pairwise(sorted(found, key=lambda life: life.created)):
            if after.created < before.ended:
                yield f"{after.name} was made while {before.name} was live"


def _parallelism(history: list[Seen], pods: list[Life]) -> Iterator[str]:
    allowed = max(seen.object["spec"].get("parallelism", 50) for seen in history)
    changes = sorted([(life.created, 1) for life in pods] + [(life.ended, -1) for life in pods])
    live = most = 0
    for _, change in changes:
        live += change
        most = max(most, live)
    if most > allowed:
        yield f"{most} pods were live at once, parallelism was never above {allowed}"


def _first(history: list[Seen], holds: Callable[[Object], bool]) -> int:
    return next((seen.version for seen in history if holds(seen.object.get("status", {}))), FOREVER)


def recorded(status: Object, outcome: str) -> Ranges:
    """Return the cases of an outcome, in either form: the last release writes only the earlier one."""
    earlier = Ranges.parse(status.get("ledger", {}).get(outcome, ""))
    return indexes(status, outcome).union(earlier)
