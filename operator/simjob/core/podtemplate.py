"""The pod template of a case: what the user wrote, with the case's environment, requests and safe defaults.

Defaults are filled where the user left them out, never written over his word; resources of the spec win over
those of the first container.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from simjob.api import cases, names
from simjob.api.resources import Gpu, Resources, parse_quantity
from simjob.api.simulationjob import SimulationJob
from simjob.core import containers, environment, references, timeouts

_Dict = dict[str, Any]

_SECCOMP: Final = {"type": "RuntimeDefault"}
_PROBES: Final = frozenset({"startupProbe", "readinessProbe", "livenessProbe"})
_NODE_AFFINITY_REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"


def render(
    job: SimulationJob,
    template: Mapping[str, Any],
    case: cases.Case,
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
) -> _Dict:
    """Return the pod template of a case as JSON-ready values; our labels and annotations win over the user's."""
    metadata: _Dict = template.get("metadata", {})
    written = containers.mark(tuple(container["name"] for container in template["spec"]["containers"]))
    return {
        "metadata": {
            "labels": {**metadata.get("labels", {}), **labels},
            "annotations": {**metadata.get("annotations", {}), **annotations, **written},
        },
        "spec": _pod_spec(template["spec"], job, _variables(job.metadata.name, case)),
    }


def _variables(name: str, case: cases.Case) -> list[_Dict]:
    """Return the case's environment, which stands before the user's: so `$(PARAM_MESH)` works in his variables, too."""
    return [{"name": key, "value": _literal(value)} for key, value in environment.variables(name, case).items()]


def _literal(text: str) -> str:
    # The kubelet expands $(NAME) in values too, and takes $$ for an escaped dollar, so each dollar is written twice.
    # https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
    return text.replace("$", "$$")


def _pod_spec(spec: _Dict, job: SimulationJob, variables: list[_Dict]) -> _Dict:
    filled_in = [_container(container, variables) for container in spec["containers"]]
    wanted = job.spec.resources
    if wanted is not None:
        filled_in[0]["resources"] = _with_resources(filled_in[0].get("resources", {}), wanted)
    filled = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        **spec,
        "containers": filled_in,
        "securityContext": {"seccompProfile": _SECCOMP, **spec.get("securityContext", {})},
    }
    if (seconds := timeouts.deadline(job.spec.timeouts)) is not None:
        filled["activeDeadlineSeconds"] = seconds
    if "initContainers" in spec:
        filled["initContainers"] = [_container(container, variables) for container in spec["initContainers"]]
    if job.spec.priority_class_name:
        filled["priorityClassName"] = job.spec.priority_class_name
    if wanted is not None and wanted.gpu is not None:
        filled["affinity"] = with_gpu_affinity(spec.get("affinity", {}), wanted.gpu)
    return filled


def _container(container: _Dict, variables: list[_Dict]) -> _Dict:
    own = container.get("env", [])
    taken = {variable["name"] for variable in own}
    ours = [variable for variable in variables if variable["name"] not in taken]
    security = {"allowPrivilegeEscalation": False, **container.get("securityContext", {})}
    security.setdefault("capabilities", {"drop": ["ALL"]})
    return {
        **container,
        **_probes(container, {variable["name"]: variable["value"] for variable in ours}),
        "env": ours + own,
        "securityContext": security,
    }


def _probes(container: _Dict, variables: Mapping[str, str]) -> _Dict:
    """Return the probes with the case's variables filled into their commands.

    The kubelet would fill in a variable as it is in the pod, each dollar twice (ExpandContainerCommandOnlyStatic).
    """
    found: _Dict = {}
    for name in _PROBES & container.keys():
        probe = container[name]
        if "exec" in probe:
            command = [references.filled_in(text, variables) for text in probe["exec"]["command"]]
            found[name] = {**probe, "exec": {"command": command}}
    return found


def requests(job: SimulationJob, resource: str) -> Decimal:
    """Return how much of a resource a case's pod asks for while it runs: its containers and sidecars together."""
    wanted, spec = job.spec.resources or Resources(), job.spec.template.spec
    found = [container.resources for container in spec.containers]
    found += [container.resources for container in spec.init_containers or () if container.restart_policy]
    given = [resources.to_api() if resources else {} for resources in found]
    given[0] = _with_resources(given[0], wanted)
    # The API server takes a limit for the request where only that is given.
    amounts = ({**each.get("limits", {}), **each.get("requests", {})}.get(resource, 0) for each in given)
    return sum((parse_quantity(amount) for amount in amounts), Decimal())


def _with_resources(resources: _Dict, wanted: Resources) -> _Dict:
    requests, limits = dict(resources.get("requests", {})), dict(resources.get("limits", {}))
    if wanted.cpu is not None:
        requests["cpu"] = wanted.cpu
    if wanted.memory is not None:
        requests["memory"] = limits["memory"] = wanted.memory
    if wanted.storage is not None:
        requests["ephemeral-storage"] = limits["ephemeral-storage"] = wanted.storage
    if wanted.gpu is not None:
        requests[wanted.gpu.resource_name] = limits[wanted.gpu.resource_name] = wanted.gpu.count
    return {**resources, "requests": requests, "limits": limits}


def with_gpu_affinity(affinity: _Dict, gpu: Gpu) -> _Dict:
    """Return the affinity with the GPU's product and memory required of the node, beside what is there.

    The labels are those of NVIDIA's GPU feature discovery; `gpu.memory` is in MiB. Node selector terms are ORed,
    so each of the user's terms gets our expressions.
    """
    wanted: list[_Dict] = []
    if gpu.product is not None:
        wanted.append({"key": names.LABEL_GPU_PRODUCT, "operator": "In", "values": [gpu.product]})
    if gpu.memory_above_mib is not None:
        wanted.append({"key": names.LABEL_GPU_MEMORY, "operator": "Gt", "values": [str(gpu.memory_above_mib)]})
    if not wanted:
        return affinity
    node = affinity.get("nodeAffinity", {})
    terms = node.get(_NODE_AFFINITY_REQUIRED, {}).get("nodeSelectorTerms") or [{}]
    required = [{**term, "matchExpressions": [*term.get("matchExpressions", []), *wanted]} for term in terms]
    return {**affinity, "nodeAffinity": {**node, _NODE_AFFINITY_REQUIRED: {"nodeSelectorTerms": required}}}
