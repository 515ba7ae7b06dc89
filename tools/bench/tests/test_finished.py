from bench.report.timeline import Key
from bench.scenarios import finished
from bench.shape import Shape
from bench.systems.simjob import manifest
from simjob.api import simulationjob
from simjob.api.simulationjob import SimulationJob


def test_generated_objects_read_as_an_ended_sweep() -> None:
    raw = manifest(Key("default", "finished-0"), Shape(cases=2000))
    raw["spec"] = {**raw["spec"], "cases": {"list": finished.listed(2000)}}
    job = simulationjob.parse({**raw, "status": finished.status(2000)})
    assert isinstance(job, SimulationJob)
    assert job.status.is_over
    assert len(job.selection) == len(job.status.outcomes.succeeded) == 2000
