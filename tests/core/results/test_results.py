import json
from typing import Any

import pytest
from given.builders import a_job, a_job_fact, a_pod_fact, a_started_job, planned, said
from given.outcomes import as_fields
from simjob.api.status import Status
from simjob.api.sweep.cases import Case
from simjob.api.sweep.ranges import Ranges
from simjob.api.sweep.stored import Results
from simjob.core.facts.pods import PodState
from simjob.core.plan import DeletePod, End
from simjob.core.results import results
from simjob.core.results.results import Recorded

DEEP = "[" * 101 + "]" * 101


def row(message: str) -> Any:
    end = End(index=3, name="3", succeeded=True, result=message)
    line = results.line(end, Case(3, "fine", {"mesh": 2}))
    assert line.endswith("\n")
    assert line.count("\n") == 1, "a row is one line"
    return json.loads(line)


@pytest.mark.parametrize(
    ("message", "result"),
    [
        pytest.param('{"drag": 0.31}', {"drag": 0.31}, id="an object"),
        pytest.param('{"drag":\n  0.31}\n', {"drag": 0.31}, id="an object with white space"),
        pytest.param("5", 5, id="a number"),
        pytest.param("null", None, id="null"),
        pytest.param("converged", "converged", id="a word"),
        pytest.param("converged\n", "converged\n", id="a word and its line end"),
        pytest.param('{"drag": 0.3', '{"drag": 0.3', id="truncated JSON"),
        pytest.param('"\\ud800"', '"\\ud800"', id="half of a surrogate pair"),
        pytest.param("a\x00b\x1b[31m\x7f\u2028c", "a\x00b\x1b[31m\x7f\u2028c", id="control characters"),
        pytest.param("\ufffd", "\ufffd", id="a replacement character"),
        pytest.param(DEEP, DEEP, id="JSON that is nested too deep"),
        pytest.param("[" * 4096, "[" * 4096, id="only opening brackets"),
        pytest.param("[" * 2048 + "]" * 2048, "[" * 2048 + "]" * 2048, id="brackets at the limit of the message"),
    ],
)
def test_json_stays_json_and_anything_else_becomes_text(message: str, result: Any) -> None:
    assert row(message)["result"] == result


def test_json_keeps_its_notation() -> None:
    end = End(index=0, name="0", succeeded=True, result='{"a": 1.10, "a": 123456789012345678901234567890}')
    assert results.line(end, Case(0, "0", {})).endswith('"result":{"a":1.10,"a":123456789012345678901234567890}}\n')


def test_a_possibly_truncated_result_is_text_and_marked() -> None:
    end = End(index=3, name="3", succeeded=True, result='{"drag": 1}', cut=True)
    found = json.loads(results.line(end, Case(3, "3", {})))
    assert (found["result"], found["truncated"]) == ('{"drag": 1}', True)
    assert "truncated" not in row("{}")


def test_a_row_holds_the_case_its_outcome_and_its_parameters() -> None:
    assert row("1") == {"index": 3, "name": "fine", "outcome": "Succeeded", "parameters": {"mesh": 2}, "result": 1}
    failed = End(index=1, name="1", succeeded=False, exit_code=7, result="no")
    assert json.loads(results.line(failed, Case(1, "1", {}))) == {
        "index": 1,
        "name": "1",
        "outcome": "Failed",
        "exitCode": 7,
        "parameters": {},
        "result": "no",
    }


def test_a_plan_holds_exactly_the_ends_that_its_status_records() -> None:
    job = a_started_job(cases={"count": 5}, status={"succeededIndexes": "4"})
    children: list[Any] = [
        a_job_fact(0, case_name="coarse"),
        a_pod_fact(0, state=PodState.SUCCEEDED, result="1"),
        a_job_fact(1),
        a_pod_fact(1, state=PodState.FAILED, exit_code=3, result="diverged"),
        a_job_fact(2),
        a_pod_fact(2, result="it still runs"),
        a_job_fact(3),
        a_pod_fact(3, state=PodState.SUCCEEDED, terminating=True, result="it was stopped"),
        a_job_fact(4),
        a_pod_fact(4, state=PodState.SUCCEEDED, result="is stored"),
    ]
    assert planned(job, *children).ends == (
        End(index=0, name="coarse", succeeded=True, result="1"),
        End(index=1, name="1", succeeded=False, exit_code=3, result="diverged"),
    )


@pytest.mark.parametrize(
    "pods",
    [
        pytest.param([], id="no pod"),
        pytest.param([a_pod_fact(0, state=PodState.SUCCEEDED, result=" \n")], id="a blank message"),
    ],
)
def test_a_case_without_a_pod_or_message_has_no_result(pods: list[Any]) -> None:
    plan = planned(a_started_job(), a_job_fact(0, succeeded=True), *pods)
    assert plan.ends == (End(index=0, name="0", succeeded=True),)


def test_the_latch_of_a_cancel_does_not_wait_for_results() -> None:
    children: list[Any] = [a_job_fact(0), a_pod_fact(0, state=PodState.FAILED, exit_code=1, result="1")]
    first = planned(a_started_job(cancel=True), *children)
    status = said(first)
    assert (first.ends, str(status.outcomes.failed), status.failures, status.compute_time) == ((), "", (), None)
    assert status.cancellation is not None
    then = planned(a_job(cancel=True, status=status.to_api()), *children)
    assert ([end.index for end in then.ends], str(said(then).outcomes.failed)) == ([0], "0")


