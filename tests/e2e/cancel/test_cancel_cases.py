"""`cancelCases` on a real node: one of several real pods is stopped, the others run on."""

import pytest
from e2e.support import node
from e2e.support.namespace import Namespace

pytestmark = pytest.mark.e2e

# Writes line after line until it is released; on SIGTERM it stops when it is released.
STEADY = """
trap 'echo told; until [ -e /tmp/released ]; do sleep 0.1; done; echo stopped; exit 0' TERM
n=0
until [ -e /tmp/released ]; do n=$((n + 1)); echo $n; sleep 0.2; done
"""


@pytest.mark.effect("spec.cancelCases")
def test_cancelling_one_of_three_running_cases_leaves_the_others_running(namespace: Namespace) -> None:
    sweep = namespace.sweep(STEADY, grace=60, cases={"count": 3})
    pods = {index: sweep.pod(index) for index in range(3)}
    sweep.wait(lambda: "1" in namespace.run("logs", pods[1].name).split(), "it is up")
    sweep.wait_phase("RUNNING")
    sweep.patch(cancelCases="1")
    sweep.wait(lambda: "told" in namespace.run("logs", pods[1].name).split(), "it got SIGTERM")
    status = sweep.status
    assert (status["cancellingIndexes"], status["cancelledIndexes"], status["phase"]) == ("1", "", "RUNNING")
    assert node.processes(pods[1].uid), "it is not cancelled while its process runs"
    sweep.release(pods[1])
    sweep.wait(lambda: sweep.status["cancelledIndexes"] == "1" or None, "case 1 is cancelled")
    assert node.processes(pods[1].uid) == []
    for index in (0, 2):
        assert node.processes(pods[index].uid)
        assert "told" not in namespace.run("logs", pods[index].name)
    sweep.release(pods[0], pods[2])
    status = sweep.wait_phase("COMPLETED")
    assert (status["succeededIndexes"], status["cancelledIndexes"]) == ("0,2", "1")
    lines = namespace.run("logs", pods[0].name).split()
    assert lines == [str(number) for number in range(1, len(lines) + 1)]
    namespace.settle()
    assert len({seen.uid for seen in namespace.pods.history}) == 3
