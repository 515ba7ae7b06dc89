"""A FakeCluster that checks every change for violations; tests read `breaches` at their end."""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import msgspec
from given.outcomes import FIELDS, OUTCOMES, indexes
from simjob.api import names
from simjob.api.sweep.ranges import Ranges
from simjob.core.facts.apiobjects import Job, Pod
from simjob.core.facts.pods import PodFact
from simjob.runtime.cluster.calls import StoredJob
from simjob.runtime.watching.informer import Sink
from simjob.runtime.watching.kopfhandlers import SimulationJobSink
from worlds.fakes import FakeCluster

Raw = dict[str, Any]
PROXY: Final = "a-proxy"
_ENDS = ("COMPLETED", "FAILED", "CANCELLED")
# What stays as it is after the end.
_KEPT: Final = (
    "phase",
    "reason",
    "message",
    "errorCode",
    "isTerminal",
    "isFailed",
    "completionTime",
    *FIELDS,
    "cases",
    "cancellation",
    "computeTime",
    "failures",
    "results",
)


class Injected(StrEnum):
    """Where an injector puts a container that never ends by itself."""

    FIRST = "first"
    LAST = "last"
    NATIVE = "native"


class JudgedCluster(FakeCluster):
    """A cluster with one SimulationJob.

    `changes` counts what was changed, by whomever. `finished`: the pods that ended by themselves. `unseen`: outcomes of
    cases whose pods may have gone where no operator saw it. `untold`: cases whose pod had ended when it was deleted,
    which only the answer told, to an operator that died. `saw` takes every change. `injected`: what an injector
    adds to each pod. `holds_jobs`: whether a webhook suspends each new Job that names a queue.
    """

    injected: Injected | None = None
    holds_jobs: bool = False

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__(clock)
        self.changes = 0
        self.breaches: list[str] = []
        self.finished: set[str] = set()
        self.unseen: set[str] = set()
        self.untold: set[int] = set()
        self.saw: Callable[[str, Raw, bool], None] = lambda plural, raw, deleted: None
        self._uids: dict[str, str] = {}
        self._ran: dict[int, dict[str, int]] = {}
        self._said: dict[int, str] = {}
        self._newest: dict[int, tuple[int, int]] = {}
        self._status: Raw = {}

    @property
    def sweep(self) -> Raw:
        """The SimulationJob."""
        return next(self.objects(names.PLURAL))

    def indexes(self, outcome: str) -> Ranges:
        """The stored cases of an outcome."""
        return indexes(self._status, outcome)

    def live_pods(self, index: int | None = None) -> list[str]:
        """The names of the live pods, of one case or of all."""
        return [
            pod["metadata"]["name"]
            for pod in self.objects("pods")
            if pod["status"]["phase"] not in ("Succeeded", "Failed") and index in (None, _index(pod))
        ]

    async def create_job(self, namespace: str, body: bytes) -> StoredJob:
        """Suspend the Job, as the webhook of a queue does."""
        raw: Raw = msgspec.json.decode(body)
        if self.holds_jobs and names.LABEL_QUEUE in raw["metadata"]["labels"]:
            raw["spec"]["suspend"] = True
        return await super().create_job(namespace, msgspec.json.encode(raw))

    async def create_pod(self, namespace: str, body: bytes) -> PodFact:
        """Inject a container, as a webhook does."""
        raw: Raw = msgspec.json.decode(body)
        if self.injected is Injected.NATIVE:
            raw["spec"].setdefault("initContainers", []).append({"name": PROXY, "restartPolicy": "Always"})
        elif self.injected is not None:
            position = 0 if self.injected is Injected.FIRST else len(raw["spec"]["containers"])
            raw["spec"]["containers"].insert(position, {"name": PROXY})
        return await super().create_pod(namespace, msgspec.json.encode(raw))

    def list_and_watch(self, jobs: Sink[Job], pods: Sink[Pod], simulationjobs: SimulationJobSink) -> None:
        """Report existing objects and every later change to these sinks."""
        self.watch(jobs, pods, simulationjobs)
        for plural in (names.PLURAL, "jobs", "pods"):
            for raw in self.objects(plural):
                super()._tell(plural, raw)

    def judge_rest(self) -> None:
        """Judge the final state, when nothing changes any more."""
        cancelled = self.indexes("cancelled")
        left = [raw["metadata"]["name"] for raw in self.objects("jobs") if _index(raw) in cancelled]
        self._must("O8", not left, f"at rest {left} of cancelled cases are there")

    def judge_removal(self, name: str) -> None:
        """Judges that the operator deletes a Job: in a cancel only one whose case is in the stored status."""
        found = [raw for raw in self.objects("jobs") if raw["metadata"]["name"] == name]
        if "cancellation" in self._status:
            unsafe = [raw for raw in found if not any(_index(raw) in self.indexes(outcome) for outcome in OUTCOMES)]
            self._must("O7", not unsafe, f"{name} is deleted before its case is recorded")

    def breach(self, oracle: str, what: str) -> None:
        """Notes that something happened that must not."""
        self.breaches.append(f"{oracle}: {what}")

    def _tell(self, plural: str, raw: Raw, *, deleted: bool = False) -> None:
        self.changes += 1
        if plural == names.PLURAL:
            self._judge_status(raw)
        elif plural == "configmaps":
            pass  # Judged with the status that relies on them.
        elif not deleted and raw["metadata"]["uid"] not in self._uids.values():
            self._judge_creation(plural, raw)
        elif plural == "pods" and raw["status"]["phase"] in ("Succeeded", "Failed") and _has_ended(raw):
            self._ran.setdefault(_index(raw), {})[raw["metadata"]["uid"]] = _seconds(raw)
            own = raw["metadata"]["name"] in self.finished
            self._heard(raw, _end(raw)["message"] if own else "")
        elif plural == "pods" and deleted:
            self._heard(raw, "")
        super()._tell(plural, raw, deleted=deleted)
        self.saw(plural, raw, deleted)

    def _heard(self, pod: Raw, text: str) -> None:
        """Note what a case said, unless a newer attempt has said something: pods of earlier ones are deleted later."""
        index, labels = _index(pod), pod["metadata"]["labels"]
        attempt = int(labels[names.LABEL_RESTARTS]), int(labels[names.LABEL_ATTEMPT])
        newest = self._newest.setdefault(index, attempt)
        if attempt >= newest:
            self._newest[index], self._said[index] = attempt, text

    def _judge_creation(self, plural: str, raw: Raw) -> None:
        name, index = raw["metadata"]["name"], _index(raw)
        if plural == "jobs":
            self._must("O1", name not in self._uids, f"{name} is made a second time")
        else:
            # The pod of an attempt that was stopped during downtime may be created again.
            self._must("O1", name not in self.finished, f"{name} ran to its end and is made a second time")
        self._uids[name] = raw["metadata"]["uid"]
        self._must("O3", not any(index in self.indexes(o) for o in OUTCOMES), f"{name} is made for a recorded case")
        self._must("O9", index not in self.indexes("cancelling"), f"{name} is made for a case that is being cancelled")
        self._must("O6", self._status.get("phase") not in _ENDS, f"{name} is made after the end")
        if "configMap" in self.sweep["spec"]["cases"]:
            written = self._status.get("caseTable", {}).get("indexes", "")
            self._must("O3", index in Ranges.parse(written), f"{name} is made before its case is written down")
        if plural == "jobs":
            self._must("O2", len(self._jobs(index)) == 1, f"case {index} has two Jobs")
        else:
            self._must("O2", len(self.live_pods(index)) == 1, f"case {index} has two live pods")
            most = self.sweep["spec"]["parallelism"]
            self._must("O16", len(self.live_pods()) <= most, f"{len(self.live_pods())} pods are live")

    def _judge_status(self, raw: Raw) -> None:
        old, new = self._status, raw.get("status", {})
        self._status = new
        if not new:
            return
        outcomes = {outcome: indexes(new, outcome) for outcome in OUTCOMES}
        counts: Mapping[str, int] = new["cases"]
        self._must("O5", sum(counts.values()) == 2 * counts["total"], f"the counts do not sum up: {counts}")
        for outcome, cases in outcomes.items():
            self._must("O5", counts[outcome] == len(cases), f"{outcome}: {counts[outcome]} are not {cases}")
            self._must("O9", not indexes(old, outcome).minus(cases), f"{outcome} lost cases: now {cases}")
        self._judge_cancelled_cases(old, new)
        followed = old.get("observedGeneration", -1) <= new["observedGeneration"] <= raw["metadata"]["generation"]
        self._must("O5", followed, "the observed generation fell or ran ahead")
        if old.get("phase") in _ENDS:
            changed = [key for key in _KEPT if old.get(key) != new.get(key)]
            self._must("O6", not changed, f"an end was changed: {changed}")
        if new.get("phase") == "CANCELLED" != old.get("phase"):
            self._must("O8", not self.live_pods(), f"CANCELLED while {self.live_pods()} are live")
        self._judge_retrying(new, outcomes)
        self._judge_time(new, outcomes)
        self._judge_results(new, outcomes["succeeded"].union(outcomes["failed"]))
        if new.get("phase") in _ENDS:
            self._must("O6", bool(new.get("completionTime")), "an end without its time")

    def _judge_cancelled_cases(self, old: Raw, new: Raw) -> None:
        cancelled, cancelling = indexes(new, "cancelled"), indexes(new, "cancelling")
        ended = (indexes(new, outcome) for outcome in OUTCOMES)
        self._must("O5", not any(cancelling.intersection(found) for found in ended), "cancelling is not told apart")
        self._must("O5", not (cancelling and new.get("phase") in _ENDS), f"an end with {cancelling} cancelling")
        if "cancellation" in old:
            return  # Said for good only with the end: _judge_status.
        live = [name for index in cancelled.minus(indexes(old, "cancelled")) for name in self.live_pods(index)]
        self._must("O8", not live, f"their cases are cancelled while {live} are live")
        left = indexes(old, "cancelling").minus(cancelling)
        for outcome in OUTCOMES:
            left = left.minus(indexes(new, outcome))
        self._must("O9", not left, f"{left} were being cancelled and are no more")

    def _judge_retrying(self, status: Raw, outcomes: Mapping[str, Ranges]) -> None:
        """Check that each case shown as waiting has failed, has not ended, and has a recorded last attempt."""
        retrying = status.get("retrying", {"cases": 0, "newest": []})
        waits = [each["index"] for each in retrying["newest"]]
        self._must("O5", len(set(waits)) == len(waits) <= retrying["cases"], f"{retrying} is miscounted")
        self._must("O5", retrying["cases"] <= status["cases"]["pending"], f"{waits} wait and are not pending")
        ended = [index for index in waits if any(index in cases for cases in outcomes.values())]
        self._must("O5", not ended, f"{ended} wait and have ended")
        self._must("O6", not (waits and status.get("phase") in _ENDS), f"{waits} wait after the end")
        mute = [each for each in retrying["newest"] if "reason" not in each]
        self._must("O5", not mute, f"it is not said why {mute} wait")

    def _judge_time(self, status: Raw, outcomes: Mapping[str, Ranges]) -> None:
        for outcome, cases in outcomes.items():
            said = status.get("computeTime", {}).get(outcome, {}).get("wallSeconds", 0)
            ran = sum(sum(self._ran.get(index, {}).values()) for index in cases)
            holds = said <= ran if outcome in self.unseen else said == ran
            self._must("O18", holds, f"the {outcome} cases {cases} ran {ran} s, not {said}")

    def _judge_results(self, status: Raw, ended: Ranges) -> None:
        """Check that each case that ended by itself with a result has one row, and no other row is left."""
        shards = {raw["metadata"]["name"]: raw["data"] for raw in self.objects("configmaps")}
        shards = {name: data[names.RESULTS_KEY] for name, data in shards.items() if names.RESULTS_KEY in data}
        said = status.get("results", {})
        listed = said.get("configMaps", [])
        read = listed if status.get("phase") not in _ENDS else list(shards)
        rows = [msgspec.json.decode(line) for name in read for line in shards[name].split("\n") if line]
        found = {row["index"]: row["result"] for row in rows if row["index"] in ended}
        heard = {index: text for index, text in self._said.items() if index in found or index not in self.untold}
        expected = {index: heard[index] for index in ended if heard.get(index)}
        texts = {index: v if isinstance(v, str) else msgspec.json.encode(v).decode() for index, v in found.items()}
        wanted = {index: text.replace(" ", "") for index, text in expected.items()}
        got = {index: text.replace(" ", "") for index, text in texts.items()}
        self._must("O19", got == wanted, f"{rows}, not {expected}")
        self._must("O19", said.get("rows", 0) == len(expected), f"{said} for {expected}")
        mute = sum(1 for index in indexes(status, "succeeded") if not heard.get(index))
        self._must("O19", said.get("missing", 0) == mute, f"{said} with {mute} that said nothing")
        if status.get("phase") in _ENDS:
            self._must("O19", len(rows) == len(expected), f"{len(rows)} rows for {len(expected)} results: {rows}")

    def _jobs(self, index: int) -> list[str]:
        """The names of a case's Jobs that have not finished."""
        jobs = (job for job in self.objects("jobs") if _index(job) == index)
        return [job["metadata"]["name"] for job in jobs if not job.get("status", {}).get("conditions")]

    def _must(self, oracle: str, holds: bool, what: str) -> None:
        if not holds:
            self.breach(oracle, what)


def _has_ended(pod: Raw) -> bool:
    """Return whether the kubelet reported how the container ended: it may report the pod as Failed before that."""
    return "terminated" in pod["status"]["containerStatuses"][0]["state"]


def _index(raw: Raw) -> int:
    return int(raw["metadata"]["labels"][names.LABEL_INDEX])


def _end(pod: Raw) -> Raw:
    """How the simulation ended."""
    states = {container["name"]: container["state"] for container in pod["status"]["containerStatuses"]}
    end: Raw = states["simulation"]["terminated"]
    return end


def _seconds(pod: Raw) -> int:
    end = _end(pod)
    started, finished = (datetime.fromisoformat(end.get(key, "1970-01-01")) for key in ("startedAt", "finishedAt"))
    return int((finished - started).total_seconds())
