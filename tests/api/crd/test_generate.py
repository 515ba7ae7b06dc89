"""The committed CRD against the models, and against what the API server asks of a structural schema."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from simjob.api import names
from simjob.api.crd import generate

FILE = Path(__file__).parents[3] / "crds" / "simulationjobs.simjob.dev.yaml"

# https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
FORBIDDEN = {
    "$ref",
    "$defs",
    "$schema",
    "title",
    "const",
    "anyOf",
    "oneOf",
    "allOf",
    "nullable",
    "definitions",
    "dependencies",
    "deprecated",
    "examples",
    "discriminator",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "id",
    "patternProperties",
    "prefixItems",
    "propertyNames",
    "additionalItems",
    "uniqueItems",
}

OPAQUE = {
    "spec.template.spec.affinity",
    "spec.template.spec.topologySpreadConstraints[]",
    "spec.template.spec.resourceClaims[]",
    "spec.template.spec.volumes[].ephemeral.volumeClaimTemplate",
}
SCALARS = {"spec.cases.matrix[].values[]", "spec.cases.list[].parameters{}"}


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, part in schema.get("properties", {}).items():
        yield from nodes(part, f"{path}.{name}".removeprefix("."))
    if "items" in schema:
        yield from nodes(schema["items"], f"{path}[]")
    if "additionalProperties" in schema:
        yield from nodes(schema["additionalProperties"], f"{path}{{}}")


NODES = dict(nodes(generate.job_schema()))
# As it is installed.
SERVED = dict(nodes(yaml.safe_load(FILE.read_text())["spec"]["versions"][0]["schema"]["openAPIV3Schema"]))


def of_type(*types: str) -> list[tuple[str, dict[str, Any]]]:
    return [(path, node) for path, node in NODES.items() if node.get("type") in types]


def test_the_committed_crd_matches_the_models() -> None:
    assert FILE.read_text() == generate.render(), generate.HEADER


def test_the_first_line_names_the_command_that_generates_the_crd() -> None:
    assert FILE.read_text().splitlines()[0].startswith("# ")
    assert "python -m simjob.api.crd.generate > crds/simulationjobs.simjob.dev.yaml" in FILE.read_text().splitlines()[0]


def test_the_crd_is_formatted_for_people() -> None:
    assert len(FILE.read_text().splitlines()) < 2000


def test_the_schema_has_no_keyword_that_the_api_server_refuses() -> None:
    found = {path: words for path, node in NODES.items() if (words := FORBIDDEN & set(node))}
    # Where any scalar may stand a null may, for the operator to refuse: the API server would drop it in silence.
    assert found == {
        "spec.cases.list[].parameters{}": {"nullable"},
        "spec.cases.matrix[].values[]": {"nullable"},
    }


def test_every_node_has_a_type_or_says_why_not() -> None:
    untyped = {path: node for path, node in NODES.items() if "type" not in node}
    assert {path for path, node in untyped.items() if not node.get("x-kubernetes-int-or-string")} == SCALARS


def test_every_node_has_a_description() -> None:
    without = {path for path, node in NODES.items() if not node.get("description", "").endswith(".")}
    assert without == {"metadata"}, "of metadata the API server allows none"


def test_every_string_is_bounded() -> None:
    unbounded = {
        path for path, node in of_type("string") if not {"maxLength", "enum"} & set(node) and "format" not in node
    }
    assert unbounded == {"apiVersion", "kind"}
    assert [path for path, node in NODES.items() if "type" not in node and "maxLength" not in node] == []


def test_every_list_and_map_is_bounded() -> None:
    assert [path for path, node in of_type("array") if "maxItems" not in node] == []
    assert [
        path for path, node in of_type("object") if "additionalProperties" in node and "maxProperties" not in node
    ] == []


def test_every_number_is_bounded() -> None:
    # A dimension of a design goes from any number to any greater one.
    numbers = {path for path, _ in of_type("number")}
    assert numbers == {"spec.cases.samples.parameters[].min", "spec.cases.samples.parameters[].max"}
    assert [path for path, node in of_type("integer") if "minimum" not in node or "format" not in node] == []
    assert [path for path, node in of_type("integer") if node["format"] == "int32" and "maximum" not in node] == []


def test_rules_for_numbers_or_texts_are_on_fields_that_occur_once() -> None:
    """Kubernetes 1.33 assumes that such a value is as large as a request. In a list, that costs more than it allows."""
    with_rules = {
        path
        for path, node in SERVED.items()
        if node.get("x-kubernetes-int-or-string") and "x-kubernetes-validations" in node
    }
    assert "spec.resources.cpu" in with_rules
    assert {path for path in with_rules if "[]" in path or "{}" in path} == set()


def test_only_opaque_parts_keep_unknown_fields() -> None:
    keeping = {path for path, node in NODES.items() if "x-kubernetes-preserve-unknown-fields" in node}
    assert keeping == OPAQUE | SCALARS


def test_every_object_describes_its_contents() -> None:
    empty = {path for path, node in of_type("object") if not {"properties", "additionalProperties"} & set(node)}
    assert empty == OPAQUE | {"metadata"}


def test_cancel_has_no_default() -> None:
    assert "default" not in NODES["spec.cancel"]


def test_a_status_has_one_default_only() -> None:
    found = {path: node["default"] for path, node in NODES.items() if "default" in node and path.startswith("status")}
    assert found == {"status": {"observedGeneration": -1}}


@pytest.mark.parametrize(
    ("path", "default"),
    [
        ("spec.parallelism", 50),
        ("spec.suspend", False),
        ("spec.retries", {}),
        ("spec.retries.limit", 0),
        ("spec.history", {}),
        ("spec.history.succeededCases", 100),
        ("spec.history.failedCases", 100),
        ("spec.cases.samples.parameters[].scale", "Linear"),
        ("spec.rerunOf.outcomes", ["Failed", "Cancelled"]),
        ("spec.task", "Batch"),
        ("spec.failurePolicy", {}),
        ("spec.failurePolicy.maxFailedCases", 0),
        ("spec.failurePolicy.onExceeded", "Continue"),
        ("spec.resources.gpu.count", 1),
        ("spec.resources.gpu.resourceName", "nvidia.com/gpu"),
    ],
)
def test_the_spec_has_the_models_defaults(path: str, default: Any) -> None:
    assert NODES[path]["default"] == default


def test_the_crd_sets_no_default_that_an_older_operator_does_not_know() -> None:
    assert set(NODES) >= generate._DEFAULTED
    assert {path for path, node in SERVED.items() if "default" in node} == generate._DEFAULTED | {"status"}


def test_a_newer_default_is_only_described() -> None:
    newer = {"type": "object", "properties": {"new": {"description": "New. Default 5.", "default": 5}}}
    found = generate._with_defaults(newer, "spec.retries", generate._DEFAULTED)
    assert found["properties"] == {"new": {"description": "New. Default 5."}}


@pytest.mark.parametrize(
    "word", ["hostPath", "hostNetwork", "hostPID", "hostIPC", "privileged", "nodeName", "namespace"]
)
def test_the_schema_has_no_dangerous_field(word: str) -> None:
    assert [path for path in NODES if path.rpartition(".")[2] == word] == []


def test_every_rule_has_a_message() -> None:
    for node in NODES.values():
        for rule in node.get("x-kubernetes-validations", []):
            assert rule["message"]
            assert "\n" not in rule["rule"]


MUTABLE = {
    *("title", "description", "parallelism", "failurePolicy", "timeouts.totalSeconds", "suspend", "cancel"),
    *("cancelReason", "cancelCases", "history", "ttlSecondsAfterFinished"),
}


def test_every_field_outside_the_mutable_list_is_immutable() -> None:
    rules = NODES["spec"]["x-kubernetes-validations"]
    immutable = {rule["fieldPath"].removeprefix(".") for rule in rules if "oldSelf" in rule["rule"]}
    parts = {f"timeouts.{part}" for part in NODES["spec.timeouts"]["properties"]}
    assert immutable | MUTABLE == (set(NODES["spec"]["properties"]) - {"timeouts"}) | parts
    assert immutable & MUTABLE == set()


def test_an_immutable_field_says_so_in_its_description() -> None:
    for rule in NODES["spec"]["x-kubernetes-validations"]:
        if "oldSelf" in rule["rule"]:
            assert NODES[f"spec{rule['fieldPath']}"]["description"].endswith("Immutable.")


def test_columns_and_selectable_fields_exist_in_the_schema() -> None:
    version = generate.custom_resource_definition()["spec"]["versions"][0]
    columns = {column["jsonPath"].removeprefix(".") for column in version["additionalPrinterColumns"]}
    selectable = {field["jsonPath"].removeprefix(".") for field in version["selectableFields"]}
    assert columns - set(NODES) == {"metadata.creationTimestamp"}
    assert selectable - set(NODES) == set()
    assert len(selectable) <= 8


def test_the_crd_has_the_names_that_the_operator_uses() -> None:
    definition = yaml.safe_load(FILE.read_text())
    spec = definition["spec"]
    assert definition["metadata"]["name"] == f"{names.PLURAL}.{names.GROUP}"
    assert (spec["group"], spec["names"]["kind"], spec["versions"][0]["name"]) == (
        names.GROUP,
        names.KIND,
        names.VERSION,
    )
    assert spec["names"]["shortNames"] == ["simjob", "sj"]
    assert spec["names"]["categories"] == ["all", "simulation"]
