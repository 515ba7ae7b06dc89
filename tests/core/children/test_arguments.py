from typing import Any

import pytest
from given import expansion
from given.builders import a_job, a_template_with
from hypothesis import given
from hypothesis import strategies as st
from simjob.api.podtemplate.template import Template
from simjob.core.children import arguments, references

FIRST = "spec.template.spec.containers[0]"
TOO_MUCH = "and Linux allows at most 131072: use fewer or shorter values, or put large inputs into files"


def a_template(**container: Any) -> Template:
    return a_job(template=a_template_with(**container)).spec.template


def test_an_argument_too_long_after_expansion_is_named() -> None:
    template = a_template(args=["run", "--config=$(SIMJOB_CASE_PARAMETERS)"])
    longest = 131072 - len("--config=") - 1
    assert arguments.problem(template, {"SIMJOB_CASE_PARAMETERS": "x" * longest}) is None
    assert arguments.problem(template, {"SIMJOB_CASE_PARAMETERS": "x" * (longest + 1)}) == (
        f"`{FIRST}.args[1]` would have 131073 bytes with the case's variables filled in, {TOO_MUCH}"
    )


def test_a_user_variable_too_long_after_expansion_is_named() -> None:
    own = [{"name": "TWICE", "value": "$(PARAM_A)$(PARAM_A)"}, {"name": "FOUR", "value": "$(TWICE)$(TWICE)"}]
    template = a_template(env=own, command=["run"])
    assert arguments.problem(template, {"PARAM_A": "x" * 30_000}) is None
    assert arguments.problem(template, {"PARAM_A": "x" * 40_000}) == (
        f"`{FIRST}.env[1].value` would have 160006 bytes with the case's variables filled in, {TOO_MUCH}"
    )


def test_escapes_and_unresolved_references_do_not_grow() -> None:
    template = a_template(args=["$$(PARAM_A)$(PARAM_B)" * 100])
    assert arguments.problem(template, {"PARAM_A": "x" * 100_000}) is None


@pytest.mark.parametrize(
    "container",
    [
        pytest.param({"args": ["$(A)$(A)-$(B)"]}, id="references that expand to just the limit"),
        pytest.param({"command": ["run", "x" * 30_000 + "$(A)"]}, id="a long text with one reference"),
        pytest.param(
            {"env": [{"name": "OWN", "value": "$(A)$(B)"}], "args": ["$(OWN)$(OWN)$(OWN)"]},
            id="references to a variable that has references",
        ),
    ],
)
def test_arguments_within_the_limit_are_accepted(container: dict[str, Any]) -> None:
    template = a_template(**container)
    room = arguments.room(template)
    assert 10_000 < room < 131072
    assert arguments.problem(template, {"A": "x" * room, "B": "x" * room}) is None


def test_arguments_without_references_may_use_the_full_linux_limit() -> None:
    assert arguments.room(a_template(args=["$$(A)", "$A"])) == 131072


@given(st.text(st.sampled_from("$$$()AB ")), st.text(st.sampled_from("$()AB")))
def test_references_are_expanded_like_the_kubelet_does(text: str, value: str) -> None:
    found = references.expanded(text, {"A": value, "AB": "x"})
    assert found.encode() == expansion.expand(text.encode(), {b"A": value.encode(), b"AB": b"x"})
