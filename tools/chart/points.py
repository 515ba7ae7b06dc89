"""The fields of the operator's objects that values set, and what the values are where kustomize renders the objects."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any, Final

from chart.objects import Object, Rendered
from chart.text import Text

DEPLOYMENT: Final = ("Deployment", "simjob-operator")
NETWORK_POLICY: Final = ("NetworkPolicy", "simjob-operator")
SYSTEM: Final = "simjob-system"

_NAMESPACE: Final = "{{ $.Release.Namespace | quote }}"
# Where the component monitoring expects kube-state-metrics, and with which ServiceAccount.
_READER: Final = {"namespace": "kube-system", "serviceAccount": "kube-state-metrics"}
_ANOTHER_READER: Final = {
    default: f"{{{{ .Values.monitoring.kubeStateMetrics.{name} | quote }}}}" for name, default in _READER.items()
}
_IMAGE: Final = (
    '"{{ .Values.image.repository }}{{ with .Values.image.digest }}@{{ . }}{{ else }}:{{ .Values.image.tag }}{{ end }}"'
)
_RESOURCES: Final = "{{- toYaml .Values.resources | nindent INDENT }}"
_PORTS: Final = """\
{{- range .Values.networkPolicy.apiServerPorts }}
- port: {{ . }}
{{- end }}"""
_NAMESPACES: Final = """\
{{- with .Values.namespaces }}
- name: SIMJOB_NAMESPACES
  value: {{ join "," . | quote }}
{{- end }}"""
_SETTINGS: Final = """\
{{- range $name, $value := .Values.settings }}
- name: SIMJOB_{{ $name | snakecase | upper }}
  value: {{ $value | toString | quote }}
{{- end }}"""
_PRIORITY: Final = """\
{{- with .Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}"""
# Fields of the pod that no kustomization sets.
_POD: Final = ("imagePullSecrets", "nodeSelector", "tolerations")


def defaults(base: Mapping[tuple[str, str], Object]) -> Object:
    """Return the values with which the chart renders what kustomize renders."""
    deployment = base[DEPLOYMENT]["spec"]
    (container,) = deployment["template"]["spec"]["containers"]
    repository, tag = container["image"].rsplit(":", 1)
    ports = base[NETWORK_POLICY]["spec"]["egress"][0]["ports"]
    return {
        "image": {"repository": repository, "tag": tag, "pullPolicy": container["imagePullPolicy"]},
        "replicas": deployment["replicas"],
        "resources": container["resources"],
        "networkPolicy": {"apiServerPorts": [port["port"] for port in ports]},
        "monitoring": {"kubeStateMetrics": _READER},
    }


def deployment(rendered: Rendered) -> str:
    """Write the Deployment; a component may add variables to it, and nothing else."""
    text, item = Text(), deepcopy(rendered.base[DEPLOYMENT])
    spec = item["spec"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    spec["replicas"] = text.value("{{ .Values.replicas }}")
    container["image"] = text.value(_IMAGE)
    container["imagePullPolicy"] = text.value("{{ .Values.image.pullPolicy }}")
    container["resources"] = text.value(_RESOURCES)
    for component, changed in rendered.changed(DEPLOYMENT).items():
        container["env"].append(text.lines(_if_set(component, _added(component, rendered.base[DEPLOYMENT], changed))))
    container["env"] += [text.lines(_NAMESPACES), text.lines(_SETTINGS)]
    for name in _POD:
        pod |= text.lines(_optional(name))
    pod |= text.lines(_PRIORITY)
    return text.write(in_release(item, text))


def network_policy(item: Object) -> str:
    """Write the NetworkPolicy with the ports of the API server."""
    text, found = Text(), deepcopy(item)
    found["spec"]["egress"][0]["ports"] = text.value(_PORTS)
    return text.write(in_release(found, text))


def for_kube_state_metrics(item: Object) -> str:
    """Write an object that lets kube-state-metrics read SimulationJobs."""
    text = Text()
    return text.write(_replaced(item, text, _ANOTHER_READER))


def in_namespace(item: Object) -> str:
    """Write an object of one of the namespaces that the operator serves."""
    text, found = Text(), deepcopy(item)
    found["metadata"]["namespace"] = text.value("{{ $namespace | quote }}")
    return text.write(in_release(found, text))


def plain(item: Object) -> str:
    """Write an object of which no value sets a field."""
    text = Text()
    return text.write(in_release(item, text))


def in_release(found: Any, text: Text) -> Any:
    """Return the object with the namespace of the release wherever it names that of the operator."""
    return _replaced(found, text, {SYSTEM: _NAMESPACE})


def _replaced(found: Any, text: Text, expressions: Mapping[str, str]) -> Any:
    if isinstance(found, dict):
        return {key: _replaced(value, text, expressions) for key, value in found.items()}
    if isinstance(found, list):
        return [_replaced(value, text, expressions) for value in found]
    return text.value(expressions[found]) if isinstance(found, str) and found in expressions else found


def _added(component: str, before: Object, after: Object) -> list[Object]:
    """Return the variables that a component adds to the Deployment."""
    known, found = _variables(before), _variables(after)
    if [*known, *found[len(known) :]] != found or _without_variables(before) != _without_variables(after):
        raise ValueError(f"the component {component} does more to the Deployment than to add variables")
    return found[len(known) :]


def _variables(deployment: Object) -> list[Object]:
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    found: list[Object] = container["env"]
    return found


def _without_variables(deployment: Object) -> Object:
    found = deepcopy(deployment)
    _variables(found).clear()
    return found


def _if_set(value: str, added: Iterable[Object]) -> str:
    lines = "".join(Text().write([variable]) for variable in added)
    return f"{{{{- if .Values.{value} }}}}\n{lines}{{{{- end }}}}"


def _optional(name: str) -> str:
    return f"{{{{- with .Values.{name} }}}}\n{name}:\n  {{{{- toYaml . | nindent INDENT+2 }}}}\n{{{{- end }}}}"
