import pytest
from simjob.core.status import hints


@pytest.mark.parametrize(
    ("message", "helps"),
    [
        pytest.param(
            'Pod "a" is invalid: requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
            "`resources.limits.cpu`",
            id="a request above the CPU limit",
        ),
        pytest.param(
            'Pod "a" is invalid: requests: Invalid value: "2Gi": must be less than or equal to memory limit of 1Gi',
            "`resources.limits.memory`",
            id="a request above the memory limit",
        ),
        pytest.param(
            'Internal error occurred: failed calling webhook "w.example.com": connection refused',
            "the webhook",
            id="a webhook that does not answer",
        ),
        pytest.param(
            "Request entity too large: limit is 3145728",
            "fewer or shorter parameters",
            id="an object that is too large",
        ),
    ],
)
def test_a_refusal_that_the_user_can_fix_has_a_hint(message: str, helps: str) -> None:
    assert helps in hints.about(message)


def test_a_clear_message_has_no_hint() -> None:
    assert hints.about('jobs.batch "a" is forbidden: a policy wants a label') == ""


@pytest.mark.parametrize("message", ["etcdserver: request is too large", "Request entity too large: limit is 3145728"])
def test_a_status_that_is_too_large_has_a_hint(message: str) -> None:
    assert "`cases.configMap`" in hints.about_status(message)


def test_a_status_refused_for_another_reason_has_no_hint() -> None:
    assert hints.about_status("simulationjobs.simjob.dev is forbidden: no status today") == ""
