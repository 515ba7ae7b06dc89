"""The operator may do exactly what its code does. Users may read and write, but not forge."""

import asyncio
import inspect
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from simjob.api import names
from simjob.runtime.client import errors
from simjob.runtime.cluster.apiserver import ApiServer, simulationjobs
from simjob.runtime.cluster.calls import Cluster, Event
from simjob.runtime.process.leaderelection import Elector
from simjob.runtime.process.settings import Settings
from simjob.runtime.watching import informer
from worlds.wire import Answer, Wire

Grant = tuple[str, str, str]  # API group, resource, verb
Render = Callable[[str], Mapping[tuple[str, str, str], dict[str, Any]]]

# Asked for by the API server on behalf of OwnerReferencesPermissionEnforcement, not by a call of ours.
OWNERS = {("simjob.dev", "simulationjobs/finalizers", "update"), ("batch", "jobs/finalizers", "update")}
# kopf lists and watches the kind that runtime/watching/kopfhandlers.py names.
KOPF = {(names.GROUP, names.PLURAL, verb) for verb in ("list", "watch")}
# Bound by a Role of the operator's own namespace.
LEASE = {("coordination.k8s.io", "leases", verb) for verb in ("create", "get", "update")}


# Which versions there are of an API group, everybody may read: the ClusterRole system:discovery.
GROUP = f"/apis/{names.KUEUE_GROUP}"


def nothing(_method: str, path: str, _body: bytes | None) -> Answer:
    if path == GROUP:
        return {"preferredVersion": {"version": "v1beta2"}}
    return errors.NotFoundError("nothing is here", code=404, reason="NotFound")


def an_empty_world() -> Wire:
    """A connection that finds no object."""
    return Wire(nothing)


def grants(wire: Wire) -> set[Grant]:
    """Say what would have to be granted for the requests that were made."""
    return {grant(method, path) for method, path, _ in wire.requests if path != GROUP}


def grant(method: str, path: str) -> Grant:
    """Say what RBAC asks of a request, as the API server reads it.

    https://kubernetes.io/docs/reference/access-authn-authz/authorization/#request-attributes
    """
    _, root, *rest = path.split("/")
    group = "" if root == "api" else rest.pop(0)
    rest.pop(0)  # the version
    if rest[0] == "namespaces":
        del rest[:2]
    resource, *more = rest
    name, *subresource = more or [""]
    verb = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "WATCH": "watch"}.get(method)
    return group, "/".join([resource, *subresource]), verb or ("get" if name else "list")


ARGUMENTS: dict[str, Any] = {
    "namespace": "ns",
    "name": "it",
    "uid": "u",
    "owner_uid": "u",
    "job_uids": ["u"],
    "body": b"{}",
    "annotations": {},
    "status": {},
    "data": {},
    "metadata": None,
    "name_label": "n",
    "resource_version": "1",
    "live_only": True,
    "seconds": 1,
    "event": Event(
        namespace="ns",
        name="it",
        uid="u",
        resource_version="1",
        type="Normal",
        reason="R",
        action="A",
        note="",
        time=datetime(2026, 1, 1, tzinfo=UTC),
    ),
}


async def calls_of_the_operator() -> set[Grant]:
    """Make every call once, where nothing is found."""
    wire = an_empty_world()
    server = ApiServer(wire, lambda: datetime(2026, 1, 1, tzinfo=UTC), "test")
    for name, method in inspect.getmembers(Cluster, inspect.isfunction):
        if not name.startswith("_"):
            wanted = [parameter for parameter in inspect.signature(method).parameters if parameter != "self"]
            with suppress(errors.ClusterError):
                await getattr(server, name)(**{parameter: ARGUMENTS[parameter] for parameter in wanted})
    watched = [informer.path(collection, None) for collection in (informer.JOBS, informer.PODS)]
    told = {grant(verb, path) for path in watched for verb in ("GET", "WATCH")}
    return grants(wire) | told | {grant("GET", simulationjobs())}  # the last one: runtime/watching/resync.py


def granted(role: Mapping[str, Any]) -> set[Grant]:
    return {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        pytest.param("GET", "/api/v1/pods", ("", "pods", "list"), id="a list in all namespaces"),
        pytest.param("GET", "/api/v1/namespaces/a/pods/p", ("", "pods", "get"), id="one object"),
        pytest.param(
            "PATCH", "/apis/batch/v1/namespaces/a/jobs/j/status", ("batch", "jobs/status", "patch"), id="a subresource"
        ),
    ],
)
def test_a_request_maps_to_this_permission(method: str, path: str, expected: Grant) -> None:
    assert grant(method, path) == expected


