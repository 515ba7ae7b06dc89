"""A SimulationJob shows everything that the job API of the Ionworks service reports.

Type, parent and project; creation, update, start and completion times; compute time; terminal and failed flags; error
codes for a timeout and for a rejected submission; parameters and results of each case.
"""

import json
import time
from datetime import datetime, timedelta

import pytest
from integration.scenarios.session import Session

pytestmark = pytest.mark.integration

JOB = "battery"
SECOND = timedelta(seconds=1)
RESULT = '{"capacity": 5.02}'
TIMES = {
    "created": ".metadata.creationTimestamp",
    "started": ".status.startTime",
    "updated": '.metadata.managedFields[?(@.subresource=="status")].time',
    "completed": ".status.completionTime",
}


def test_status_shows_times_compute_time_error_codes_and_results(session: Session) -> None:
    type_parent_and_project_are_shown(session)
    times_and_outcome_are_shown(session)
    parameters_and_results_of_each_case_are_shown(session)
    a_timeout_has_its_error_code(session)
    a_rejected_submission_has_its_error_code(session)


def type_parent_and_project_are_shown(session: Session) -> None:
    session.say("A job says what it is, which project it belongs to and which job is its parent.")
    session.apply(JOB, fake={"termination-message": RESULT})
    session.apply(JOB, name="another", suspend=True, project="packs", parentJob=None, type="optimize")
    chosen = session.run("kubectl get simjob --field-selector spec.project=cells,spec.type=simulate -o name")
    assert chosen == f"simulationjob.simjob.dev/{JOB}"
    children = session.run("kubectl get simjob --field-selector spec.parentJob=campaign -o name")
    assert children == f"simulationjob.simjob.dev/{JOB}"
    session.wait_running(JOB)
    assert (session.status(JOB)["isTerminal"], session.status(JOB)["isFailed"]) == (False, False)


def times_and_outcome_are_shown(session: Session) -> None:
    session.say("When it was created, started, last updated and completed; whether it is terminal, whether it failed.")
    # So that there is a time to compute.
    time.sleep(2)
    session.end_running(JOB)
    session.wait(JOB, "Finished")
    header, row = session.run(f"kubectl get simjob {JOB} -o wide").splitlines()
    assert ("PARENT" in header.split(), "campaign" in row.split()) == (True, True)
    columns = ",".join(f"{name.upper()}:{path}" for name, path in TIMES.items())
    session.run(f"kubectl get simjob {JOB} --show-managed-fields -o custom-columns='{columns}'")
    moments = [
        datetime.fromisoformat(
            session.run(f"kubectl get simjob {JOB} --show-managed-fields -o jsonpath='{{{path}}}'").split()[-1]
        )
        for path in TIMES.values()
    ]
    created, started, updated, completed = moments
    # The API server's stamps are cut to seconds, and its clock is known to the operator to a second.
    assert created - SECOND <= started < completed
    assert completed - SECOND <= updated, "the last update is the one that says so"
    flags = session.show(JOB, ".status.phase", ".status.isTerminal", ".status.isFailed")
    assert flags.split() == ["COMPLETED", "true", "false"]
    used = json.loads(session.show(JOB, ".status.computeTime.succeeded"))
    assert used["wallSeconds"] == ran_seconds(session) >= 3
    assert used["cpuSeconds"] == round(used["wallSeconds"] / 10), "a tenth of a CPU"


def ran_seconds(session: Session) -> int:
    """Sum up how long the simulations ran, by their containers' own states."""
    pods = session.read("pods", f"-l simjob.dev/name={JOB}")["items"]
    states = [pod["status"]["containerStatuses"][0]["state"]["terminated"] for pod in pods]
    assert len(states) == 3
    times = [[datetime.fromisoformat(state[key]) for key in ("startedAt", "finishedAt")] for state in states]
    return sum(round((end - begin).total_seconds()) for begin, end in times)


def parameters_and_results_of_each_case_are_shown(session: Session) -> None:
    session.say("The parameters and the result of each case.")
    (shard,) = session.show(JOB, ".status.results.configMaps[*]").split()
    assert shard.startswith(JOB)
    rows = [
        json.loads(line)
        for line in session.run(f"kubectl get configmap {shard} -o jsonpath='{{.data.results\\.jsonl}}'").splitlines()
    ]
    assert {(row["name"], row["parameters"]["temperature"], row["parameters"]["c_rate"]) for row in rows} == {
        ("cold", 263.15, 0.5),
        ("nominal", 298.15, 1),
        ("hot", 318.15, 2),
    }
    assert [row["result"] for row in rows] == [{"capacity": 5.02}] * 3
    session.say("The parameters of a case that runs, or ran, are on its pod, too.")
    path = '.items[0].spec.containers[0].env[?(@.name=="PARAM_TEMPERATURE")].value'
    found = session.run(f"kubectl get pods -l simjob.dev/name={JOB},simjob.dev/index=2 -o jsonpath='{{{path}}}'")
    assert found == "318.15"


def a_timeout_has_its_error_code(session: Session) -> None:
    session.say("A job that takes too long has failed, and its code says why. The nodes hold it to its time.")
    slow = session.apply(JOB, name="too-slow", timeouts={"runSeconds": 2})
    session.wait(slow, "Finished")
    assert session.show(slow, ".status.phase", ".status.isFailed", ".status.errorCode").split() == [
        "FAILED",
        "true",
        "EXECUTION_TIMEOUT",
    ]
    codes = session.show(slow, ".status.failures[*].name", ".status.failures[*].errorCode").split()
    assert sorted(codes) == sorted(["cold", "nominal", "hot", *["EXECUTION_TIMEOUT"] * 3])


def a_rejected_submission_has_its_error_code(session: Session) -> None:
    session.say("A job whose pods the API server will never take has failed as it was submitted.")
    container = {
        "name": "simulation",
        "image": "busybox:1.37",
        "volumeMounts": [{"name": "nowhere", "mountPath": "/data"}],
    }
    wrong = session.apply(JOB, name="wrong", template={"spec": {"containers": [container]}})
    session.wait(wrong, "Finished")
    assert session.show(wrong, ".status.isFailed", ".status.errorCode").split() == ["true", "SUBMISSION_FAILED"]
    assert 'volumeMounts[0].name: Not found: "nowhere"' in session.show(wrong, ".status.message")
    assert session.status(wrong)["cases"]["failed"] == 1
