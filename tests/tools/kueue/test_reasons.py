"""What the status says while the real Kueue holds a sweep."""

import pytest
from integration.support.sweeps import Place, condition
from tools.kueue.queues import TEAM, Queues, asking, one_cpu, reason_of

pytestmark = pytest.mark.tools


def test_status_says_that_there_is_no_such_queue_until_somebody_makes_it(place: Place, queues: Queues) -> None:
    sweep = place.apply(cases={"count": 2}, queueName=TEAM, template=one_cpu(run=1))
    message = reason_of(sweep, f"case 0 waits, Inadmissible: LocalQueue {TEAM} doesn't exist")["message"]
    assert "create it, or cancel, and submit again with another `queueName`" in message
    queues.make(cpus=2)
    assert sweep.wait_phase("COMPLETED")["succeededIndexes"] == "0-1"


def test_status_says_that_the_quota_is_in_use(place: Place, queues: Queues) -> None:
    queues.make(cpus=2)
    first = place.apply("first", cases={"count": 2}, queueName=TEAM, template=one_cpu())
    first.wait_running(2)
    second = place.apply("second", cases={"count": 1}, queueName=TEAM, template=one_cpu(run=1))
    status = reason_of(second, "case 0 waits, Pending: ")
    assert f"insufficient unused quota for cpu in flavor {place.name}-0, 1 more needed" in status["message"]
    assert (status["phase"], condition(status, "Queued")) == ("PENDING", "True")
    first.cancel()
    second.wait_phase("COMPLETED")
    assert condition(second.status, "Queued") == "False"


def test_status_says_that_the_quota_can_never_be_enough(place: Place, queues: Queues) -> None:
    queues.make(cpus=2)
    sweep = place.apply(cases={"count": 1}, queueName=TEAM, template=asking(3, run=1))
    message = reason_of(sweep, "case 0 asks for more than the quota can ever give")["message"]
    assert "> maximum capacity (2)" in message
    sweep.cancel()
    sweep.wait_phase("CANCELLED")
    assert sweep.pod_names == []
