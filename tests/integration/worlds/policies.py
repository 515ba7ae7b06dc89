"""An administrator's rules for one namespace, as ValidatingAdmissionPolicies."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from integration.support.client import Client, RefusedError
from integration.support.sweeps import eventually

_GROUP = "/apis/admissionregistration.k8s.io/v1"
_VERSIONS = {"": "v1", "batch": "v1", "simjob.dev": "v1beta1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What is refused, with what message: each `operation` on a `resource` for which the CEL expression is false."""

    group: str = ""
    resource: str
    operation: str
    expression: str
    message: str


@contextmanager
def refusing(client: Client, namespace: str, rule: Rule, *, forbidden: Callable[[], object]) -> Iterator[None]:
    """Have a rule in force inside the block. `forbidden`: a request that it refuses and that changes nothing."""
    name = f"{namespace}-{secrets.token_hex(3)}"
    kinds = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": name}}
    resources = {
        "apiGroups": [rule.group],
        "apiVersions": [_VERSIONS[rule.group]],
        "resources": [rule.resource],
        "operations": [rule.operation],
    }
    spec = {
        "matchConstraints": {"resourceRules": [resources]},
        "validations": [{"expression": rule.expression, "message": rule.message}],
    }
    place = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    binding = {"policyName": name, "validationActions": ["Deny"], "matchResources": place}
    policies, bindings = f"{_GROUP}/validatingadmissionpolicies", f"{_GROUP}/validatingadmissionpolicybindings"
    client.create(policies, {**kinds, "kind": "ValidatingAdmissionPolicy", "spec": spec})
    client.create(bindings, {**kinds, "kind": "ValidatingAdmissionPolicyBinding", "spec": binding})
    try:
        eventually(lambda: _refuses(forbidden), lambda: f"the rule is not in force: {rule.message}")
        yield
    finally:
        client.delete(f"{bindings}/{name}")
        client.delete(f"{policies}/{name}")


def _refuses(request: Callable[[], object]) -> bool:
    try:
        request()
    except RefusedError:
        return True
    return False
