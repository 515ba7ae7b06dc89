"""The admission policies: they are bound, and the fields, annotations and roles that they name exist."""

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic.alias_generators import to_camel
from release import version
from simjob.api import names
from simjob.api.spec import Spec
from simjob.runtime.process.settings import Settings

ROOT = Path(__file__).parents[2]

Objects = Mapping[tuple[str, str, str], dict[str, Any]]
Render = Callable[[str], Objects]

BASE = "manifests/base/admission"
ATTRIBUTION, GITOPS, NO_ADMISSION = (
    f"manifests/components/{name}" for name in ("attribution", "gitops", "no-admission")
)
LATE = ("ValidatingAdmissionPolicy", "", "simjob-late-cancel")
LATE_BINDING = ("ValidatingAdmissionPolicyBinding", "", "simjob-late-cancel")
POLICIES = {
    BASE: {
        "ValidatingAdmissionPolicy": {
            "simjob-submit",
            "simjob-cancel",
            "simjob-late-cancel",
            "simjob-patch",
            "simjob-cases",
        }
    },
    ATTRIBUTION: {
        "MutatingAdmissionPolicy": {"simjob-attribution"},
        "ValidatingAdmissionPolicy": {"simjob-attribution"},
    },
}


@pytest.fixture(params=POLICIES)
def folder(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def objects(folder: str, render: Render) -> Objects:
    return render(folder)


def with_components(overlay: Path, base: str, *components: str) -> str:
    """Write a kustomization as a user would; return its folder."""
    root = os.path.relpath(ROOT, overlay)
    content = {"resources": [f"{root}/{base}"], "components": [f"{root}/{name}" for name in components]}
    (overlay / "kustomization.yaml").write_text(json.dumps(content))
    return str(overlay)


def policies(objects: Objects) -> list[dict[str, Any]]:
    return [item for (kind, _, _), item in objects.items() if kind.endswith("Policy")]


def test_a_component_holds_only_bound_policies(folder: str, objects: Objects) -> None:
    expected = {(kind, "", name) for kind, names in POLICIES[folder].items() for name in names}
    assert set(objects) == expected | {(f"{kind}Binding", "", name) for kind, _, name in expected}
    for kind, _, name in expected:
        spec = objects[f"{kind}Binding", "", name]["spec"]
        denies = {"validationActions": ["Deny"]} if kind.startswith("Validating") else {}
        assert spec == {"policyName": name, **denies}


@pytest.mark.parametrize("installed", ["manifests", "manifests/overlays/namespaced"])
def test_an_installation_includes_the_base_policies(installed: str, render: Render) -> None:
    assert render(BASE).keys() <= render(installed).keys()


@pytest.mark.parametrize("installed", ["manifests", "manifests/overlays/namespaced"])
def test_the_base_policies_can_be_left_out(installed: str, tmp_path: Path, render: Render) -> None:
    left = render(with_components(tmp_path, installed, NO_ADMISSION))
    assert left == {key: item for key, item in render(installed).items() if key not in render(BASE)}


@pytest.mark.parametrize("others", [[], [ATTRIBUTION]], ids=["alone", "with attribution"])
@pytest.mark.parametrize("installed", ["manifests", "manifests/overlays/namespaced"])
def test_the_gitops_component_only_turns_the_refusal_of_a_late_cancel_into_a_warning(
    installed: str, others: list[str], tmp_path: Path, render: Render
) -> None:
    folders = tmp_path / "with", tmp_path / "without"
    for folder in folders:
        folder.mkdir()
    objects, before = (
        render(with_components(folder, installed, *components))
        for folder, components in zip(folders, ([*others, GITOPS], others), strict=True)
    )
    assert {key for key in {**before, **objects} if before.get(key) != objects.get(key)} == {LATE, LATE_BINDING}
    assert objects[LATE_BINDING]["spec"] == {"policyName": "simjob-late-cancel", "validationActions": ["Warn"]}
    (rule,), (strict,) = (found[LATE]["spec"]["validations"] for found in (objects, before))
    words = {key for key in rule if rule[key] != strict[key]}
    assert words == {"messageExpression"}, "it judges the same writes"
    assert "has no effect" in rule["messageExpression"]


@pytest.mark.parametrize("components", [[GITOPS, NO_ADMISSION], [NO_ADMISSION, GITOPS]], ids=" ".join)
def test_the_gitops_component_has_nothing_to_do_without_the_policies(
    components: list[str], tmp_path: Path, render: Render
) -> None:
    assert LATE not in render(with_components(tmp_path, "manifests", *components))


@pytest.mark.parametrize("installed", ["manifests", "manifests/overlays/namespaced"])
def test_the_attribution_component_configures_the_operator(installed: str, tmp_path: Path, render: Render) -> None:
    objects = render(with_components(tmp_path, installed, ATTRIBUTION))
    assert render(ATTRIBUTION).keys() <= objects.keys()
    (container,) = objects["Deployment", "simjob-system", "simjob-operator"]["spec"]["template"]["spec"]["containers"]
    values = {variable["name"]: variable.get("value") for variable in container["env"]}
    assert Settings(attribution=values["SIMJOB_ATTRIBUTION"]).attribution
    (before,) = render(installed)["Deployment", "simjob-system", "simjob-operator"]["spec"]["template"]["spec"][
        "containers"
    ]
    assert values.keys() == {variable["name"] for variable in before["env"]} | {"SIMJOB_ATTRIBUTION"}


def test_the_kustomization_of_the_installation_page_works(tmp_path: Path, render: Render) -> None:
    page = (ROOT / "docs/install.md").read_text()
    text = "\n".join(re.findall(r"my-cluster/kustomization.yaml <<'EOF'\n(.*?)\nEOF\n", page, re.DOTALL))
    root = os.path.relpath(ROOT, tmp_path)
    (tmp_path / "kustomization.yaml").write_text(text.replace("../manifests", f"{root}/manifests"))
    objects, before = render(str(tmp_path)), render("manifests")
    assert objects.keys() == before.keys() | render(ATTRIBUTION).keys()
    pod = objects["Deployment", "simjob-system", "simjob-operator"]["spec"]["template"]["spec"]
    assert [container["image"] for container in pod["containers"]] == [
        f"REGISTRY/simjob-operator:{version.current(ROOT)}"
    ]
    policy = ("NetworkPolicy", "simjob-system", "simjob-operator")
    assert ports(objects[policy]) - ports(before[policy]) == {7443}
    assert ports(before[policy]) == {443, 6443, 8443, 16443}


def ports(policy: dict[str, Any]) -> set[int]:
    """The ports of the API server."""
    return {port["port"] for port in policy["spec"]["egress"][0]["ports"]}


def test_policies_fail_closed_and_skip_status(objects: Objects) -> None:
    assert policies(objects)
    for policy in policies(objects):
        assert policy["spec"]["failurePolicy"] == "Fail"
        [rule] = policy["spec"]["matchConstraints"]["resourceRules"]
        assert (rule["apiGroups"], rule["resources"]) == ([names.GROUP], [names.PLURAL])


def test_annotations_and_roles_in_policies_exist(objects: Objects, render: Render) -> None:
    text = json.dumps(policies(objects))
    known = {names.ANNOTATION_SUBMITTED_BY, names.ANNOTATION_CANCEL_REQUESTED_BY}
    assert set(re.findall(r"simjob\.dev/[a-z-]+", text)) <= known
    roles = {name for kind, _, name in render("manifests/base") if kind == "ClusterRole"}
    assert set(re.findall(r"ClusterRole (simjob-[a-z]+)", text)) <= roles


def test_fields_in_policies_exist(objects: Objects) -> None:
    text = json.dumps(policies(objects))
    fields = {to_camel(name) for name in Spec.model_fields}
    assert set(re.findall(r"\bspec\.\??(cancel[a-zA-Z]*)", text)) <= fields
    assert set(re.findall(r"'(cancel[A-Z][a-zA-Z]*)'", text)) <= fields
