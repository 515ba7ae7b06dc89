"""The pod template of a case: the user's template with the case's environment, resources and safe defaults.

Defaults only fill fields that the user left out. `spec.resources` replaces the resources of the first container.
"""

from collections.abc import Mapping
from typing import Any, Final

from simjob.api.simulationjob import SimulationJob
from simjob.api.sweep import cases
from simjob.core.attempts import podrequests, timeouts
from simjob.core.children import environment, references
from simjob.core.facts import containers

_Dict = dict[str, Any]

_SECCOMP: Final = {"type": "RuntimeDefault"}
_PROBES: Final = frozenset({"startupProbe", "readinessProbe", "livenessProbe"})


def render(
    job: SimulationJob,
    template: Mapping[str, Any],
    case: cases.Case,
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
) -> _Dict:
    """Return the pod template of a case as JSON-ready values. `labels` and `annotations` replace the user's."""
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
    """Return the case's variables. They come before the user's, so that these can refer to `$(PARAM_MESH)`."""
    return [{"name": key, "value": _literal(value)} for key, value in environment.variables(name, case).items()]


def _literal(text: str) -> str:
    # The kubelet expands $(NAME) in values, too, and reads $$ as an escaped dollar. So each dollar is doubled.
    # https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
    return text.replace("$", "$$")


def _pod_spec(spec: _Dict, job: SimulationJob, variables: list[_Dict]) -> _Dict:
    filled_in = [_container(container, variables) for container in spec["containers"]]
    wanted = job.spec.resources
    if wanted is not None:
        filled_in[0]["resources"] = podrequests.with_resources(filled_in[0].get("resources", {}), wanted)
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
        filled["affinity"] = podrequests.with_gpu_affinity(spec.get("affinity", {}), wanted.gpu)
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

    The kubelet would insert a value as it is in the pod, with each dollar doubled (ExpandContainerCommandOnlyStatic).
    """
    found: _Dict = {}
    for name in _PROBES & container.keys():
        probe = container[name]
        if "exec" in probe:
            command = [references.filled_in(text, variables) for text in probe["exec"]["command"]]
            found[name] = {**probe, "exec": {"command": command}}
    return found
