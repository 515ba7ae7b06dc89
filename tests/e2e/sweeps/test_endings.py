"""How sweeps end by themselves, with real containers."""

from datetime import datetime

import pytest
from e2e.support.namespace import Namespace
from e2e.support.sweep import FOREVER, Sweep
from integration.support.client import Object

pytestmark = pytest.mark.e2e

ATTEMPTS = 'case $HOSTNAME in *-2) exit 0;; *) echo "attempt $HOSTNAME"; exit 9;; esac'


@pytest.mark.effect("spec.cases.count")
def test_a_sweep_runs_to_completion(namespace: Namespace) -> None:
    sweep = namespace.sweep('echo "case $SIMJOB_CASE_INDEX"', cases={"count": 3})
    namespace.run("wait", "simjob/sweep", "--for=condition=Finished", "--timeout=60s")
    status = sweep.status
    assert status["phase"] == "COMPLETED"
    assert status["progress"] == "3/3"
    assert status["succeededIndexes"] == "0-2"
    assert (status["isTerminal"], status["isFailed"]) == (True, False)
    assert truths(status) == {
        "Finished": "True",
        "Succeeded": "True",
        "Cancelled": "False",
        "Suspended": "False",
        "Reconciling": "False",
        "Stalled": "False",
    }
    assert [namespace.run("logs", f"job/{sweep.job(index)}") for index in range(3)] == [
        f"case {index}\n" for index in range(3)
    ]


def test_a_failing_case_ends_failed_with_its_exit_code(namespace: Namespace) -> None:
    sweep = namespace.sweep("exit $((SIMJOB_CASE_INDEX * 7))", cases={"count": 2})
    status = sweep.wait_phase("FAILED")
    assert [(each["index"], each["exitCode"], each["errorCode"], each["reason"]) for each in status["failures"]] == [
        (1, 7, "CASE_FAILED", "Error")
    ]
    assert status["message"] == "1 of 2 cases failed; case 1: Error, exit code 7"
    assert status["errorCode"] == "CASE_FAILED"
    assert status["succeededIndexes"] == "0"
    assert status["failedIndexes"] == "1"
    assert truths(status)["Stalled"] == "True"


@pytest.mark.effect("spec.cases.matrix[].name", "spec.cases.matrix[].values[]")
def test_a_case_reads_its_parameters_from_the_environment(namespace: Namespace) -> None:
    axes = [{"name": "mesh", "values": ["coarse", "fine $(HOME) `x`"]}, {"name": "re", "values": [1.0e5, 7]}]
    sweep = namespace.sweep('echo "$SIMJOB_NAME $PARAM_MESH|$PARAM_RE"', cases={"matrix": axes})
    sweep.wait_phase("COMPLETED")
    assert [namespace.run("logs", f"job/{sweep.job(index)}").strip() for index in range(4)] == [
        "sweep coarse|100000",
        "sweep coarse|7",
        "sweep fine $(HOME) `x`|100000",
        "sweep fine $(HOME) `x`|7",
    ]


def test_a_failing_case_is_retried_after_ten_and_after_twenty_seconds(namespace: Namespace) -> None:
    sweep = namespace.sweep(ATTEMPTS, retries={"limit": 2})
    status = sweep.wait_phase("COMPLETED", seconds=75)
    retrying = next(found["retrying"] for found in sweep.statuses() if "retrying" in found)
    assert [(each["exitCode"], each["reason"], each["attempt"]) for each in retrying["newest"]] == [(9, "Error", 0)]
    assert (status.get("failures", []), status.get("retrying")) == ([], None)
    namespace.settle()
    made = sorted({seen.name for seen in namespace.pods.history})
    assert [name.rpartition("-")[2] for name in made] == ["0", "1", "2"]
    assert len({seen.uid for seen in namespace.pods.history}) == 3, "each attempt's pod existed once"
    first, second, third = (latest(namespace, name) for name in made)
    assert 10 <= seconds_between(first, second) <= 16
    assert 20 <= seconds_between(second, third) <= 26
    assert sweep_job(sweep)["status"]["failed"] == 2


def test_kubectl_shows_a_case_like_any_other_job(namespace: Namespace) -> None:
    script = f"echo hello; [ $SIMJOB_CASE_INDEX = 0 ] && exit 0; [ $SIMJOB_CASE_INDEX = 1 ] && exit 4; {FOREVER}"
    sweep = namespace.sweep(script, cases={"count": 3})
    good, bad, long = (sweep.job(index) for index in range(3))
    namespace.run("wait", "--for=condition=complete", f"job/{good}", "--timeout=60s")
    namespace.run("wait", "--for=condition=failed", f"job/{bad}", "--timeout=60s")
    assert namespace.run("logs", f"job/{good}") == "hello\n"
    sweep.wait(lambda: row(namespace, long)[1:3] == ["Running", "0/1"] and active(namespace, long), "active: 1")
    assert row(namespace, good)[1:3] == ["Complete", "1/1"]
    assert row(namespace, bad)[1:3] == ["Failed", "0/1"]
    message = "jsonpath={.status.conditions[?(@.type=='Failed')].message}"
    assert namespace.run("get", "job", bad, "-o", message) == "The case failed: Error, exit code 4"
    assert "Controlled By:  Job/" in namespace.run("describe", "pod", "-l", f"job-name={long}")


def test_the_longest_name_works(namespace: Namespace) -> None:
    name = ".".join(["a-long-name" * 5] * 4 + ["z" * 29])
    assert len(name) == 253
    sweep = namespace.sweep(name=name, cases={"count": 2})
    namespace.run("wait", f"simjob/{name}", "--for=condition=Succeeded", "--timeout=60s")
    assert sweep.status["progress"] == "2/2"


def test_events_report_the_transitions(namespace: Namespace) -> None:
    sweep = namespace.sweep(FOREVER)
    sweep.pod(0)
    sweep.wait_phase("RUNNING")
    sweep.cancel()
    sweep.wait_phase("CANCELLED")

    def reasons() -> list[str]:
        table = namespace.run("get", "events", "--field-selector=involvedObject.kind=SimulationJob", "--no-headers")
        return [line.split()[2] for line in table.splitlines()]

    expected = {"CasesRunning", "CancelRequested", "Cancelled"}
    sweep.wait(lambda: expected <= set(reasons()), f"events {expected}")
    assert "Job is cancelled: 0 cases had finished, 1 was cancelled" in namespace.run("events", "--for=simjob/sweep")
    assert len(reasons()) == len(set(reasons())), "each is told once"


def truths(status: Object) -> dict[str, str]:
    return {condition["type"]: condition["status"] for condition in status["conditions"]}


def row(namespace: Namespace, job: str) -> list[str]:
    return namespace.run("get", "job", job, "--no-headers").split()


def active(namespace: Namespace, job: str) -> bool:
    return namespace.run("get", "job", job, "-o", "jsonpath={.status.active}/{.status.ready}") == "1/1"


def sweep_job(sweep: Sweep) -> Object:
    return sweep.namespace.read("get", "job", sweep.job(0))


def latest(namespace: Namespace, pod: str) -> Object:
    return [seen.object for seen in namespace.pods.history if seen.name == pod][-1]


def seconds_between(ended: Object, made: Object) -> float:
    end = ended["status"]["containerStatuses"][0]["state"]["terminated"]["finishedAt"]
    return (time(made["metadata"]["creationTimestamp"]) - time(end)).total_seconds()


def time(text: str) -> datetime:
    return datetime.fromisoformat(text)
