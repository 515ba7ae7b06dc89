"""What the API server refuses, each with its exact words."""

from typing import Any

import pytest
from given.builders import a_template_dict
from integration.crd.api import Api, container, without_value
from simjob.api.crd import rules
from simjob.api.podtemplate import podannotations
from simjob.api.resources import NOT_NEGATIVE

pytestmark = pytest.mark.integration

RUNTIME_KEYS = (
    *(f"{prefix}x" for prefix in podannotations.PREFIXES),
    *(f"plugin{domain}{rest}" for domain in podannotations.DOMAINS for rest in ("", "/container.x")),
)
REQUEST = "spec.template.spec.containers[0].resources.requests.cpu"
# The first version that names the value that a rule refuses. Earlier ones name its type instead, or nothing.
NAMES_VALUES = (1, 35)
NOT_POSITIVE = "must be a quantity greater than zero, such as '500m', '2' or '16Gi'"

TYPE = "'^[a-z]([a-z0-9_-]{0,61}[a-z0-9])?$'"


@pytest.fixture(scope="module")
def names_values(api: Api) -> bool:
    return api.version() >= NAMES_VALUES


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        pytest.param({"paralelism": 3}, 'unknown field "spec.paralelism"', id="a field with a typing error"),
        pytest.param(
            {"template": a_template_dict(hostNetwork=True)},
            'unknown field "spec.template.spec.hostNetwork"',
            id="the network of the host",
        ),
        pytest.param(
            {"template": a_template_dict(volumes=[{"name": "a", "hostPath": {"path": "/"}}])},
            'unknown field "spec.template.spec.volumes[0].hostPath"',
            id="a path of the host",
        ),
        pytest.param(
            {"template": container(securityContext={"privileged": True})},
            'unknown field "spec.template.spec.containers[0].securityContext.privileged"',
            id="a privileged container",
        ),
        pytest.param(
            {"template": container(securityContext={"allowPrivilegeEscalation": True})},
            "spec.template.spec.containers[0].securityContext.allowPrivilegeEscalation: "
            'Unsupported value: true: supported values: "false"',
            id="a container that may gain privileges",
        ),
        *(
            pytest.param(
                {"template": container(securityContext={"capabilities": {"drop": drop}})},
                f"spec.template.spec.containers[0].securityContext.capabilities.drop: Invalid value: {rules.DROPS_ALL}",
                id=f"{len(drop)} dropped capabilities, not ALL",
            )
            for drop in ([], ["NET_RAW", "all"])
        ),
        *(
            pytest.param(
                {"template": {**a_template_dict(), "metadata": {"annotations": {"example.org/a": "b", key: "c"}}}},
                f"spec.template.metadata.annotations: Invalid value: annotation {key} is refused: annotations must not "
                "disable AppArmor or seccomp, or configure the container runtime",
                id=key,
            )
            for key in RUNTIME_KEYS
        ),
        pytest.param(
            {"cases": {}},
            "spec.cases: Invalid value: `cases` must have exactly one of "
            "`count`, `matrix`, `list`, `samples` and `configMap`",
            id="no source of cases",
        ),
        pytest.param(
            {"cases": {"count": 1, "list": [{"name": "a"}]}},
            "spec.cases: Invalid value: `cases` must have exactly one of "
            "`count`, `matrix`, `list`, `samples` and `configMap`",
            id="two sources of cases",
        ),
        pytest.param(
            {"cases": {"list": [{"name": "a"}, {"name": "a"}]}},
            'spec.cases.list[1]: Duplicate value: {"name":"a"}',
            id="two cases of one name",
        ),
        pytest.param(
            {"cases": {"matrix": [{"name": "a", "values": [1]}, {"name": "A", "values": [1]}]}},
            "spec.cases.matrix: Invalid value: axis names in `matrix` must be unique, ignoring case",
            id="two axes of one name",
        ),
        *(
            pytest.param(
                {"cases": {"matrix": [{"name": name, "values": [1]}]}},
                f'spec.cases.matrix[0].name: Invalid value: "{name}": {rules.NAMED_AS_BOOLEAN}',
                id=f"an axis with the name {name}",
            )
            for name in ("true", "false")
        ),
        pytest.param(
            # What kubectl makes of `name: y`: the words are the API server's own, `kubectl explain` has the advice.
            {"cases": {"matrix": [{"name": True, "values": [1]}]}},
            'spec.cases.matrix[0].name: Invalid value: "boolean": spec.cases.matrix[0].name in body must be of type '
            'string: "boolean"',
            id="an axis whose name YAML reads as a boolean",
        ),
        pytest.param(
            {"cases": {"matrix": [{"name": "a", "values": list(range(10_001))}]}},
            "spec.cases.matrix[0].values: Too many: 10001: must have at most 10000 items",
            id="an axis with too many values",
        ),
        pytest.param(
            {"cases": {"count": 100_001}},
            "spec.cases.count: Invalid value: 100001: spec.cases.count in body should be less than or equal to 100000",
            id="too many cases",
        ),
        pytest.param(
            {"resources": {"cpu": "lots"}},
            f'spec.resources.cpu: Invalid value: "lots": {NOT_POSITIVE}',
            id="an amount that cannot be read",
        ),
        pytest.param(
            {"resources": {"cpu": 0}}, f"spec.resources.cpu: Invalid value: 0: {NOT_POSITIVE}", id="an amount of zero"
        ),
        pytest.param(
            {"resources": {"gpu": {"memory": "-40Gi"}}},
            f'spec.resources.gpu.memory: Invalid value: "-40Gi": {NOT_POSITIVE}',
            id="a negative amount",
        ),
        *(
            pytest.param(
                {"template": container(resources={"requests": {"cpu": amount}})},
                f"{REQUEST}: Invalid value: \"{amount}\": {REQUEST} in body should match '{NOT_NEGATIVE}'",
                id=f"an amount of {amount!r} in the template",
            )
            for amount in ("lots", "-1", "-500m", "", "1 Gi", "1e", "Gi")
        ),
        pytest.param(
            {"template": container(resources={"limits": {"cpu": -1}})},
            "spec.template.spec.containers[0].resources.limits.cpu: Invalid value: -1: "
            "spec.template.spec.containers[0].resources.limits.cpu in body should be greater than or equal to 0",
            id="a negative number in the template",
        ),
        pytest.param(
            {"template": a_template_dict(containers=[{"name": "a", "image": "b"}] * 2)},
            "spec.template.spec.containers: Invalid value: container names must be unique across `containers` and "
            "`initContainers`",
            id="two containers of one name",
        ),
        pytest.param(
            {"template": a_template_dict(initContainers=[{"name": "simulation", "image": "b"}])},
            "spec.template.spec.containers: Invalid value: container names must be unique across `containers` and "
            "`initContainers`",
            id="an init container with the name of a container",
        ),
        pytest.param(
            {"template": a_template_dict(volumes=[{"name": "a"}])},
            "spec.template.spec.volumes[0]: Invalid value: "
            "a volume must have exactly one source, such as `emptyDir` or `configMap`",
            id="a volume without a source",
        ),
        pytest.param(
            {"template": a_template_dict(containers=[])},
            "spec.template.spec.containers: Invalid value: 0: "
            "spec.template.spec.containers in body should have at least 1 items",
            id="no container",
        ),
        pytest.param(
            {"parallelism": 10_001},
            "spec.parallelism: Invalid value: 10001: spec.parallelism in body should be less than or equal to 10000",
            id="a parallelism that is too large",
        ),
        pytest.param(
            {"retries": {"limit": 101}},
            "spec.retries.limit: Invalid value: 101: spec.retries.limit in body should be less than or equal to 100",
            id="too many retries",
        ),
        pytest.param(
            {"title": "x" * 257}, "spec.title: Too long: may not be more than 256 bytes", id="a title that is too long"
        ),
        pytest.param(
            {"type": "Simulate"},
            f'spec.type: Invalid value: "Simulate": spec.type in body should match {TYPE}',
            id="a type with a capital",
        ),
        pytest.param(
            {"type": "simulate-"},
            f'spec.type: Invalid value: "simulate-": spec.type in body should match {TYPE}',
            id="a type that ends with a hyphen",
        ),
    ],
)
def test_a_spec_that_cannot_be_carried_out_is_refused(
    api: Api, names_values: bool, spec: dict[str, Any], words: str
) -> None:
    found = api.refusal(**spec)
    if not names_values:
        found, words = without_value(found), without_value(words)
    assert found == words
