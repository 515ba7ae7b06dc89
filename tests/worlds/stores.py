"""A store that tests fill with a SimulationJob and its Jobs and pods, and what it then knows."""

from typing import Any

from given.builders import NOW, UID, a_job_dict
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodFact
from simjob.runtime.client.key import Key
from simjob.runtime.store.store import Store
from simjob.runtime.store.workqueue import WorkQueue

KEY = Key("default", UID)
OTHER = Key("default", "another")


def a_store(queue: WorkQueue | None = None) -> Store:
    return Store(WorkQueue() if queue is None else queue, lambda: NOW)


def sweep(version: int = 1, *, status: dict[str, Any] | None = None, **keywords: Any) -> dict[str, Any]:
    """Make the SimulationJob of KEY in this version, which is also its generation; keywords are those of a_job_dict."""
    metadata = {"resourceVersion": str(version), "generation": version, **keywords.pop("metadata", {})}
    return a_job_dict(metadata=metadata, status=status, **keywords)


def children(store: Store) -> tuple[list[JobFact], list[PodFact]]:
    """Return the Jobs and pods of KEY that the store knows."""
    cases = store.view(KEY).observed().cases
    return [case.job for case in cases if case.job], [pod for case in cases for pod in case.pods]
