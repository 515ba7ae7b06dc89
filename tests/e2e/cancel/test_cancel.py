"""Cancel on a real node: which pods get SIGTERM, which never start, and what status says meanwhile."""

import subprocess
import time

import pytest
from cluster.errors import ClusterError
from e2e.support import node
from e2e.support.namespace import Namespace
from e2e.support.observer import ProcessObserver
from e2e.support.sweep import FOREVER, Sweep
from integration.support.client import Object

pytestmark = pytest.mark.e2e

# Takes three seconds to stop, and says so.
POLITE = "trap 'echo told; sleep 3; echo stopped; exit 0' TERM; echo up; while :; do sleep 0.1; done"
DEAF = "trap '' TERM; echo up; while :; do sleep 0.1; done"


def test_a_running_case_gets_sigterm_and_its_grace_period(namespace: Namespace) -> None:
    sweep = namespace.sweep(POLITE, grace=20)
    pod = sweep.pod(0)
    sweep.wait(lambda: namespace.run("logs", pod.name) == "up\n", "the case is up")
    with follow(namespace, pod.name) as log:
        asked = time.monotonic()
        sweep.cancel("wrong mesh")
        status = sweep.wait_phase("CANCELLED")
        took = time.monotonic() - asked
        assert log.communicate(timeout=30)[0].split() == ["up", "told", "stopped"]
    assert 3 <= took < 15
    assert status["cancellation"]["reason"] == "wrong mesh"
    assert status["cancellation"]["requestedBy"] == "field manager kubectl-patch"
    assert status["cancellation"]["finishedAt"] >= status["cancellation"]["requestedAt"]
    assert (status["isTerminal"], status["isFailed"]) == (True, False)
    assert status["cases"]["cancelled"] == 1
    namespace.run("wait", "simjob/sweep", "--for=condition=Cancelled", "--timeout=5s")


def test_a_case_that_ignores_sigterm_is_killed_after_its_grace_period(namespace: Namespace) -> None:
    sweep = namespace.sweep(DEAF, grace=3)
    pod = sweep.pod(0)
    sweep.wait(lambda: namespace.run("logs", pod.name) == "up\n", "the case ignores SIGTERM")
    asked = time.monotonic()
    sweep.cancel()
    sweep.wait_phase("CANCELLED")
    assert 3 <= time.monotonic() - asked < 12
    cancelling = [status for status in sweep.statuses() if status.get("phase") == "CANCELLING"]
    assert cancelling[0]["cancellation"]["stopping"] == 1
    assert node.processes(pod.uid) == []


def test_waiting_cases_are_never_created_after_a_cancel(namespace: Namespace) -> None:
    sweep = namespace.sweep(FOREVER, cases={"count": 50}, parallelism=2)
    sweep.wait_running(2)
    sweep.cancel()
    status = sweep.wait_phase("CANCELLED")
    assert status["cancelledIndexes"] == "0-49"
    assert status["progress"] == "0/50"
    namespace.settle()
    assert len({seen.uid for seen in namespace.jobs.history}) == 2
    assert len({seen.uid for seen in namespace.pods.history}) == 2


def test_a_sweep_created_with_cancel_creates_no_job(namespace: Namespace) -> None:
    sweep = namespace.sweep(FOREVER, cases={"count": 10}, cancel=True, cancelReason="superseded")
    status = sweep.wait_phase("CANCELLED", 20)
    assert status["cancellation"]["reason"] == "superseded"
    assert status["cancelledIndexes"] == "0-9"
    namespace.settle()
    assert namespace.jobs.history == []
    assert namespace.pods.history == []


def test_cases_that_ended_before_a_cancel_keep_their_outcome(namespace: Namespace) -> None:
    script = f"case $SIMJOB_CASE_INDEX in 0) exit 0;; 1) exit 3;; esac; {FOREVER}"
    sweep = namespace.sweep(script, cases={"count": 4})
    sweep.wait(lambda: sweep.status.get("progress") == "2/4", "two have ended")
    sweep.wait_running(2)
    sweep.cancel()
    status = sweep.wait_phase("CANCELLED")
    assert [status[f"{outcome}Indexes"] for outcome in ("succeeded", "failed", "cancelled")] == ["0", "1", "2-3"]
    assert status["isFailed"] is False


