"""The values of the chart: values.schema.json and values.yaml are made from these models."""

import json
import textwrap
from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo
from simjob.runtime.process.settings import Settings

# What a value of its own sets, the manifests decide, or would not fit the operator's permissions.
_NO_SETTINGS: Final = (
    "namespaces",
    "attribution",
    "leader_election",
    "lease_namespace",
    "lease_name",
    "identity",
    "health_host",
    "health_port",
)
_WIDTH: Final = 110

_Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
_Port = Annotated[int, Field(ge=1, le=65535)]
_Quantity = Annotated[str, StringConstraints(pattern=r"^[0-9.]+(m|k|Ki|[MGTPE]i?)?$")] | int | float


class _Part(BaseModel):
    """A mapping in which an unknown key is refused."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)


class Image(_Part):
    """The operator's image."""

    repository: str = Field(
        pattern=r"^[^\s:@]+(:\d+/[^\s:@]+)?$",
        description="Registry and name, without a tag. No image is published yet.",
    )
    tag: str = Field(pattern=r"^\w[\w.-]{0,127}$", description="The tag. Quote it if it looks like a number.")
    digest: str = Field(
        default="", pattern=r"^(sha256:[0-9a-f]{64})?$", description="Such as sha256:… Used in place of the tag if set."
    )
    pull_policy: Literal["Always", "IfNotPresent", "Never"] = Field(description="When the kubelet pulls the image.")


class Reference(_Part):
    """A reference to an object in the namespace of the release."""

    name: str = Field(min_length=1)


class Resources(_Part):
    """Requests and limits."""

    requests: dict[str, _Quantity] = Field(default={}, description="What the scheduler reserves.")
    limits: dict[str, _Quantity] = Field(
        default={}, description="A limit on CPU would slow down the cancel of a large job."
    )


class Crds(_Part):
    """The CustomResourceDefinition."""

    install: bool = Field(
        default=True,
        description="Whether this release installs, upgrades and rolls back the CRD. `helm uninstall` keeps it. If "
        "false, apply it yourself before each upgrade: kubectl apply --server-side -f crds/",
    )


class NetworkPolicy(_Part):
    """The NetworkPolicy of the operator."""

    enabled: bool = Field(default=True, description="Whether there is a NetworkPolicy.")
    api_server_ports: list[_Port] = Field(
        min_length=1,
        json_schema_extra={"uniqueItems": True},
        description="Ports on which the API server may be reached. Many network plugins look at the port where it "
        "listens: kubectl get endpointslices -l kubernetes.io/service-name=kubernetes",
    )


class KubeStateMetrics(_Part):
    """The kube-state-metrics of the cluster."""

    enabled: bool = Field(
        default=False,
        description="Whether kube-state-metrics may read SimulationJobs, and gets the ConfigMap "
        "simjob-kube-state-metrics to show them as metrics: docs/install.md",
    )
    namespace: _Name = Field(description="The namespace of kube-state-metrics.")
    service_account: str = Field(min_length=1, description="The ServiceAccount of kube-state-metrics.")


class Monitoring(_Part):
    """What reads the state of SimulationJobs. The operator itself serves no metrics."""

    kube_state_metrics: KubeStateMetrics


class Values(_Part):
    """Values of the simjob-operator chart."""

    image: Image
    image_pull_secrets: list[Reference] = Field(default=[], description="Secrets for a private registry: - name: NAME")
    replicas: int = Field(
        ge=0, description="One replica leads, the others follow the cluster and take over when its Lease expires."
    )
    resources: Resources = Field(description="Resources of each replica.")
    namespaces: list[_Name] = Field(
        default=[],
        json_schema_extra={"uniqueItems": True},
        description="Namespaces to serve. They must exist. The operator gets a Role in each and no ClusterRole. Empty: "
        "all namespaces, with a ClusterRole that is as powerful as cluster-admin.",
    )
    settings: dict[str, str | int | float] = Field(
        default={},
        description="Other settings of the operator, such as `workers: 32` or `logLevel: DEBUG`: the flags of "
        "`python -m simjob --help` in camel case.",
    )
    admission: bool = Field(
        default=True,
        description="The policies for submitting and cancelling. Without them, everybody who may create SimulationJobs "
        "can use every Secret and every ServiceAccount of the namespace.",
    )
    attribution: bool = Field(
        default=False, description="Record who submits and who cancels. Needs Kubernetes 1.36 or newer."
    )
    gitops: bool = Field(
        default=False,
        description="Accept a cancel that comes after the end, without effect and with a warning, instead of refusing "
        "it. For Flux and Argo CD: docs/gitops.md",
    )
    user_roles: bool = Field(
        default=True,
        description="The ClusterRoles simjob-viewer, simjob-canceller and simjob-editor. A cluster needs them once: in "
        "a second release, for other namespaces, set this, `admission` and `crds.install` to false.",
    )
    crds: Crds = Field(default=Crds())
    network_policy: NetworkPolicy
    monitoring: Monitoring
    node_selector: dict[str, str] = Field(default={}, description="Labels that a node of the operator must have.")
    tolerations: list[dict[str, Any]] = Field(default=[], description="Taints that the operator tolerates.")
    priority_class_name: str = Field(default="", description="PriorityClass of the operator's pods.")


def schema() -> str:
    """Return values.schema.json."""
    found = Values.model_json_schema(by_alias=True)
    found["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    found["properties"]["settings"] |= {"properties": _settings(), "additionalProperties": False}
    # Helm adds it to the values of a chart that is a dependency of another one.
    found["properties"]["global"] = {"type": "object"}
    return json.dumps(_without_titles(found), indent=2) + "\n"


def text(defaults: dict[str, Any]) -> str:
    """Return values.yaml, with these values where the models have no default."""
    head = "# Generated by tools/chart: `make generate`. values.schema.json refuses a value that is none of these.\n"
    return head + "".join(f"\n{lines}" for lines in _lines(Values, defaults))


def _settings() -> dict[str, Any]:
    known = Settings.model_json_schema()["properties"]
    return {to_camel(name): _bounds(known[name]) for name in Settings.model_fields if name not in _NO_SETTINGS}


def _bounds(setting: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in setting.items() if key not in ("default", "title")}


def _without_titles(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _without_titles(value) for key, value in node.items() if key != "title"}
    if isinstance(node, list):
        return [_without_titles(each) for each in node]
    return node


def _lines(model: type[BaseModel], defaults: dict[str, Any]) -> list[str]:
    """Return each value with its comment."""
    found = []
    for field in model.model_fields.values():
        name = str(field.alias)
        part = field.annotation
        if isinstance(part, type) and issubclass(part, _Part):
            below = "".join(_lines(part, defaults.get(name, {})))
            lines = f"{name}:\n{textwrap.indent(below, '  ')}"
        else:
            lines = yaml.safe_dump({name: defaults.get(name, field.default)}, sort_keys=False)
        found.append(_comment(field) + lines)
    return found


def _comment(field: FieldInfo) -> str:
    lines = textwrap.wrap(field.description or "", _WIDTH, break_on_hyphens=False, break_long_words=False)
    return "".join(f"# {line}\n" for line in lines)
