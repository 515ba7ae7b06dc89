from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simjob.runtime.cluster.mergepatch import difference
from worlds.fakerules import merged


@pytest.mark.parametrize(
    ("old", "new", "patch"),
    [
        ({}, {}, {}),
        ({"a": 1}, {"a": 1}, {}),
        ({"a": 1}, {"a": 2}, {"a": 2}),
        ({"a": 1}, {}, {"a": None}),
        ({}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, {"a": {"c": 3}}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, {"a": {"c": None}}),
        ({"a": {"b": 1}}, {"a": 1}, {"a": 1}),
        ({"a": [1, 2]}, {"a": [1]}, {"a": [1]}),
        ({"a": 0}, {"a": ""}, {"a": ""}),
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
