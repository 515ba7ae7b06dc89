from datetime import UTC, datetime

from bench.report.timeline import Key
from bench.scenarios import finished
from bench.shape import Shape
from bench.systems.simjob import manifest
from simjob.api import simulationjob
from simjob.api.simulationjob import SimulationJob
from simjob.core import planner
from simjob.core.observed.children import observe


def test_generated_objects_read_as_an_ended_sweep() -> None:
    raw = manifest(Key("default", "finished-0"), Shape(cases=2000))
    raw["spec"] = {**raw["spec"], "cases": {"list": finished.listed(2000)}}
    job = simulationjob.parse({**raw, "status": finished.status(2000)})
    assert isinstance(job, SimulationJob)
    assert job.status.is_over
    assert len(job.selection) == len(job.status.outcomes.succeeded) == 2000


def test_the_operator_leaves_generated_statuses_as_they_are() -> None:
    raw = manifest(Key("default", "finished-0"), Shape(cases=2000))
    spec = {**raw["spec"], "cases": {"list": finished.listed(2000)}}
    stored = {"uid": "uid", "resourceVersion": "1", "generation": 1, "creationTimestamp": "2026-01-02T03:04:05Z"}
    metadata = {**raw["metadata"], "namespace": "default", **stored}
    job = simulationjob.parse({**raw, "metadata": metadata, "spec": spec, "status": finished.status(2000)})
    plan = planner.plan(job, observe((), (), spent=set()), datetime(2026, 1, 2, 4, tzinfo=UTC))
    assert (plan.actions, plan.status) == ((), job.status)
    assert plan.status is not None
    assert plan.status.in_step() == job.status
