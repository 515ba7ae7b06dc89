"""A pod template that uses every field of the allow-list, each in a way that a pod may."""

from typing import Any

_SECURITY: dict[str, Any] = {
    "runAsUser": 1000,
    "runAsGroup": 1000,
    "runAsNonRoot": True,
    "readOnlyRootFilesystem": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "Localhost", "localhostProfile": "solver.json"},
}
FULL_INIT_CONTAINER: dict[str, Any] = {
    "name": "fetch",
    "image": "registry.example/fetch:1",
    "imagePullPolicy": "Always",
    "command": ["fetch"],
    "args": ["$(PARAM_MESH)"],
    "workingDir": "/data",
    "env": [{"name": "SERVER", "value": "https://meshes.example"}],
    "envFrom": [{"configMapRef": {"name": "config"}}],
    "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    "resources": {"requests": {"memory": "64Mi"}},
    "securityContext": _SECURITY,
}
_STARTED: dict[str, Any] = {"httpGet": {"path": "/", "port": 8080, "scheme": "HTTP"}, "failureThreshold": 30}
_READY: dict[str, Any] = {"tcpSocket": {"port": 8080}, "periodSeconds": 5, "successThreshold": 2}
_ALIVE: dict[str, Any] = {"exec": {"command": ["alive"]}, "initialDelaySeconds": 10, "timeoutSeconds": 1}
FULL_SIDECAR: dict[str, Any] = {
    **FULL_INIT_CONTAINER,
    "name": "tunnel",
    "restartPolicy": "Always",
    "ports": [{"containerPort": 27000, "name": "tunnel", "protocol": "TCP"}],
    "lifecycle": {"postStart": {"exec": {"command": ["open"]}}, "preStop": {"sleep": {"seconds": 5}}},
    "startupProbe": _STARTED,
    "readinessProbe": _READY,
    "livenessProbe": _ALIVE,
}
FULL_CONTAINER: dict[str, Any] = {
    "name": "simulation",
    "image": "registry.example/solver:1.4",
    "imagePullPolicy": "IfNotPresent",
    "command": ["solve"],
    "args": ["--mesh", "$(PARAM_MESH)"],
    "workingDir": "/work",
    "env": [
        {"name": "OMP_NUM_THREADS", "value": "2"},
        {"name": "POD", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}},
        {
            "name": "MEMORY_MIB",
            "valueFrom": {
                "resourceFieldRef": {"containerName": "simulation", "resource": "limits.memory", "divisor": "1Mi"}
            },
        },
        {"name": "LICENSE", "valueFrom": {"secretKeyRef": {"name": "license", "key": "key", "optional": False}}},
        {"name": "SOLVER", "valueFrom": {"configMapKeyRef": {"name": "config", "key": "solver"}}},
    ],
    "envFrom": [{"prefix": "X_", "configMapRef": {"name": "config", "optional": True}}, {"secretRef": {"name": "s"}}],
    "ports": [{"containerPort": 8080, "name": "http", "protocol": "TCP"}],
    "volumeMounts": [
        {"name": "data", "mountPath": "/data", "subPath": "mesh", "readOnly": True},
        {"name": "scratch", "mountPath": "/work", "subPathExpr": "$(POD)"},
    ],
    "resources": {
        "requests": {"cpu": 1, "memory": "1Gi"},
        "limits": {"memory": "1Gi"},
        "claims": [{"name": "gpu", "request": "gpu"}],
    },
    "securityContext": _SECURITY,
    "terminationMessagePath": "/work/result.json",
    "terminationMessagePolicy": "FallbackToLogsOnError",
    "lifecycle": {"postStart": {"sleep": {"seconds": 1}}, "preStop": {"exec": {"command": ["checkpoint"]}}},
    "startupProbe": _STARTED,
    "readinessProbe": _READY,
    "livenessProbe": _ALIVE,
}
_SIDECAR: dict[str, Any] = {
    "name": "monitor",
    "image": "registry.example/monitor:1",
    "lifecycle": {"postStart": {"exec": {"command": ["register"]}}, "preStop": {"sleep": {"seconds": 5}}},
}
_ARCHITECTURE: dict[str, Any] = {"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]}
_VOLUMES: list[dict[str, Any]] = [
    {"name": "data", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}},
    {
        "name": "config",
        "configMap": {
            "name": "config",
            "items": [{"key": "solver", "path": "solver.ini", "mode": 0o400}],
            "defaultMode": 0o440,
            "optional": True,
        },
    },
    {
        "name": "license",
        "secret": {
            "secretName": "license",
            "items": [{"key": "key", "path": "license.key"}],
            "defaultMode": 0o400,
            "optional": True,
        },
    },
    {"name": "input", "persistentVolumeClaim": {"claimName": "input", "readOnly": True}},
    {
        "name": "pod",
        "downwardAPI": {
            "items": [
                {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}, "mode": 0o444},
                {
                    "path": "memory",
                    "resourceFieldRef": {"containerName": "simulation", "resource": "limits.memory"},
                },
            ],
            "defaultMode": 0o444,
        },
    },
    {
        "name": "scratch",
        "ephemeral": {
            "volumeClaimTemplate": {
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
            }
        },
    },
    {
        "name": "driver",
        "csi": {
            "driver": "files.csi.example",
            "readOnly": True,
            "fsType": "ext4",
            "volumeAttributes": {"share": "meshes"},
            "nodePublishSecretRef": {"name": "files"},
        },
    },
    {"name": "mesh", "image": {"reference": "registry.example/mesh:1", "pullPolicy": "Always"}},
]
FULL_SPEC: dict[str, Any] = {
    "containers": [FULL_CONTAINER, _SIDECAR],
    "initContainers": [FULL_INIT_CONTAINER, FULL_SIDECAR],
    "volumes": _VOLUMES,
    "imagePullSecrets": [{"name": "registry"}],
    "restartPolicy": "Never",
    "nodeSelector": {"disk": "fast"},
    "affinity": {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [_ARCHITECTURE]}]
            }
        }
    },
    "tolerations": [
        {"key": "gpu", "operator": "Exists", "effect": "NoSchedule"},
        {"key": "spot", "operator": "Equal", "value": "yes", "effect": "NoExecute", "tolerationSeconds": 60},
    ],
    "topologySpreadConstraints": [
        {
            "maxSkew": 1,
            "topologyKey": "topology.kubernetes.io/zone",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {"team": "wing"}},
        }
    ],
    "serviceAccountName": "solver",
    "automountServiceAccountToken": True,
    "securityContext": {
        "runAsUser": 1000,
        "runAsGroup": 1000,
        "runAsNonRoot": True,
        "fsGroup": 1000,
        "fsGroupChangePolicy": "OnRootMismatch",
        "supplementalGroups": [5],
        "seccompProfile": {"type": "RuntimeDefault"},
    },
    "terminationGracePeriodSeconds": 30,
    "runtimeClassName": "nvidia",
    "schedulerName": "volcano",
    "dnsPolicy": "None",
    "dnsConfig": {"nameservers": ["1.1.1.1"], "searches": ["example"], "options": [{"name": "ndots", "value": "1"}]},
    "shareProcessNamespace": True,
    "resourceClaims": [{"name": "gpu", "resourceClaimTemplateName": "gpu"}],
    "enableServiceLinks": False,
}
FULL_TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": {"team": "wing"}, "annotations": {"example.org/note": "night run"}},
    "spec": FULL_SPEC,
}
