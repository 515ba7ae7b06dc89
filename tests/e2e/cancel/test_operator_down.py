"""The operator is stopped, killed or replaced: nothing happens twice, and nothing is forgotten."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from e2e.support import node
from e2e.support.deployment import Operator
from e2e.support.namespace import Namespace
from e2e.support.sweep import FOREVER, UNTIL_RELEASED

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

# A Lease that is not renewed is free after 15 s; others look at it every 2 s.
TAKEOVER_SECONDS = 15 + 2


def test_a_cancel_during_operator_downtime_is_carried_out(namespace: Namespace, operator: Operator) -> None:
    sweep = namespace.sweep(FOREVER, cases={"count": 10}, parallelism=2)
    pods = sweep.wait_running(2)
    with operator.away():
        sweep.cancel("nobody is listening")
        assert sweep.status["phase"] == "RUNNING"
        assert all(node.processes(pod.uid) for pod in pods)
    status = sweep.wait_phase("CANCELLED")
    assert status["cancellation"]["reason"] == "nobody is listening"
    assert status["cancelledIndexes"] == "0-9"
    assert [node.processes(pod.uid) for pod in pods] == [[], []]


def test_cases_that_ended_during_operator_downtime_count(namespace: Namespace, operator: Operator) -> None:
    script = f"[ $SIMJOB_CASE_INDEX = 2 ] || {{ {UNTIL_RELEASED}; }}; exit $SIMJOB_CASE_INDEX"
    sweep = namespace.sweep(script, cases={"count": 3}, parallelism=2)
    pods = sweep.wait_running(2)
    with operator.away():
        sweep.release(*pods)
        sweep.wait(lambda: all(not node.processes(pod.uid) for pod in pods), "both have ended")
    status = sweep.wait_phase("FAILED")
    assert (status["succeededIndexes"], status["failedIndexes"]) == ("0", "1-2")
    namespace.settle()
    assert len({seen.uid for seen in namespace.pods.history}) == 3, "each case ran once"


def test_a_namespace_with_a_live_sweep_can_be_deleted_without_the_operator(
    namespace: Namespace, operator: Operator
) -> None:
    sweep = namespace.sweep(FOREVER, cases={"count": 4}, parallelism=2)
    pods = sweep.wait_running(2)
    with operator.away():
        namespace.kubectl.run("delete", "namespace", namespace.name, "--timeout=60s")
        assert [node.processes(pod.uid) for pod in pods] == [[], []]
    namespace.settle()
    assert namespace.pods.live() == []


def test_an_operator_killed_while_it_creates_creates_nothing_twice(namespace: Namespace, operator: Operator) -> None:
    # However fast the operator is and however slow this test: the quota keeps it in the middle.
    namespace.run("create", "quota", "few", "--hard=count/jobs.batch=20")
    namespace.run("wait", "resourcequota/few", "--for=jsonpath={.status.used}", "--timeout=20s")
    pid = operator.process(operator.leader())
    sweep = namespace.sweep(cases={"count": 50})
    at_once(lambda: len(namespace.jobs.history) >= 20)
    node.kill(pid)
    namespace.jobs.settle()
    assert len(namespace.jobs.live()) == 20, "it was killed in the middle"
    namespace.run("delete", "resourcequota", "few")
    assert sweep.wait_phase("COMPLETED", 120)["succeededIndexes"] == "0-49"
    namespace.settle()
    assert len({seen.uid for seen in namespace.jobs.history}) == 50
    assert len({seen.uid for seen in namespace.pods.history}) == 50
    operator.wait_available()


def test_an_operator_killed_while_it_cancels_completes_the_cancel(namespace: Namespace, operator: Operator) -> None:
    sweep = namespace.sweep("trap 'sleep 2; exit 0' TERM; sleep 3600 & wait", cases={"count": 20}, parallelism=8)
    pods = sweep.wait_running(8)
    pid = operator.process(operator.leader())
    sweep.cancel()
    at_once(lambda: any(seen.phase == "CANCELLING" for seen in namespace.sweeps.history))
    node.kill(pid)
    status = sweep.wait_phase("CANCELLED", 60)
    assert status["cancelledIndexes"] == "0-19"
    assert [node.processes(pod.uid) for pod in pods] == [[]] * 8
    namespace.settle()
    assert len({seen.uid for seen in namespace.pods.history}) == 8
    operator.wait_available()


def test_another_process_takes_over_when_the_leader_is_killed(namespace: Namespace, operator: Operator) -> None:
    """It may be the one that the kubelet starts in the killed one's place."""
    leader, identity = operator.leader(), operator.lease()["holderIdentity"]
    killed = datetime.now(UTC)
    node.kill(operator.process(leader))
    sweep = namespace.sweep(cases={"count": 2})
    sweep.wait(lambda: operator.lease().get("holderIdentity") != identity, "another process leads")
    took = (datetime.fromisoformat(operator.lease()["acquireTime"]) - killed).total_seconds()
    print(f"another process took over after {took:.1f} s")
    assert took < TAKEOVER_SECONDS + 3
    sweep.wait_phase("COMPLETED")
    operator.wait_available()


def test_a_hanging_leader_is_replaced_and_exits_when_it_wakes(namespace: Namespace, operator: Operator) -> None:
    leader = operator.leader()
    pid = operator.process(leader)
    with node.stopped(pid):
        sweep = namespace.sweep(cases={"count": 2})
        sweep.wait(lambda: operator.holder() != leader["metadata"]["name"], "the other replica leads")
    sweep.wait(lambda: node.command(pid) == "", "the old leader has ended", 10)
    sweep.wait_phase("COMPLETED")
    operator.wait_available()


def test_a_leader_that_shuts_down_hands_over_at_once(namespace: Namespace, operator: Operator) -> None:
    leader = operator.leader()["metadata"]["name"]
    operator.run("delete", "pod", leader, "--wait=false")
    deleted = time.monotonic()
    sweep = namespace.sweep(cases={"count": 2})
    sweep.wait(lambda: operator.holder() not in ("", leader), "another replica leads")
    assert time.monotonic() - deleted < TAKEOVER_SECONDS / 2
    sweep.wait_phase("COMPLETED")
    operator.wait_available()


def test_a_rolling_update_of_the_operator_disturbs_no_case(namespace: Namespace, operator: Operator) -> None:
    sweep = namespace.sweep("sleep 2", cases={"count": 12}, parallelism=4)
    sweep.wait(lambda: sweep.status.get("progress", "0/12") != "0/12", "one has finished")
    operator.restart()
    assert sweep.wait_phase("COMPLETED")["succeededIndexes"] == "0-11"
    namespace.settle()
    assert len({seen.uid for seen in namespace.pods.history}) == 12


def at_once(check: Callable[[], bool], seconds: float = 20) -> None:
    """Wait without a pause worth mentioning: what is waited for is over soon."""
    limit = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < limit
        time.sleep(0.001)
