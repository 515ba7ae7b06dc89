from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simjob.runtime.cluster.mergepatch import difference
from worlds.fakerules import merged


@pytest.mark.parametrize(
    ("old", "new", "patch"),
    [
        pytest.param({}, {}, {}, id="two empty objects"),
        pytest.param({"a": 1}, {"a": 1}, {}, id="nothing changed"),
        pytest.param({"a": 1}, {"a": 2}, {"a": 2}, id="a value changed"),
        pytest.param({"a": 1}, {}, {"a": None}, id="a field is gone"),
        pytest.param({}, {"a": {"b": 1}}, {"a": {"b": 1}}, id="a nested object is new"),
        pytest.param({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, {"a": {"c": 3}}, id="a nested value changed"),
        pytest.param({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, {"a": {"c": None}}, id="a nested field is gone"),
        pytest.param({"a": {"b": 1}}, {"a": 1}, {"a": 1}, id="an object became a number"),
        pytest.param({"a": [1, 2]}, {"a": [1]}, {"a": [1]}, id="a list is replaced as a whole"),
        pytest.param({"a": 0}, {"a": ""}, {"a": ""}, id="falsy values differ"),
    ],
)
def test_a_patch_holds_only_the_differences(old: dict[str, Any], new: dict[str, Any], patch: dict[str, Any]) -> None:
    assert difference(old, new) == patch


scalars = st.one_of(st.integers(0, 2), st.text("ab", max_size=1), st.lists(st.integers(0, 1), max_size=2))
objects = st.recursive(scalars, lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=6)
documents = st.dictionaries(st.sampled_from("abc"), objects, max_size=3)


@given(documents, documents)
def test_applying_the_patch_to_the_old_gives_the_new(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert merged(old, difference(old, new)) == new
