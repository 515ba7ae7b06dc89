from datetime import timedelta

import pytest
from simjob.core.attempts import retries


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 10), (2, 20), (3, 40), (6, 320), (7, 600), (8, 600), (100, 600), (10**9, 600)]
)
def test_the_back_off_doubles_from_ten_seconds_to_ten_minutes(failures: int, seconds: int) -> None:
    assert retries.delay(failures).total_seconds() == seconds


@pytest.mark.parametrize(("interruptions", "seconds"), [(1, 0), (2, 1), (3, 2), (7, 32), (8, 60), (99, 60)])
def test_the_back_off_after_a_disruption_grows_to_one_minute(interruptions: int, seconds: int) -> None:
    assert retries.pause(interruptions).total_seconds() == seconds
    assert retries.pause(interruptions, timedelta(seconds=599)).total_seconds() == seconds
    assert retries.pause(interruptions, timedelta(minutes=10)) == timedelta()
