"""What is left when a SimulationJob or its namespace is deleted."""

import pytest
from e2e.support import node
from e2e.support.namespace import Namespace
from e2e.support.sweep import FOREVER

pytestmark = pytest.mark.e2e


def test_deleting_a_sweep_leaves_nothing_behind(namespace: Namespace) -> None:
    script = f"case $SIMJOB_CASE_INDEX in 0) exit 0;; 1) exit 1;; esac; {FOREVER}"
    sweep = namespace.sweep(script, cases={"count": 5}, parallelism=4)
    sweep.wait(lambda: sweep.status.get("progress") == "2/5", "two have ended")
    running = sweep.wait_running(3)
    namespace.run("delete", "simjob", "sweep")

    def left() -> list[str]:
        return namespace.run("get", "simjob,job,pod,configmap", "-o", "name").split()

    sweep.wait(lambda: left() == ["configmap/kube-root-ca.crt"], f"nothing is left but {left()}", 30)
    assert [node.processes(pod.uid) for pod in running] == [[], [], []]
