from typing import Any

import msgspec
import pytest
from given.builders import a_job_dict
from simjob.api import finishedcopy
from simjob.runtime.watching import envelope

LISTED = {"list": [{"name": "a", "parameters": {"x": 1}}, {"name": "b"}]}
SOURCES: list[Any] = [
    {"count": 3},
    LISTED,
    {"matrix": [{"name": "x", "values": [1, 2]}]},
    {"configMap": {"name": "table", "key": "cases.csv"}},
    {"list": 3},
    {**LISTED, "count": 2},
    7,
]


def sealed(raw: dict[str, Any]) -> dict[str, Any]:
    return envelope.sealed({name: msgspec.Raw(msgspec.json.encode(value)) for name, value in raw.items()})


def again(raw: dict[str, Any]) -> dict[str, Any]:
    return envelope.opened(sealed(raw))


def test_kopf_is_given_neither_spec_nor_status() -> None:
    raw = a_job_dict(metadata={"managedFields": [{"manager": "x"}]}, status={"phase": "RUNNING"})
    found = sealed(raw)
    assert not {"spec", "status"} & set(found)
    assert set(found["metadata"]) == {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"}


@pytest.mark.parametrize("cases", SOURCES)
@pytest.mark.parametrize("status", [None, {"phase": "RUNNING"}, "unreadable"])
def test_an_unfinished_job_is_read_completely(cases: Any, status: Any) -> None:
    raw = a_job_dict(status=status, cases=cases)
    assert again(raw) == raw


@pytest.mark.parametrize("cases", SOURCES)
def test_an_ended_job_is_read_without_its_listed_cases(cases: Any) -> None:
    raw = a_job_dict(status={"phase": "COMPLETED", "isTerminal": True}, cases=cases, ttlSecondsAfterFinished=5)
    assert finishedcopy.without_cases(again(raw)) == finishedcopy.without_cases(raw)


def test_a_job_without_a_spec_can_be_read() -> None:
    raw = {"metadata": a_job_dict()["metadata"], "status": {"isTerminal": True}}
    assert again(raw) == raw
