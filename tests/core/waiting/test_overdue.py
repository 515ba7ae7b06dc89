from datetime import timedelta

from given.builders import NOW, a_pod_fact
from simjob.core.waiting import overdue

STOPPING = [a_pod_fact(index, terminating=True) for index in range(9)]


def test_only_some_of_many_pods_that_do_not_stop_are_named() -> None:
    text = overdue.name_overdue(STOPPING, NOW + timedelta(minutes=5))
    assert STOPPING[2].name in text
    assert STOPPING[3].name not in text
    assert "and 6 more" in text


def test_no_pod_is_named_before_its_grace_period_and_ten_seconds_have_passed() -> None:
    pod = STOPPING[0]
    assert pod.asked_at is not None
    late = pod.asked_at + timedelta(seconds=pod.grace + 10)
    assert overdue.name_overdue([pod], late - timedelta(seconds=1)) == ""
    assert pod.name in overdue.name_overdue([pod], late)


def test_a_pod_without_a_stop_request_is_late_only_since_a_known_time() -> None:
    pod = a_pod_fact(0)
    assert overdue.overdue_at(pod) is None
    assert overdue.overdue_at(pod, NOW) == NOW + overdue.PATIENCE
