"""An executor on a fake cluster, for tests of its actions and of the creations that it delegates."""

from collections.abc import Mapping
from typing import Any

import msgspec
from given.builders import NOW, a_job_dict
from simjob.api import simulationjob
from simjob.api.simulationjob import SimulationJob
from simjob.core.children import jobandpod
from simjob.core.facts.jobs import JobFact
from simjob.core.facts.pods import PodFact
from simjob.core.plan import Action, CreateCase
from simjob.runtime.client.key import Key
from simjob.runtime.client.requestbudget import Budget
from simjob.runtime.executing.creationgate import Gate
from simjob.runtime.executing.executor import Executor
from simjob.runtime.executing.passoutcome import PassOutcome
from simjob.runtime.store.store import Store
from simjob.runtime.store.workqueue import WorkQueue
from worlds.fakes import FakeCluster


class Workbench:
    """An executor whose store gets only SimulationJobs and the answers to its own calls."""

    def __init__(self, **spec: Any) -> None:
        self.cluster = FakeCluster(lambda: NOW)
        self.store = Store(WorkQueue(), lambda: NOW)
        self.cluster.watch(simulationjobs=self.store)
        raw = self.cluster.apply(a_job_dict(**spec))
        job = simulationjob.parse(raw)
        assert isinstance(job, SimulationJob)
        self.job = job
        self.key = Key("default", job.metadata.uid)
        self.budget = Budget(4)
        self.gate = Gate(120)
        self.executor = Executor(self.cluster, self.store, self.budget)

    async def apply(self, *actions: Action) -> PassOutcome:
        outcome = PassOutcome(gate=self.gate)
        await self.executor.apply(self.key, self.job, actions, outcome)
        return outcome

    async def started(self, index: int = 0) -> tuple[JobFact, PodFact]:
        await self.apply(CreateCase(index=index, restarts=0))
        case = next(case for case in self.observed if case.index == index)
        assert case.job is not None
        self.cluster.calls.clear()
        return case.job, case.pods[-1]

    @property
    def observed(self) -> Any:
        return self.store.view(self.key).observed().cases

    def names(self, plural: str) -> list[str]:
        return sorted(raw["metadata"]["name"] for raw in self.cluster.objects(plural))

    def rendered(self, **labels: str) -> bytes:
        body = msgspec.json.decode(jobandpod.render_job(self.job, self.template, self.job.spec.case(0), 0))
        body["metadata"]["labels"] |= labels
        return msgspec.json.encode(body)

    @property
    def template(self) -> Mapping[str, Any]:
        return self.job.spec.template.to_api(as_given=True)


def case(index: int = 0) -> CreateCase:
    return CreateCase(index=index, restarts=0)
