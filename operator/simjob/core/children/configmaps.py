"""The operator's ConfigMaps as JSON. Each holds a part of a table, and is deleted with its SimulationJob."""

import msgspec

from simjob.api import names
from simjob.api.simulationjob import SimulationJob
from simjob.core.children import configmapowner, jobandpod


def render(job: SimulationJob, name: str, component: str, key: str, text: str, *, immutable: bool) -> bytes:
    """Return the JSON of a ConfigMap with `text` under `key`. `component`, such as "results", becomes a label."""
    meta = job.metadata
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name,
            "namespace": meta.namespace,
            "labels": {
                names.LABEL_NAME: jobandpod.name_label(meta.name),
                names.LABEL_UID: meta.uid,
                names.LABEL_APP_NAME: "simulation",
                names.LABEL_APP_COMPONENT: component,
                names.LABEL_APP_MANAGED_BY: names.FIELD_MANAGER,
            },
            "annotations": {names.ANNOTATION_DIGEST: configmapowner.digest(job)},
            "ownerReferences": [jobandpod.owner(names.API_VERSION, names.KIND, meta.name, meta.uid)],
        },
        "data": {key: text},
    }
    return msgspec.json.encode(body | ({"immutable": True} if immutable else {}))
