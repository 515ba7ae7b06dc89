"""The resource requests of a case's pod, and the node affinity for its kind of GPU."""

from decimal import Decimal
from typing import Any, Final

from simjob.api import names
from simjob.api.resources import Gpu, Resources, parse_quantity
from simjob.api.simulationjob import SimulationJob

_Dict = dict[str, Any]

_NODE_AFFINITY_REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"


def requests(job: SimulationJob, resource: str) -> Decimal:
    """Return how much of a resource, such as "cpu", a running pod of the job requests: containers plus sidecars."""
    wanted, spec = job.spec.resources or Resources(), job.spec.template.spec
    found = [container.resources for container in spec.containers]
    found += [container.resources for container in spec.init_containers or () if container.restart_policy]
    given = [resources.to_api() if resources else {} for resources in found]
    given[0] = with_resources(given[0], wanted)
    # The API server uses the limit as the request if there is no request.
    amounts = ({**each.get("limits", {}), **each.get("requests", {})}.get(resource, 0) for each in given)
    return sum((parse_quantity(amount) for amount in amounts), Decimal())


def with_resources(resources: _Dict, wanted: Resources) -> _Dict:
    """Return the resources of a container, replaced by those of `spec.resources` where these are set."""
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
    """Return the affinity with the GPU's product and memory added as requirements for the node.

    The labels are those of NVIDIA's GPU feature discovery; nvidia.com/gpu.memory is in MiB. Node selector terms are
    ORed, so every term of the user gets the new expressions.
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
