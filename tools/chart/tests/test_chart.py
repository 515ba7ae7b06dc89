"""The Helm chart is made from the kustomizations; what Helm itself makes of it is in tests/tools/helm."""

import re
from copy import deepcopy
from typing import Any

import pytest
import yaml
from chart import files, objects, points, templates
from chart.objects import Rendered
from chart.text import Text
from chart.values import Values
from pydantic import ValidationError
from simjob.runtime.process.settings import Settings

FOLDER = objects.ROOT / files.FOLDER
NOTES = "templates/NOTES.txt"


@pytest.fixture(scope="module")
def rendered() -> Rendered:
    return objects.render()


@pytest.fixture
def changed(rendered: Rendered) -> Rendered:
    """An installation for a test to change."""
    return deepcopy(rendered)


def used_values() -> set[str]:
    """The values that the templates read."""
    texts = "".join((FOLDER / name).read_text() for name in (*files.TEMPLATES, NOTES))
    return set(re.findall(r"\.Values\.([a-zA-Z.]+)", texts))


def shown_values(found: Any, path: str = "") -> set[str]:
    """The values of values.yaml, down to those that are no mapping of others."""
    parts = ("image", "crds", "networkPolicy", "monitoring", "kubeStateMetrics")
    nested = (shown_values(found[name], f"{path}{name}.") for name in parts if name in found)
    return {f"{path}{name}" for name in found if name not in parts}.union(*nested)


def test_the_folder_has_only_the_files_of_the_chart() -> None:
    present = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()}
    assert present == {*files.NAMES, NOTES}


def test_values_yaml_shows_each_value_that_the_templates_read_and_no_other() -> None:
    assert shown_values(yaml.safe_load((FOLDER / "values.yaml").read_text())) == used_values()


def test_values_yaml_is_valid() -> None:
    Values.model_validate(yaml.safe_load((FOLDER / "values.yaml").read_text()))


@pytest.mark.parametrize(
    "wrong",
    [
        {"replica": 2},
        {"replicas": "2"},
        {"image": {"repository": "a", "tag": "b", "pullPolicy": "Sometimes"}},
        {"namespaces": ["Team_A"]},
        {"networkPolicy": {"apiServerPorts": []}},
        {"networkPolicy": {"apiServerPorts": [70000]}},
        {"resources": {"limits": {"memory": "512 MB"}}},
    ],
    ids=str,
)
def test_a_value_that_the_chart_does_not_have_is_invalid(wrong: dict[str, Any]) -> None:
    good = yaml.safe_load((FOLDER / "values.yaml").read_text())
    with pytest.raises(ValidationError):
        Values.model_validate({**good, **wrong}, strict=True)


def test_settings_are_those_of_the_operator_that_no_other_value_sets() -> None:
    found = yaml.safe_load((FOLDER / "values.schema.json").read_text())["properties"]["settings"]
    assert found["additionalProperties"] is False
    assert found["properties"]["workers"]["maximum"] == 256
    assert {"logLevel", "leaseDurationSeconds"} <= found["properties"].keys()
    assert not {"namespaces", "attribution", "leaseName", "healthPort"} & found["properties"].keys()
    assert len(found["properties"]) < len(Settings.model_fields)


def test_the_crd_is_kept_when_the_release_is_uninstalled() -> None:
    assert "helm.sh/resource-policy: keep" in (FOLDER / "templates/crd.yaml").read_text()
    with pytest.raises(ValueError, match="the CRD does not have the line"):
        templates.crd("kind: CustomResourceDefinition\n")


def test_the_namespace_of_the_release_replaces_that_of_the_manifests() -> None:
    for name in files.TEMPLATES:
        assert points.SYSTEM not in (FOLDER / name).read_text(), name


def test_braces_in_manifests_begin_no_expression() -> None:
    assert Text().write({"message": "{{ name }}"}) == "message: '{{ \"{{\" }} name }}'\n"


def test_an_expression_takes_the_place_of_a_value_or_of_whole_lines() -> None:
    text = Text()
    pod = {"name": text.value("{{ .Name }}"), "env": [{"name": "A"}, text.lines("- name: B\n  value: b")]}
    item = {"containers": [pod], "ports": text.value("- 1\n- 2"), **text.lines("{{- toYaml .X | nindent INDENT+2 }}")}
    assert text.write(item) == (
        "containers:\n- name: {{ .Name }}\n  env:\n  - name: A\n  - name: B\n    value: b\n"
        "ports:\n  - 1\n  - 2\n{{- toYaml .X | nindent 2 }}\n"
    )


def test_a_new_kind_of_object_needs_a_place_in_the_chart(changed: Rendered) -> None:
    service = {"kind": "Service", "metadata": {"name": "metrics"}}
    for found in (changed.base, *changed.components.values()):
        found[objects.identify(service)] = service  # type: ignore[index] # a test may
    with pytest.raises(ValueError, match=r"has no place in the chart for \[\('Service', 'metrics'\)\]"):
        templates.render(changed)


def test_a_component_may_only_add_variables_to_the_deployment(changed: Rendered) -> None:
    changed.components["attribution"][points.DEPLOYMENT]["spec"]["replicas"] = 3
    with pytest.raises(ValueError, match="the component attribution does more to the Deployment than to add variables"):
        templates.render(changed)


def test_a_policy_that_a_component_changes_depends_on_its_value(changed: Rendered) -> None:
    binding = changed.components["attribution"]["ValidatingAdmissionPolicyBinding", "simjob-cases"]
    binding["spec"]["validationActions"] = ["Warn"]
    text = templates.render(changed)["admission.yaml"]
    before, _, after = text.partition("{{- if .Values.attribution }}\n")
    one, _, other = after.partition("{{- end }}")[0].partition("{{- else }}\n")
    assert one.replace("Warn", "Deny") == other
    assert "Warn" not in before
