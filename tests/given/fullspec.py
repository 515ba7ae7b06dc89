"""Valid specs that together use every field of a SimulationJob at every path where the CRD has it.

One spec for each way to say which cases there are. Their template is that of tests/given/fulltemplate.py, which has
each field once, and containers for the paths that it leaves out: three kinds of probe, three ways to probe.
"""

from typing import Any, Final

from given.fulltemplate import FULL_CONTAINER, FULL_INIT_CONTAINER, FULL_SPEC, FULL_TEMPLATE

_Dict = dict[str, Any]

_EXEC: Final = {"exec": {"command": ["alive", "--quick"]}}
_HTTP: Final = {"httpGet": {"path": "/health", "port": 8080, "scheme": "HTTPS"}}
_TCP: Final = {"tcpSocket": {"port": 8081}}


def _probed(name: str, startup: _Dict, readiness: _Dict, liveness: _Dict) -> _Dict:
    times = {
        "initialDelaySeconds": 3,
        "periodSeconds": 5,
        "timeoutSeconds": 2,
        "successThreshold": 1,
        "failureThreshold": 30,
    }
    probes = {"startupProbe": startup, "readinessProbe": readiness, "livenessProbe": liveness}
    return {"name": name, "image": "none", **{kind: {**probe, **times} for kind, probe in probes.items()}}


_REFERRING: Final = {
    "env": [
        *FULL_CONTAINER["env"],
        {"name": "MAYBE", "valueFrom": {"configMapKeyRef": {"name": "config", "key": "key", "optional": True}}},
    ],
    "envFrom": [*FULL_CONTAINER["envFrom"], {"secretRef": {"name": "perhaps", "optional": True}}],
}
_FILES: Final = [
    {"path": "name", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}},
    {
        "path": "gigabytes",
        "resourceFieldRef": {"containerName": "simulation", "resource": "limits.memory", "divisor": "1Gi"},
    },
]
_SPEC: Final[_Dict] = {
    **FULL_SPEC,
    "containers": [
        *FULL_SPEC["containers"],
        {"name": "referring", "image": "none", **_REFERRING},
        _probed("first", _HTTP, _TCP, _EXEC),
        _probed("second", _TCP, _EXEC, _HTTP),
        _probed("third", _EXEC, _HTTP, _TCP),
    ],
    "initContainers": [
        *FULL_SPEC["initContainers"],
        {key: {**FULL_CONTAINER, **_REFERRING, "name": "prepare"}[key] for key in FULL_INIT_CONTAINER},
        {**_probed("fourth", _HTTP, _TCP, _EXEC), "restartPolicy": "Always", "lifecycle": FULL_CONTAINER["lifecycle"]},
        {**_probed("fifth", _TCP, _EXEC, _HTTP), "restartPolicy": "Always"},
        {**_probed("sixth", _EXEC, _HTTP, _TCP), "restartPolicy": "Always"},
    ],
    "volumes": [
        *FULL_SPEC["volumes"],
        {"name": "key", "secret": {"secretName": "license", "items": [{"key": "key", "path": "k", "mode": 0o400}]}},
        {"name": "more", "downwardAPI": {"items": _FILES}},
    ],
    "securityContext": {
        **FULL_SPEC["securityContext"],
        "seccompProfile": {"type": "Localhost", "localhostProfile": "pod.json"},
    },
}
TEMPLATE: Final[_Dict] = {**FULL_TEMPLATE, "spec": _SPEC}

_CASE_SOURCES: Final[tuple[_Dict, ...]] = (
    {"count": 20},
    {"matrix": [{"name": "mesh", "values": ["coarse", "fine"]}, {"name": "reynolds", "values": [1, 2.5]}]},
    {"list": [{"name": "first", "parameters": {"mesh": "coarse"}}, {"name": "second", "parameters": {"mesh": "fine"}}]},
    {
        "samples": {
            "method": "Sobol",
            "size": 64,
            "seed": 7,
            "parameters": [
                {"name": "mesh", "min": 0.1, "max": 10, "scale": "Log"},
                {"name": "angle", "min": -5.5, "max": 5.5, "scale": "Linear"},
            ],
        }
    },
    {"configMap": {"name": "cases", "key": "cases.csv"}},
)

_REST: Final[_Dict] = {
    "title": "Wing",
    "description": "First try.",
    "type": "simulate",
    "project": "wing",
    "parentJob": "campaign",
    "subset": "0-9,17",
    "template": TEMPLATE,
    "resources": {
        "cpu": "2",
        "memory": "8Gi",
        "storage": "10Gi",
        "gpu": {"count": 2, "resourceName": "nvidia.com/gpu", "product": "A100", "memory": "40Gi"},
    },
    "task": "Batch",
    "parallelism": 7,
    "retries": {"limit": 2, "maxDisruptions": 5, "nonRetryableExitCodes": [2, 126]},
    "timeouts": {"assignSeconds": 600, "startSeconds": 900, "runSeconds": 3600, "totalSeconds": 86400},
    "failurePolicy": {"maxFailedCases": "5%", "onExceeded": "CancelRemaining"},
    "suspend": True,
    "cancel": False,
    "cancelReason": "wrong mesh",
    "cancelCases": "3,5-7",
    "priorityClassName": "urgent",
    "queueName": "simulations",
    "queuePriorityClassName": "urgent",
    "queueMaxExecTimeSeconds": 7200,
    "history": {"succeededCases": 5, "failedCases": 6},
    "ttlSecondsAfterFinished": 604800,
}

FULL_SPECS: Final[tuple[_Dict, ...]] = (
    *({**_REST, "cases": source} for source in _CASE_SOURCES),
    {**_REST, "rerunOf": {"name": "yesterday", "outcomes": ["Failed", "Cancelled"]}},
)

# Another valid value for every part of the spec that can or cannot be changed by itself.
OTHERS: Final[_Dict] = {
    "spec.title": "Tail",
    "spec.description": "Second try.",
    "spec.type": "optimize",
    "spec.project": "tail",
    "spec.parentJob": "other-campaign",
    "spec.cases": {"count": 21},
    "spec.rerunOf": {"name": "last-week", "outcomes": ["Failed"]},
    "spec.subset": "0-8,17",
    "spec.template": FULL_TEMPLATE,
    "spec.resources": {"cpu": "1"},
    "spec.task": "Persistent",
    "spec.parallelism": 8,
    "spec.retries": {"limit": 2, "nonRetryableExitCodes": [2]},
    "spec.timeouts.assignSeconds": 601,
    "spec.timeouts.startSeconds": 901,
    "spec.timeouts.runSeconds": 3601,
    "spec.timeouts.totalSeconds": 86401,
    "spec.failurePolicy": {"maxFailedCases": 3, "onExceeded": "Continue"},
    "spec.suspend": False,
    "spec.cancel": True,
    "spec.cancelReason": "wrong solver",
    "spec.cancelCases": "4",
    "spec.priorityClassName": "overnight",
    "spec.queueName": "others",
    "spec.queuePriorityClassName": "overnight",
    "spec.queueMaxExecTimeSeconds": 7201,
    "spec.history": {"succeededCases": 6, "failedCases": 6},
    "spec.ttlSecondsAfterFinished": 3600,
}
