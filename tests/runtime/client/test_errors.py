import json

import pytest
from simjob.runtime.client import errors


def forbidden(message: str) -> errors.ClusterError:
    """Return the error for a 403 with a message."""
    answer = json.dumps({"message": message, "reason": "Forbidden"}).encode()
    return errors.from_response(403, None, answer, ())


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        pytest.param("count/jobs.batch=1", True, id="Jobs are counted"),
        pytest.param("count/pods=1", True, id="Pods are counted as objects"),
        pytest.param("count/pods=1,pods=1", True, id="Pods are counted as objects and as running"),
        pytest.param("cpu=2,count/pods=1", True, id="Pods are counted as objects beside a resource"),
        pytest.param("pods=1", False, id="only running Pods are counted"),
        pytest.param("limits.cpu=2", False, id="only a resource is limited"),
        pytest.param("count/secrets=1", False, id="objects of another kind are counted"),
        pytest.param("count/jobs.example.org=1", False, id="Jobs of another group are counted"),
    ],
)
def test_only_a_quota_of_jobs_or_pods_counts_ended_objects(resources: str, expected: bool) -> None:
    message = (
        f'jobs.batch "wing-0" is forbidden: exceeded quota: team.q, requested: {resources}, used: x=4, limited: x=4'
    )
    assert isinstance(forbidden(message), errors.ObjectQuotaError) is expected


def test_a_policy_that_mentions_a_quota_is_not_taken_for_one() -> None:
    assert type(forbidden("denied request: ask for a quota of count/pods=1 first")) is errors.ForbiddenError
