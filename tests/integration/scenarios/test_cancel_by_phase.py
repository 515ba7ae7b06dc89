"""A cancel ends a queued job at once, signals a running one, and is refused by an ended one.

Modelled on the PraisonAI service, including a client that waits for a while and then cancels. A fake node shows that a
pod is asked to stop. tests/e2e/cancel/test_cancel.py shows on a real node that its process gets SIGTERM and its grace
period.
"""

import pytest
from integration.scenarios.session import Session

pytestmark = pytest.mark.integration

PHASES = "jsonpath='{.status.phase} {.status.cases.running}{\"\\n\"}'"


def test_queued_and_running_jobs_can_be_cancelled_and_ended_ones_cannot(session: Session) -> None:
    a_queued_job_never_starts(session)
    a_running_job_is_signalled(session)
    a_completed_job_refuses(session)
    a_client_cancels_after_a_timeout(session)


def a_queued_job_never_starts(session: Session) -> None:
    session.say("A job that no node has room for waits. Cancelled, it is gone at once and has never started.")
    session.bystander()
    with session.watching(f"kubectl get simjob --watch -o {PHASES}", "CANCELLED") as told:
        session.apply("minimal", name="queued", resources={"cpu": "1000"})
        session.wait("queued", ".status.reason=Unschedulable")
        session.patch("queued", cancel=True)
        session.wait("queued", "Finished", 5)
    phases = [line.split(" ")[0] for line in told if line]
    assert phases[-1] == "CANCELLED"
    assert not {"ASSIGNED", "RUNNING"} & set(phases)
    session.run("kubectl get simjob queued")
    status = session.status("queued")
    assert (status["cases"]["cancelled"], status["progress"].split("/")[0]) == (status["cases"]["total"], "0")
    session.run("kubectl wait job,pod -l simjob.dev/name=queued --for=delete --timeout=10s")
    assert session.run("kubectl get jobs,pods -l simjob.dev/name=queued -o name") == ""


def a_running_job_is_signalled(session: Session) -> None:
    session.say("A job that runs: its pods are asked to stop, and it is cancelled when they have stopped.")
    session.apply("minimal", name="running", parallelism=10, fake={"termination-seconds": "3600"})
    total = session.wait_running("running")
    session.patch("running", cancel=True, cancelReason="the user changed his mind")
    session.wait("running", ".status.phase=CANCELLING")
    path = '{range .items[*]}{.metadata.name} asked to stop at {.metadata.deletionTimestamp}{"\\n"}{end}'
    asked = session.run(f"kubectl get pods -l simjob.dev/name=running -o jsonpath='{path}'").splitlines()
    assert len([line for line in asked if not line.endswith(" at ")]) == total
    assert session.show("running", ".status.cancellation.stopping") == str(total)
    session.let_stop("running")
    session.wait("running", "Finished")
    assert session.show("running", ".status.phase", ".status.isFailed") == "CANCELLED false"
    assert session.run("kubectl get pods -l simjob.dev/name=running -o name") == ""


def a_completed_job_refuses(session: Session) -> None:
    session.say("A job that is completed refuses, and says why.")
    session.apply("minimal", name="completed", cases={"count": 1}, fake={"run-seconds": "1"})
    session.wait("completed", "Succeeded")
    answer = session.refused_patch("completed", cancel=True)
    assert answer.endswith("spec.cancel may not be set: the SimulationJob is already COMPLETED")
    assert session.show("completed", ".status.phase") == "COMPLETED"


def a_client_cancels_after_a_timeout(session: Session) -> None:
    session.say("A client waits for three seconds, then it cancels.")
    session.apply("minimal", name="awaited")
    answer = session.run(waiting("awaited", 3))
    assert "timed out waiting for the condition" in answer
    assert answer.endswith("simulationjob.simjob.dev/awaited patched")
    session.wait("awaited", "Finished")
    assert session.show("awaited", ".status.phase", ".status.cancellation.reason") == "CANCELLED timed out"
    session.say("A job that ends in time is not cancelled.")
    session.apply("minimal", name="quick", cases={"count": 1}, fake={"run-seconds": "1"})
    session.run(waiting("quick", 30))
    assert session.show("quick", ".status.phase") == "COMPLETED"


def waiting(job: str, seconds: int) -> str:
    """Return a command that waits for the end of a job and cancels it after `seconds`."""
    wish = '{"spec":{"cancel":true,"cancelReason":"timed out"}}'
    cancel = f"kubectl patch simjob {job} --type=merge -p '{wish}'"
    return f"kubectl wait simjob/{job} --for=condition=Finished --timeout={seconds}s || {cancel}"
