"""What the observer saw: the changes of pods, Jobs and sweeps in the order in which they arrived.

Pure: the observer makes changes, the driver keeps them, the measures are concluded from them.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

# On every pod of every system, by its template: whose it is.
LABEL = "bench.simjob.dev/sweep"


class Kind(StrEnum):
    """What changed. A sweep is what the measured system calls its object: SimulationJob, or a kopf operator's own."""

    POD = "pod"
    JOB = "job"
    SWEEP = "sweep"


class Key(msgspec.Struct, frozen=True, array_like=True):
    """A sweep under measurement: its own object's name, or the label of its pods. A Job is a sweep of its own."""

    namespace: str
    name: str = ""


class Change(msgspec.Struct, frozen=True, array_like=True):
    """A new state of an object.

    `at` is CLOCK_MONOTONIC at arrival, in seconds; `version` the resourceVersion, which orders changes of all kinds.
    `state` is a pod's phase, a Job's deciding condition, a sweep's phase. `size` is the bytes of a sweep's status.
    """

    at: float
    version: int
    kind: Kind
    key: Key
    uid: str
    state: str
    signalled: bool
    gone: bool
    size: int


ENDED = ("Succeeded", "Failed")


@dataclass(slots=True)
class Pod:
    """The first time of each thing that happened to a pod, and the versions that end its life."""

    created: float
    running: float | None = None
    signalled: float | None = None
    ended: float | None = None
    ended_version: int | None = None
    failed: bool = False

    @property
    def over(self) -> float | None:
        """When it was signalled, or had no need of it any more."""
        known = [at for at in (self.signalled, self.ended) if at is not None]
        return min(known) if known else None

    def lives_after(self, version: int) -> bool:
        """Whether it was not at its end at this version; one that was made later was not, either."""
        return self.ended_version is None or self.ended_version > version


@dataclass(slots=True)
class Counters:
    """What is known of a sweep now. `live` pods exist and are not at their end; `leaving` ones are being deleted."""

    created: int = 0
    ran: int = 0
    running: int = 0
    live: int = 0
    signalled: int = 0
    ended: int = 0
    present: int = 0
    leaving: int = 0


@dataclass(slots=True)
class Sweep:
    """A sweep's pods by uid, its counters, and everything that its own object said."""

    pods: dict[str, Pod] = field(default_factory=dict)
    counters: Counters = field(default_factory=Counters)
    said: list[Change] = field(default_factory=list)
    _running: set[str] = field(default_factory=set)

    @property
    def state(self) -> str:
        """The newest word of its own object."""
        return self.said[-1].state if self.said else ""

    def add(self, change: Change) -> None:
        """Take a pod's change in."""
        counters, pod = self.counters, self.pods.get(change.uid)
        if pod is None:
            pod = self.pods[change.uid] = Pod(created=change.at)
            counters.created += 1
            counters.live += 1
            counters.present += 1
        is_running = change.state == "Running" and not change.gone
        counters.running += is_running - (change.uid in self._running)
        (self._running.add if is_running else self._running.discard)(change.uid)
        counters.present -= change.gone
        if pod.running is None and change.state == "Running":
            pod.running = change.at
            counters.ran += 1
        if pod.signalled is None and change.signalled:
            pod.signalled = change.at
            counters.signalled += 1
            counters.leaving += 1
        counters.leaving -= change.gone and pod.signalled is not None
        if pod.ended is None and (change.gone or change.state in ENDED):
            pod.ended, pod.ended_version = change.at, change.version
            pod.failed = change.state == "Failed"
            counters.live -= 1
            counters.ended += change.state in ENDED


class Timeline:
    """Everything that was seen, by sweep."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self._sweeps: defaultdict[Key, Sweep] = defaultdict(Sweep)

    def add(self, changes: Iterable[Change]) -> None:
        """Add the changes that the observer reports, in order."""
        for change in changes:
            self.changes.append(change)
            match change.kind:
                case Kind.POD:
                    self._sweeps[change.key].add(change)
                case Kind.SWEEP:
                    self._sweeps[change.key].said.append(change)
                case Kind.JOB:
                    # A native Job is its own sweep.
                    self._sweeps[change.key].said.append(change)

    def sweep(self, key: Key) -> Sweep:
        """What is known of one sweep; empty if nothing is."""
        return self._sweeps[key]

    def of_namespace(self, namespace: str) -> Iterator[Sweep]:
        """Give the sweeps of a namespace."""
        return (sweep for key, sweep in list(self._sweeps.items()) if key.namespace == namespace)

    def forget(self) -> None:
        """Drop what is known: trials have namespaces of their own."""
        self.changes.clear()
        self._sweeps.clear()


def live_series(pods: Collection[Pod], start: float, points: int = 300) -> list[tuple[float, int]]:
    """Give how many pods lived, as (seconds since `start`, number) at each step, thinned to about `points`."""
    steps = sorted(
        [(pod.created, 1) for pod in pods] + [(pod.ended, -1) for pod in pods if pod.ended is not None],
    )
    series, live = [], 0
    every = max(1, len(steps) // points)
    for index, (at, by) in enumerate(steps):
        live += by
        if index % every == 0 or index == len(steps) - 1:
            series.append((round(at - start, 3), live))
    return series
