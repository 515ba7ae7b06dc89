from datetime import timedelta

import pytest
from given.builders import NOW
from simjob.core.facts import lastattempt
from simjob.core.facts.lastattempt import LastAttempt

LAST = LastAttempt(
    number=2,
    ended_at=NOW,
    error_code="CASE_FAILED",
    exit_code=137,
    container="exporter",
    reason="OOMKilled",
    message="über\n$(X)",
)


def test_a_written_record_is_read_back_unchanged() -> None:
    assert lastattempt.read(lastattempt.write(LAST)) == LAST
    short = LastAttempt(number=0, ended_at=NOW + timedelta(microseconds=1))
    assert lastattempt.read(lastattempt.write(short)) == short


def test_the_annotation_is_bounded_for_any_pod_message() -> None:
    last = lastattempt.ended(0, NOW, reason="r" * 5000, message="m" * 5000, container="c" * 5000)
    assert len(lastattempt.write(last)) < 2500
    assert lastattempt.read(lastattempt.write(last)) == last


def test_a_field_that_a_newer_version_added_is_ignored() -> None:
    assert lastattempt.read('{"number":1,"endedAt":"2026-01-02T03:05:00Z","node":"a"}') == LastAttempt(
        number=1, ended_at=NOW
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "null",
        "{}",
        '{"number":1,"endedAt":"yesterday"}',
        '{"number":1,"endedAt":"2026-01-02T03:04:05"}',
        '{"number":-1,"endedAt":"2026-01-02T03:04:05Z"}',
        '{"number":1,"endedAt":"2026-01-02T03:04:05Z","exitCode":99999999999}',
        '{"number":1,"endedAt":"2026-01-02T03:04:05Z","message":7}',
    ],
)
def test_an_invalid_annotation_counts_as_absent(text: str) -> None:
    assert lastattempt.read(text) is None
