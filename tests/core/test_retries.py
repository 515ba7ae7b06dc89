import pytest
from simjob.core import retries


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 10), (2, 20), (3, 40), (6, 320), (7, 600), (8, 600), (100, 600), (10**9, 600)]
)
def test_the_wait_doubles_from_ten_seconds_to_ten_minutes(failures: int, seconds: int) -> None:
    assert retries.delay(failures).total_seconds() == seconds
