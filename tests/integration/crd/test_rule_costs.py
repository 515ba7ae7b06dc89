"""The rules of the CRD are cheap enough for Kubernetes 1.33, which estimates some of them higher than later versions.

Up to 1.33 the API server ignores `maxLength` where a number or a text may stand: any is as long as a request.
A later one does the same if there is no `maxLength`.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from integration.crd.api import CRD, Api, RefusedError
from simjob.api.crd import rules

pytestmark = pytest.mark.integration

GROUP = "costs.simjob.dev"


@pytest.fixture
def definition() -> dict[str, Any]:
    """The CRD as Kubernetes 1.33 understands it, in a group of its own: nothing is known of its rules."""
    found: dict[str, Any] = yaml.safe_load(CRD.read_text())
    found["metadata"]["name"] = f"{found['spec']['names']['plural']}.{GROUP}"
    found["spec"]["group"] = GROUP
    bounded = [node for node in numbers_or_texts(found) if node.pop("maxLength", None)]
    assert bounded
    return found


def numbers_or_texts(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict) and node.get("x-kubernetes-int-or-string"):
        yield node
    parts = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for part in parts:
        yield from numbers_or_texts(part)


def create(api: Api, definition: dict[str, Any]) -> str:
    return api.kubectl("create", "--dry-run=server", "-f", "-", stdin=definition)


def test_kubernetes_1_33_would_accept_the_rules(api: Api, definition: dict[str, Any]) -> None:
    assert "created (server dry run)" in create(api, definition)


def test_kubernetes_1_33_would_refuse_a_rule_on_each_quantity_of_the_template(
    api: Api, definition: dict[str, Any]
) -> None:
    in_template = [node for node in numbers_or_texts(definition) if "pattern" in node]
    assert len(in_template) == 8
    for node in in_template:
        node["x-kubernetes-validations"] = [rules.POSITIVE_QUANTITY_RULE]
    with pytest.raises(RefusedError) as refused:
        create(api, definition)
    assert str(refused.value).count("estimated rule cost exceeds budget by factor of") == len(in_template)
