"""Users of a test cluster: each with a certificate of its authority and its own kubectl."""

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cluster.control import kubeconfig
from cluster.control.pki import Authority
from cluster.provider import Cluster
from given.builders import a_job_dict
from integration.support.client import Client, Object
from integration.support.sweeps import eventually

NAMESPACE = "admission"
FLUX = "system:serviceaccount:flux-system:kustomize-controller"
# What each is bound to in the namespace; `pat` may change everything and cancel nothing.
ROLES = {
    "vera": ("view",),
    "carl": ("simjob-canceller",),
    "ed": ("simjob-editor",),
    "anna": ("edit",),
    "pat": ("patcher", "job-creator"),
    FLUX: ("edit",),
}
_OWN_ROLES = {
    "patcher": ("simjob.dev", "simulationjobs", ("get", "list", "create", "update", "patch")),
    "job-creator": ("batch", "jobs", ("create",)),
}
_RBAC = "/apis/rbac.authorization.k8s.io/v1"


class RefusedError(Exception):
    """What kubectl said when it failed."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who uses kubectl in the namespace of these tests."""

    name: str
    program: str
    kubeconfig: Path
    options: tuple[str, ...] = field(default=())

    def kubectl(self, *arguments: str, stdin: Any = None) -> str:
        """Run kubectl; give what it prints."""
        done = self._run(arguments, stdin)
        if done.returncode:
            raise RefusedError(done.stderr.strip())
        return done.stdout

    def refusal(self, *arguments: str, stdin: Any = None) -> str:
        """Run what must be refused; give the API server's words, of a policy those after its name."""
        with pytest.raises(RefusedError) as refused:
            self.kubectl(*arguments, stdin=stdin)
        return str(refused.value).rpartition("denied request: ")[2]

    def may(self, verb: str, what: str, *options: str) -> bool:
        """Ask `kubectl auth can-i`, which also fails where it says no."""
        said = self._run(("auth", "can-i", verb, what, *options), None).stdout.strip()
        assert said in ("yes", "no")
        return said == "yes"

    def wait_until_may(self, verb: str, what: str) -> None:
        """Wait for a role that was just bound."""
        eventually(lambda: self.may(verb, what), lambda: f"{self.name} may not {verb} {what}")

    def create(self, name: str, metadata: Object | None = None, *options: str, **spec: Any) -> Object:
        """Create a SimulationJob."""
        body = manifest(name, metadata, **spec)
        created: Object = json.loads(self.kubectl("create", "-f", "-", "-o", "json", *options, stdin=body))
        return created

    def patch(self, name: str, **spec: Any) -> Object:
        """Patch its spec."""
        patched: Object = json.loads(self.kubectl(*patching(name, {"spec": spec}), "-o", "json"))
        return patched

    def refusal_of_patch(self, name: str, **spec: Any) -> str:
        """Say why such a change of the spec is refused."""
        return self.refusal(*patching(name, {"spec": spec}))

    def _run(self, arguments: tuple[str, ...], stdin: Any) -> "subprocess.CompletedProcess[str]":
        kubectl = [self.program, f"--kubeconfig={self.kubeconfig}", f"--namespace={NAMESPACE}", *self.options]
        text = stdin if stdin is None or isinstance(stdin, str) else json.dumps(stdin)
        return subprocess.run([*kubectl, *arguments], input=text, capture_output=True, text=True, check=False)


def manifest(name: str, metadata: Object | None = None, **spec: Any) -> Object:
    """Make a SimulationJob."""
    return {**a_job_dict(**spec), "metadata": {**(metadata or {}), "name": name}}


def patching(name: str, change: Object) -> tuple[str, ...]:
    """Give the arguments of a merge patch."""
    return ("patch", "simjob", name, "--type=merge", "-p", json.dumps(change))


def invite(cluster: Cluster, client: Client) -> dict[str, Person]:
    """Make the namespace and everybody's role in it; give everybody by name."""
    client.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    for role, (group, resource, verbs) in _OWN_ROLES.items():
        make_role(client, role, [{"apiGroups": [group], "resources": [resource], "verbs": list(verbs)}])
    for name, roles in ROLES.items():
        for role in roles:
            bind(client, name, role, "Role" if role in _OWN_ROLES else "ClusterRole")
    people = {name: _meet(cluster, client, name) for name in ROLES}
    for person in people.values():
        person.wait_until_may("get", "simulationjobs")
    # The controller manager brings our roles into the cluster's own.
    for name in ("anna", FLUX):
        people[name].wait_until_may("cancel", "simulationjobs")
    people["pat"].wait_until_may("create", "jobs.batch")
    return people


def make_role(client: Client, name: str, rules: list[Object]) -> None:
    """Make a Role in the namespace."""
    body = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": name}, "rules": rules}
    client.create(f"{_RBAC}/namespaces/{NAMESPACE}/roles", body)


def bind(client: Client, user: str, role: str, kind: str = "Role") -> str:
    """Bind a user to a role in the namespace; return the binding's path."""
    group = "rbac.authorization.k8s.io"
    name = f"{user.rpartition(':')[2]}-{role}"
    body = {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": group, "kind": kind, "name": role},
        "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
    }
    client.create(f"{_RBAC}/namespaces/{NAMESPACE}/rolebindings", body)
    return f"{_RBAC}/namespaces/{NAMESPACE}/rolebindings/{name}"


def _meet(cluster: Cluster, client: Client, name: str) -> Person:
    if name == FLUX:
        # Nobody signs certificates for service accounts.
        return Person(name, cluster.kubectl, cluster.kubeconfig, (f"--as={name}",))
    authority = Authority(cluster.state.pki)
    path = cluster.state.folder / f"{name}.kubeconfig"
    pair = authority.client(f"user-{name}", name)
    kubeconfig.write(path, server=client.server, authority=authority.certificate, client=pair)
    return Person(name, cluster.kubectl, path)
