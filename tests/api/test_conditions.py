from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError
from simjob.api.conditions import (
    FINISHED,
    MAX_MESSAGE,
    SUCCEEDED,
    Condition,
    ConditionStatus,
    find_condition,
    set_condition,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)


def put(
    conditions: tuple[Condition, ...] = (),
    type_: str = FINISHED,
    status: ConditionStatus = "False",
    *,
    reason: str = "Running",
    message: str = "Cases are running.",
    generation: int = 1,
    now: datetime = NOW,
) -> tuple[Condition, ...]:
    return set_condition(conditions, type_, status, reason=reason, message=message, generation=generation, now=now)


def test_a_new_condition_is_appended() -> None:
    assert [condition.type for condition in put(put(), SUCCEEDED, "Unknown")] == [FINISHED, SUCCEEDED]


def test_a_condition_keeps_its_place() -> None:
    both = put(put(), SUCCEEDED, "Unknown")
    assert [condition.type for condition in put(both, FINISHED, "True")] == [FINISHED, SUCCEEDED]


def test_the_transition_time_changes_with_the_status() -> None:
    (condition,) = put(put(), status="True", now=LATER)
    assert condition.last_transition_time == LATER


def test_the_transition_time_is_kept_when_only_reason_or_message_changes() -> None:
    (condition,) = put(put(), reason="Waiting", message="Waiting for nodes.", generation=2, now=LATER)
    assert condition.last_transition_time == NOW
    assert (condition.reason, condition.message, condition.observed_generation) == (
        "Waiting",
        "Waiting for nodes.",
        2,
    )


def test_setting_it_again_changes_nothing() -> None:
    assert put(put(), now=LATER) == put()


def test_a_message_that_is_too_long_is_cut() -> None:
    (condition,) = put(message="x" * (MAX_MESSAGE + 1))
    assert len(condition.message) == MAX_MESSAGE
    assert condition.message.endswith("x…")


def test_a_reason_is_one_word() -> None:
    with pytest.raises(ValidationError, match="pattern"):
        put(reason="not a word")


def test_a_condition_is_found_by_its_type() -> None:
    assert find_condition(put(), FINISHED) == put()[0]
    assert find_condition(put(), SUCCEEDED) is None


def test_times_are_written_in_utc_with_seconds() -> None:
    (condition,) = put(now=NOW.replace(microsecond=5))
    assert condition.to_api()["lastTransitionTime"] == "2026-01-02T03:04:05Z"
