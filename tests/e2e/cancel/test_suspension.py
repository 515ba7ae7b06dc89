"""Suspend and resume with real containers."""

import pytest
from e2e.support import node
from e2e.support.namespace import Namespace
from e2e.support.sweep import FOREVER, UNTIL_RELEASED
from integration.support.watching import Seen

pytestmark = pytest.mark.e2e

# Case 0 ends at once; the others run until they are stopped, and end at once when they run again after a resume.
SCRIPT = f"case $SIMJOB_CASE_INDEX$HOSTNAME in 0*|*-1-0) exit 0;; esac; {FOREVER}"


def test_a_suspended_sweep_stops_and_resumes(namespace: Namespace) -> None:
    sweep = namespace.sweep(SCRIPT, cases={"count": 4}, parallelism=3)
    sweep.wait(lambda: sweep.status.get("progress") == "1/4", "case 0 has ended")
    running = sweep.wait_running(3)
    sweep.patch(suspend=True)
    status = sweep.wait_phase("SUSPENDED")
    assert [node.processes(pod.uid) for pod in running] == [[], [], []]
    assert status["progress"] == "1/4"
    assert status["isTerminal"] is False
    assert [pod for pod in sweep.pods() if pod.phase not in ("Succeeded", "Failed")] == []
    sweep.patch(suspend=False)
    status = sweep.wait_phase("COMPLETED")
    assert status["succeededIndexes"] == "0-3"
    namespace.settle()
    made = {seen.name for seen in namespace.pods.history}
    assert len([name for name in made if name.endswith("-0-0-0")]) == 1
    assert len(made) == 7, "case 0 ran once, the others once before and once after"


def test_a_sweep_created_suspended_starts_when_resumed(namespace: Namespace) -> None:
    sweep = namespace.sweep(cases={"count": 2}, suspend=True)
    sweep.wait_phase("SUSPENDED")
    namespace.settle()
    assert namespace.jobs.history == []
    sweep.patch(suspend=False)
    sweep.wait_phase("COMPLETED")
    assert {seen.name.rpartition("-")[2] for seen in namespace.pods.history} == {"0"}


def test_a_lower_parallelism_lets_running_cases_finish(namespace: Namespace) -> None:
    script = f"[ $SIMJOB_CASE_INDEX -gt 1 ] || {{ {UNTIL_RELEASED}; }}"
    sweep = namespace.sweep(script, cases={"count": 4}, parallelism=2)
    first = sweep.wait_running(2)
    sweep.patch(parallelism=0)
    sweep.wait(lambda: sweep.status.get("observedGeneration") == 2, "the operator has seen it")
    sweep.release(*first)
    sweep.wait(lambda: sweep.status.get("progress") == "2/4", "two have finished")
    assert sweep.wait_message("ParallelismIsZero") == "`parallelism` is 0: no case starts"
    namespace.run("scale", "simjob/sweep", "--replicas=2")
    sweep.wait_phase("COMPLETED")
    told = [seen for pod in first for seen in namespace.pods.of(pod.uid) if seen.phase == "Running" and is_asked(seen)]
    assert told == []


def is_asked(seen: Seen) -> bool:
    return "deletionTimestamp" in seen.object["metadata"]
