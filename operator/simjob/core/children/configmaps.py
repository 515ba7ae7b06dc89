"""The operator's ConfigMaps as JSON. Each holds a part of a table, and is deleted with its SimulationJob."""

import msgspec

from simjob.api import names
from simjob.api.simulationjob import SimulationJob
from simjob.core.children import childmetadata, configmapowner


def render(job: SimulationJob, name: str, component: str, key: str, text: str, *, immutable: bool) -> bytes:
    """Return the JSON of a ConfigMap with `text` under `key`. `component`, such as "results", becomes a label."""
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name,
            "namespace": job.metadata.namespace,
            "labels": childmetadata.labels(job, component),
            "annotations": {names.ANNOTATION_DIGEST: configmapowner.digest(job)},
            "ownerReferences": [childmetadata.owned_by(job)],
        },
        "data": {key: text},
    }
    return msgspec.json.encode(body | ({"immutable": True} if immutable else {}))
