from datetime import timedelta

import pytest
from simjob.core.attempts import retries


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [
        pytest.param(1, 10, id="the first failure"),
        pytest.param(2, 20, id="the second failure doubles it"),
        pytest.param(3, 40, id="the third failure doubles it again"),
        pytest.param(6, 320, id="the last one below the limit"),
        pytest.param(7, 600, id="the first one at the limit"),
        pytest.param(8, 600, id="it stays at the limit"),
        pytest.param(100, 600, id="a hundred failures stay at the limit"),
        pytest.param(10**9, 600, id="a huge count does not overflow"),
    ],
)
def test_the_back_off_doubles_from_ten_seconds_to_ten_minutes(failures: int, seconds: int) -> None:
    assert retries.delay(failures).total_seconds() == seconds


@pytest.mark.parametrize(
    ("interruptions", "seconds"),
    [
        pytest.param(1, 0, id="the first disruption retries at once"),
        pytest.param(2, 1, id="the second disruption waits a second"),
        pytest.param(3, 2, id="the third disruption doubles it"),
        pytest.param(7, 32, id="the last one below the limit"),
        pytest.param(8, 60, id="the first one at the limit"),
        pytest.param(99, 60, id="it stays at the limit"),
    ],
)
def test_the_back_off_after_a_disruption_grows_to_one_minute(interruptions: int, seconds: int) -> None:
    assert retries.pause(interruptions).total_seconds() == seconds
    assert retries.pause(interruptions, timedelta(seconds=599)).total_seconds() == seconds
    assert retries.pause(interruptions, timedelta(minutes=10)) == timedelta()
