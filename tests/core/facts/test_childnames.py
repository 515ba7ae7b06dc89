import re

import pytest
from given.builders import UID
from simjob.core.facts import childnames

LABEL_VALUE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@pytest.mark.parametrize(
    "name", ["sweep", "a", "a.b.c", "x" * 253, "a" * 36 + "." + "b" * 200, "a" * 40 + "-" * 5 + "b"]
)
@pytest.mark.parametrize(
    ("index", "restarts"),
    [
        pytest.param(0, 0, id="the shortest name"),
        pytest.param(99_999, 0, id="the last case"),
        pytest.param(99_999, 1234, id="the last case after many restarts"),
    ],
)
def test_names_are_label_values_with_room_for_the_attempt(name: str, index: int, restarts: int) -> None:
    found = childnames.job_name(name, UID, index, restarts)
    assert found.endswith(f"-0b0c4fd2-{index}-{restarts}")
    assert LABEL_VALUE.fullmatch(found)
    assert LABEL_VALUE.fullmatch(childnames.pod_name(found, 9999))


def test_a_name_has_the_case_the_restarts_and_the_attempt() -> None:
    assert childnames.job_name("sweep.v2", UID, 7, 3) == "sweep-v2-0b0c4fd2-7-3"
    assert childnames.pod_name("sweep-0b0c4fd2-7-3", 2) == "sweep-0b0c4fd2-7-3-2"


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        pytest.param("sweep-12345678-0-0-0", True, id="the name of an attempt"),
        pytest.param("web-7d4b9c6f5-x2x9k", False, id="a pod of a Deployment"),
        pytest.param("db-0", False, id="a pod of a StatefulSet"),
        pytest.param("sweep-12345678-0-0-0-debug", False, id="the name of an attempt with a suffix"),
    ],
)
def test_only_a_name_with_case_restarts_and_attempt_can_be_that_of_an_attempt(name: str, is_one: bool) -> None:
    assert childnames.names_attempt(name) is is_one
