"""Each field of the pod template is in the pod that the API server stores."""

import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from fields import schema
from fields.schema import Field, Keys
from given.fullspec import TEMPLATE
from integration.conftest import make_place
from integration.support import client as paths
from integration.support import needs
from integration.support.client import Client, Object
from integration.support.operator_process import OperatorProcess

pytestmark = pytest.mark.integration

RUNTIME_CLASSES = "/apis/node.k8s.io/v1/runtimeclasses"
LEAVES = [each for each in schema.fields() if each.is_leaf and each.path.startswith("spec.template.")]


@pytest.fixture(scope="module")
def pod(client: Client, operator_of_module: OperatorProcess) -> Iterator[Object]:
    """The pod of a case whose template has every field; no node takes it, since nobody schedules it."""
    runtime_class, account = TEMPLATE["spec"]["runtimeClassName"], TEMPLATE["spec"]["serviceAccountName"]
    operator_of_module.start()
    place = make_place(client, f"template-{secrets.token_hex(4)}", operator_of_module.tail)
    client.create(paths.core(place.name, "serviceaccounts"), {"metadata": {"name": account}})
    client.create(RUNTIME_CLASSES, {"metadata": {"name": runtime_class}, "handler": "none"})
    sweep = place.apply(cases={"count": 1}, template=TEMPLATE)
    sweep.wait_until(lambda: sweep.pods != [], "there is a pod")
    yield sweep.pods[0]
    client.delete(f"{RUNTIME_CLASSES}/{runtime_class}")
    place.leave()


@pytest.mark.parametrize(
    "field", [pytest.param(each, id=each.path, marks=pytest.mark.effect(each.path)) for each in LEAVES]
)
def test_a_pod_has_every_field_of_the_template(client: Client, pod: Object, field: Field) -> None:
    path = field.path.removeprefix("spec.template.")
    needs.pod_field(client, since(path))
    places = schema.places(TEMPLATE, path)
    assert places
    for keys in places:
        given, found = schema.at(TEMPLATE, keys), counterpart(pod, keys)
        if field.schema.get("x-kubernetes-int-or-string"):
            given, found = str(given), str(found)
        assert has(found, given), f"{schema.written(keys)}: {found} does not have {given}"


def since(path: str) -> tuple[int, int]:
    """Return the first version that keeps a field. The volumes are found by their names, and one is an image."""
    if "laims[]" in path:
        return needs.RESOURCE_CLAIMS
    return needs.IMAGE_VOLUMES if path.startswith(("spec.volumes[].image.", "spec.volumes[].name")) else (1, 0)


def counterpart(pod: Object, keys: Keys) -> Any:
    """Find a part of the template in the pod: items of lists by their name if they have one, else in their order."""
    given: Any = TEMPLATE
    found: Any = pod
    for key in keys:
        given = given[key]
        if isinstance(key, int) and isinstance(given, dict) and "name" in given:
            found = {item["name"]: item for item in found}[given["name"]]
        else:
            found = found[key]
    return found


def has(found: Any, given: Any) -> bool:
    """Say whether all that is given was found; the API server fills in defaults."""
    match given:
        case dict():
            return isinstance(found, dict) and all(has(found.get(key), part) for key, part in given.items())
        case list():
            return len(found) == len(given) and all(has(*both) for both in zip(found, given, strict=True))
    return type(found) is type(given) and bool(found == given)
