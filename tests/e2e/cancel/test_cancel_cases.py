"""`cancelCases` on a real node: one of several real pods is stopped, the others run on."""

import time

import pytest
from e2e.support import node
from e2e.support.namespace import Namespace

pytestmark = pytest.mark.e2e

# Writes a line a second for 25 seconds; on SIGTERM it takes two seconds to stop.
STEADY = "trap 'echo told; sleep 2; echo stopped; exit 0' TERM; for n in $(seq 25); do echo $n; sleep 1; done"


@pytest.mark.effect("spec.cancelCases")
def test_cancelling_one_of_three_running_cases_leaves_the_others_running(namespace: Namespace) -> None:
    sweep = namespace.sweep(STEADY, grace=20, cases={"count": 3})
    pods = {index: sweep.pod(index) for index in range(3)}
    sweep.patch(cancelCases="1")
    asked = time.monotonic()
    status = sweep.wait(lambda: sweep.status if "cancellingIndexes" in sweep.status else None, "the latch", 5)
    assert (status["cancellingIndexes"], status["cancelledIndexes"], status["phase"]) == ("1", "", "RUNNING")
    assert node.processes(pods[1].uid), "it is not cancelled while its process runs"
    sweep.wait(lambda: sweep.status["cancelledIndexes"] == "1" or None, "case 1 is cancelled", 15)
    assert time.monotonic() - asked >= 2, "it had its time to stop"
    assert node.processes(pods[1].uid) == []
    for index in (0, 2):
        assert node.processes(pods[index].uid)
        assert "told" not in namespace.run("logs", pods[index].name)
    status = sweep.wait_phase("COMPLETED", 90)
    assert (status["succeededIndexes"], status["cancelledIndexes"]) == ("0,2", "1")
    assert namespace.run("logs", pods[0].name).split() == [str(second) for second in range(1, 26)]
    namespace.settle()
    assert len({seen.uid for seen in namespace.pods.history}) == 3