def test_the_latch_of_cancelled_cases_does_not_wait_for_results() -> None:
    children: list[Any] = [
        a_job_fact(0),
        a_pod_fact(0, state=PodState.FAILED, exit_code=1, result="1"),
        a_job_fact(1),
        a_pod_fact(1),
    ]
    first = planned(a_started_job(cancelCases="1"), *children)
    outcomes = said(first).outcomes
    assert (first.ends, first.actions, str(outcomes.failed), str(outcomes.cancelling)) == ((), (), "", "1")
    then = planned(a_job(cancelCases="1", status=said(first).to_api()), *children)
    outcomes = said(then).outcomes
    assert ([end.index for end in then.ends], str(outcomes.failed), str(outcomes.cancelling)) == ([0], "0", "1")
    assert DeletePod(pod=a_pod_fact(1)) in then.actions


def test_a_case_that_ended_during_its_cancel_stays_latched_until_its_end_is_stored() -> None:
    job = a_started_job(cancelCases="0-1", status={"cancellingIndexes": "0"})
    ended = a_pod_fact(0, state=PodState.FAILED, exit_code=1, result="1")
    first = planned(job, a_job_fact(0), ended, a_job_fact(1), a_pod_fact(1))
    assert (first.ends, str(said(first).outcomes.cancelling)) == ((), "0-1")
    stored = a_job(cancelCases="0-1", status=said(first).to_api())
    outcomes = said(planned(stored, a_job_fact(0), ended, a_job_fact(1), a_pod_fact(1))).outcomes
    assert (str(outcomes.failed), str(outcomes.cancelling)) == ("0", "1")


def test_new_rows_fill_the_last_shard_up_to_its_limit() -> None:
    line = "x" * 1023 + "\n"
    shards = results.pack(line * 100, [line] * 200)
    assert [(len(text), added) for text, added in shards] == [(128 * 1024, 28), (128 * 1024, 128), (44 * 1024, 44)]
    assert results.pack("", [line]) == [(line, 1)]
    assert results.pack(line * 128, [line])[0] == (line * 128, 0)
    assert [added for _, added in results.pack("", ["ü" * results.MAX_SHARD_BYTES, line])] == [1, 1]


def test_rows_without_an_outcome_are_dropped_and_foreign_keys_kept() -> None:
    text = '{"index":0,"result":"\u2028"}\n{"index":1}\n# a remark\n{"index":2}\n'
    found = results.recorded(text, Ranges.of([0, 2]))
    assert found.text == '{"index":0,"result":"\u2028"}\n# a remark\n{"index":2}\n'
    assert (found.indexes, found.truncated) == (frozenset({0, 2}), 0)


def test_the_last_row_of_a_case_is_kept() -> None:
    text = '{"index":0,"result":1}\n{"index":1}\n{"index":0,"result":2,"truncated":true}\n'
    found = results.recorded(text, Ranges.span(2), taken={1})
    assert found == Recorded(text='{"index":0,"result":2,"truncated":true}\n', indexes=frozenset({0}), truncated=1)


def test_a_row_with_nan_is_kept() -> None:
    ends = [End(index=index, name="n", succeeded=True, result='{"drag": NaN}', cut=index == 3) for index in (3, 1, 2)]
    lines = [results.line(end, Case(end.index, "n", {})) for end in ends]
    ((text, _),) = results.pack(lines[0], lines[1:])
    assert text == lines[1] + lines[2] + lines[0]
    assert results.recorded(text + lines[2], Ranges.of([2, 3])) == Recorded(
        text=lines[0] + lines[2], indexes=frozenset({2, 3}), truncated=1
    )
    inner = End(index=1, name="n", succeeded=True, result='{"a": NaN,"truncated":true}')
    assert results.recorded(results.line(inner, Case(1, "n", {})), Ranges.of([1])).truncated == 0


def test_rows_of_a_shard_are_in_index_order() -> None:
    ((text, added),) = results.pack('{"index":1}\n# a remark\n{"index":5}\n', ['{"index":9}\n', '{"index":3}\n'])
    assert (text, added) == ('# a remark\n{"index":1}\n{"index":3}\n{"index":5}\n{"index":9}\n', 2)


def test_results_are_recounted_from_the_shards() -> None:
    outcomes = {"succeeded": "0-4", "failed": "5"}
    wiped = Status.model_validate({**as_fields(outcomes)})
    assert results.recounted(wiped, ["s-0"], [5, 1, 0], 1) == Results(
        config_maps=("s-0",), rows=3, missing=3, truncated=1
    )
    assert results.recounted(Status(), [], [], 0) is None
    stored = Status.model_validate(
        {**as_fields(outcomes), "results": {"configMaps": ["s-0", "s-1"], "rows": 9, "missing": 1}}
    )
    assert results.recounted(stored, ["s-0"], [0, 1], 0) == Results(config_maps=("s-0",), rows=2, missing=1)


def test_the_name_of_a_shard_is_the_job_name_and_a_number() -> None:
    assert results.shard_name("sweep", 0) == "sweep-results-0"
    one, other = (results.shard_name("a" * 252 + end, 9999) for end in "bc")
    assert (len(one), len(other)) == (253, 253)
    assert one != other
    assert results.last_number(["sweep-results-8", "sweep-results-9"]) == 9
    assert [results.last_number(names) for names in ([], ["sweep"], ["a-99999999"])] == [0, 0, 0]


def test_results_are_counted() -> None:
    assert results.counted(None, [], rows=0, missing=0) is None
    first = results.counted(None, ["a-0"], rows=2, missing=1)
    assert first == Results(config_maps=("a-0",), rows=2, missing=1)
    assert results.counted(first, ["a-0", "a-1"], rows=1, missing=0) == Results(
        config_maps=("a-0", "a-1"), rows=3, missing=1
    )
    assert results.counted(first, ["a-0"], rows=2, missing=0, truncated=2) == Results(
        config_maps=("a-0",), rows=4, missing=1, truncated=2
    )