def test_a_suspended_sweep_can_be_cancelled(namespace: Namespace) -> None:
    sweep = namespace.sweep(FOREVER, cases={"count": 2})
    sweep.wait_running(2)
    sweep.patch(suspend=True)
    sweep.wait_phase("SUSPENDED")
    sweep.cancel()
    assert sweep.wait_phase("CANCELLED")["cancelledIndexes"] == "0-1"
    assert sweep.get()["spec"]["suspend"] is True


def test_a_cancel_withdrawn_at_once_is_carried_out(namespace: Namespace) -> None:
    sweep = namespace.sweep(POLITE, grace=20)
    sweep.pod(0)
    sweep.cancel()
    sweep.wait(lambda: sweep.status.get("cancellation"), "the latch")
    sweep.patch(cancel=None, cancelReason=None)
    status = sweep.wait_phase("CANCELLED")
    assert "cancel" not in sweep.get()["spec"]
    assert status["cancellation"]["reason"] == "wrong mesh"
    namespace.settle()
    phases = [seen.phase for seen in namespace.sweeps.history]
    assert set(phases[phases.index("CANCELLING") :]) == {"CANCELLING", "CANCELLED"}


def test_a_second_cancel_changes_nothing(namespace: Namespace) -> None:
    sweep = namespace.sweep(FOREVER)
    sweep.pod(0)
    sweep.cancel("first")
    sweep.cancel("second")
    status = sweep.wait_phase("CANCELLED")
    sweep.cancel("third")
    sweep.wait(lambda: sweep.status["observedGeneration"] == sweep.get()["metadata"]["generation"], "it is seen")
    assert sweep.status["cancellation"] == status["cancellation"]
    assert status["cancellation"]["reason"] in ("first", "second")


@pytest.mark.parametrize(
    ("script", "phase"),
    [pytest.param("true", "COMPLETED", id="a completed sweep"), pytest.param("false", "FAILED", id="a failed sweep")],
)
def test_an_ended_sweep_refuses_cancel(namespace: Namespace, script: str, phase: str) -> None:
    sweep = namespace.sweep(script)
    before = sweep.wait_phase(phase)
    with pytest.raises(ClusterError) as refused:
        sweep.cancel()
    assert str(refused.value).endswith(f"spec.cancel may not be set: the SimulationJob is already {phase}")
    assert sweep.status == before


def test_cancelled_is_never_written_while_a_process_runs(namespace: Namespace) -> None:
    """Six cases that stop at different speeds. At each status, the processes in the kernel are counted."""
    script = "trap 'sleep $SIMJOB_CASE_INDEX; exit 0' TERM; while :; do sleep 0.1; done"
    sweep = namespace.sweep(script, cases={"count": 6}, grace=3)
    sweep.wait_running(6)
    with ProcessObserver(namespace) as observer:
        sweep.cancel()
        sweep.wait_phase("CANCELLED")
    phases = [moment.phase for moment in observer.moments]
    assert phases[-1] == "CANCELLED"
    assert phases.count("CANCELLED") == 1
    assert observer.moments[-1].processes == 0
    assert max(moment.processes for moment in observer.moments if moment.phase == "CANCELLING") >= 6
    assert_no_pod_outlived(sweep)


def test_cancel_stops_forty_cases_in_seconds(namespace: Namespace) -> None:
    sweep = namespace.sweep(FOREVER, cases={"count": 60}, parallelism=40)
    sweep.wait_running(40, 120)
    sweep.cancel()
    assert sweep.wait_phase("CANCELLED", 40)["cancelledIndexes"] == "0-59"


def assert_no_pod_outlived(sweep: Sweep) -> None:
    """No version of a pod that was live is younger than CANCELLED, by the API server's own order of versions."""
    sweep.namespace.settle()
    end = next(seen.version for seen in sweep.namespace.sweeps.history if seen.phase == "CANCELLED")
    live = [seen for seen in sweep.namespace.pods.history if not seen.gone and is_live(seen.object)]
    assert live
    assert max(seen.version for seen in live) < end


def is_live(pod: Object) -> bool:
    return pod["status"]["phase"] not in ("Succeeded", "Failed")


def follow(namespace: Namespace, pod: str) -> "subprocess.Popen[str]":
    """Start `kubectl logs --follow`."""
    command = [namespace.kubectl.program, f"--kubeconfig={namespace.kubectl.kubeconfig}"]
    words = ["logs", f"--namespace={namespace.name}", "--follow", pod]
    return subprocess.Popen([*command, *words], stdout=subprocess.PIPE, text=True)