def test_the_operator_has_exactly_the_permissions_it_uses(render: Render) -> None:
    role = render("manifests/rbac")["ClusterRole", "", "simjob-operator"]
    assert granted(role) == asyncio.run(calls_of_the_operator()) | KOPF | OWNERS


def test_the_lease_is_granted_in_the_operators_namespace_only(render: Render) -> None:
    role = render("manifests/base")["Role", "simjob-system", "simjob-operator-lease"]
    assert granted(role) == LEASE
    held = [rule["resourceNames"] for rule in role["rules"] if "create" not in rule["verbs"]]
    assert held == [[Settings().lease_name]]


async def test_the_elector_uses_only_the_lease() -> None:
    wire = an_empty_world()
    elector = asyncio.create_task(Elector(wire, Settings(), lambda: datetime(2026, 1, 1, tzinfo=UTC)).run())
    for _ in range(20):
        await asyncio.sleep(0)
    elector.cancel()
    assert {verb for _, _, verb in grants(wire)} == {"get", "create"}
    assert grants(wire) <= LEASE


@pytest.mark.parametrize("folder", ["manifests", "manifests/overlays/namespaced"])
def test_no_role_grants_wildcards_or_secrets(render: Render, folder: str) -> None:
    for (kind, _, name), role in render(folder).items():
        if kind not in {"Role", "ClusterRole"}:
            continue
        for group, resource, verb in granted(role):
            assert "*" not in f"{group}{resource}{verb}", name
            assert resource.partition("/")[0] not in {"secrets", "nodes", "serviceaccounts"}, name
            assert resource != "configmaps" or verb in {"create", "get", "patch"}, f"{name} sees those of others"
            assert resource not in {"pods/exec", "pods/attach", "pods/ephemeralcontainers"}, name
            assert verb not in {"escalate", "bind", "impersonate"}, name


@pytest.mark.parametrize(
    ("role", "verbs", "aggregated"),
    [
        pytest.param("viewer", {"get", "list", "watch"}, {"view", "edit", "admin"}, id="viewer"),
        pytest.param("canceller", {"get", "list", "watch", "patch", "cancel"}, {"edit", "admin"}, id="canceller"),
        pytest.param(
            "editor",
            {"get", "list", "watch", "patch", "cancel", "create", "update", "delete", "deletecollection"},
            {"edit", "admin"},
            id="editor",
        ),
    ],
)
def test_a_user_role_is_complete_and_aggregated_to_the_default_roles(
    render: Render, role: str, verbs: set[str], aggregated: set[str]
) -> None:
    found = render("manifests/base")["ClusterRole", "", f"simjob-{role}"]
    assert {verb for _, resource, verb in granted(found) if resource == names.PLURAL} == verbs
    prefix = "rbac.authorization.k8s.io/aggregate-to-"
    labels = {key.removeprefix(prefix): value for key, value in found["metadata"]["labels"].items() if prefix in key}
    assert labels == dict.fromkeys(aggregated, "true")


def test_user_roles_exclude_status_and_finalizers_and_editors_can_scale(render: Render) -> None:
    for role, scale in (("viewer", {"get"}), ("canceller", {"get"}), ("editor", {"get", "update", "patch"})):
        grants = granted(render("manifests/base")["ClusterRole", "", f"simjob-{role}"])
        assert {group for group, _, _ in grants} == {names.GROUP}
        beside = {(resource, verb) for _, resource, verb in grants if resource != names.PLURAL}
        assert beside == {("simulationjobs/status", "get")} | {("simulationjobs/scale", verb) for verb in scale}


def test_the_namespaced_overlay_grants_the_same_only_in_its_namespaces(render: Render) -> None:
    everywhere = render("manifests/rbac")["ClusterRole", "", "simjob-operator"]
    objects = render("manifests/overlays/namespaced")
    assert not [key for key in objects if key[0] == "ClusterRoleBinding"]
    assert not [key for key in objects if key[0] == "ClusterRole" and key[2] == "simjob-operator"]
    deployment = objects["Deployment", "simjob-system", "simjob-operator"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    served = next(variable["value"] for variable in container["env"] if variable["name"] == "SIMJOB_NAMESPACES")
    bound = {namespace for kind, namespace, name in objects if kind == "RoleBinding" and name == "simjob-operator"}
    assert bound == set(served.split(","))
    for namespace in bound:
        assert objects["Role", namespace, "simjob-operator"]["rules"] == everywhere["rules"]
        binding = objects["RoleBinding", namespace, "simjob-operator"]
        assert binding["roleRef"]["kind"] == "Role"
        assert binding["subjects"] == [
            {"kind": "ServiceAccount", "name": "simjob-operator", "namespace": "simjob-system"}
        ]
