"""The components of the admission: policies that hold, about fields, annotations and roles that exist."""

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic.alias_generators import to_camel
from simjob.api import names
from simjob.api.spec import Spec

ROOT = Path(__file__).parents[2]

Objects = Mapping[tuple[str, str, str], dict[str, Any]]
Render = Callable[[str], Objects]

COMPONENTS = {
    "admission": {"ValidatingAdmissionPolicy": {"simjob-submit", "simjob-cancel", "simjob-patch"}},
    "attribution": {
        "MutatingAdmissionPolicy": {"simjob-attribution"},
        "ValidatingAdmissionPolicy": {"simjob-attribution"},
    },
}


@pytest.fixture(params=COMPONENTS)
def component(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def objects(component: str, render: Render) -> Objects:
    return render(f"manifests/components/{component}")


def policies(objects: Objects) -> list[dict[str, Any]]:
    return [item for (kind, _, _), item in objects.items() if kind.endswith("Policy")]


def test_every_policy_is_bound_and_nothing_else_is_there(component: str, objects: Objects) -> None:
    expected = {(kind, "", name) for kind, names in COMPONENTS[component].items() for name in names}
    assert set(objects) == expected | {(f"{kind}Binding", "", name) for kind, _, name in expected}
    for kind, _, name in expected:
        spec = objects[f"{kind}Binding", "", name]["spec"]
        denies = {"validationActions": ["Deny"]} if kind.startswith("Validating") else {}
        assert spec == {"policyName": name, **denies}


def test_both_fit_into_an_overlay_with_all_the_rest(tmp_path: Path, render: Render) -> None:
    root = os.path.relpath(ROOT / "manifests", tmp_path)
    content = {"resources": [root], "components": [f"{root}/components/{name}" for name in COMPONENTS]}
    (tmp_path / "kustomization.yaml").write_text(json.dumps(content))
    parts = [render("manifests"), *(render(f"manifests/components/{name}") for name in COMPONENTS)]
    assert render(str(tmp_path)) == {key: item for part in parts for key, item in part.items()}


def test_what_cannot_be_judged_is_refused_and_status_is_not_judged(objects: Objects) -> None:
    for policy in policies(objects):
        assert policy["spec"]["failurePolicy"] == "Fail"
        [rule] = policy["spec"]["matchConstraints"]["resourceRules"]
        assert (rule["apiGroups"], rule["resources"]) == ([names.GROUP], [names.PLURAL])


def test_the_annotations_and_roles_that_are_named_exist(objects: Objects, render: Render) -> None:
    text = json.dumps(policies(objects))
    known = {names.ANNOTATION_SUBMITTED_BY, names.ANNOTATION_CANCEL_REQUESTED_BY}
    assert set(re.findall(r"simjob\.dev/[a-z-]+", text)) <= known
    roles = {name for kind, _, name in render("manifests/base") if kind == "ClusterRole"}
    assert set(re.findall(r"ClusterRole (simjob-[a-z]+)", text)) <= roles


def test_the_fields_that_are_named_exist(objects: Objects) -> None:
    text = json.dumps(policies(objects))
    fields = {to_camel(name) for name in Spec.model_fields}
    assert set(re.findall(r"\bspec\.\??(cancel[a-zA-Z]*)", text)) <= fields
    assert set(re.findall(r"'(cancel[A-Z][a-zA-Z]*)'", text)) <= fields
