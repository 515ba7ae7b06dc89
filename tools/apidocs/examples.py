"""Examples for the page, each under the object that it is an example of: parts of a SimulationJob.

tests/docs/test_api.py holds them to the models and demands that every field is in one,
tests/integration/crd/test_examples.py holds them to the API server.
"""

from collections.abc import Iterator
from typing import Any, Final

import yaml

# The pod template has its own, tests/given/fulltemplate.py; that of a status is made by the operator's code.
EXAMPLES: Final = {
    "spec": """
spec:
  title: Mesh study of the wing
  description: Three meshes, two Reynolds numbers.
  type: simulate
  project: wing
  parentJob: wing-campaign
  cases: {count: 1000}
  subset: 0-9,17                     # these eleven only
  template:
    spec:
      containers: [{name: solver, image: "registry.example/solver:1.4"}]
  task: Batch
  parallelism: 50
  priorityClassName: overnight
  queueName: team-wing
  queuePriorityClassName: overnight  # Kueue's, beside that of the pods
  queueMaxExecTimeSeconds: 86400     # each case, a day
  ttlSecondsAfterFinished: 604800    # a week
---
spec:                                # later, by `kubectl patch --type=merge`
  suspend: true
---
spec:
  cancelCases: 3,10-19               # these; the others continue
---
spec:
  cancel: true                       # all: see cancel.md
  cancelReason: wrong mesh
""",
    "spec.cases": """
spec:
  cases: {count: 1000}               # SIMJOB_CASE_INDEX is 0 to 999 in the environment
""",
    "spec.cases.matrix[]": """
spec:
  cases:
    matrix:                          # 3 x 2 = 6 cases: coarse 100000, coarse 1000000, medium 100000 …
      - {name: mesh, values: [coarse, medium, fine]}
      - {name: re, values: [100000, 1000000]}
""",
    "spec.cases.list[]": """
spec:
  cases:
    list:
      - {name: baseline, parameters: {mesh: medium, re: 100000, steady: true, inlet: [1, 0]}}
      - {name: stall, parameters: {mesh: fine, re: 1000000, steady: false, inlet: [0.9, 0.4]}}
""",
    "spec.cases.samples": """
spec:
  cases:
    samples:
      method: Sobol
      size: 256
      seed: 1
      parameters:
        - {name: angle, min: -4, max: 12}
        - {name: re, min: 1.0e+5, max: 1.0e+7, scale: Log}
""",
    "spec.cases.configMap": """
spec:
  cases:
    configMap: {name: wing-cases, key: cases.csv}
""",
    "spec.rerunOf": """
spec:
  rerunOf: {name: wing, outcomes: [Cancelled]}
""",
    "spec.resources": """
spec:
  resources:
    cpu: "2"
    memory: 4Gi
    storage: 10Gi
""",
    "spec.resources.gpu": """
spec:
  resources:
    gpu: {count: 1, resourceName: nvidia.com/gpu, product: NVIDIA-A100-SXM4-80GB, memory: 40Gi}
""",
    "spec.retries": """
spec:
  retries: {limit: 2, maxDisruptions: 20, nonRetryableExitCodes: [2]}
""",
    "spec.timeouts": """
spec:
  timeouts: {assignSeconds: 600, startSeconds: 300, runSeconds: 7200, totalSeconds: 86400}
""",
    "spec.failurePolicy": """
spec:
  failurePolicy: {maxFailedCases: 5%, onExceeded: CancelRemaining}
""",
    "spec.history": """
spec:
  history: {succeededCases: 10, failedCases: 1000}
""",
}


def specs(path: str) -> Iterator[dict[str, Any]]:
    """Give the specs, or parts of one, that an example has."""
    for part in yaml.safe_load_all(EXAMPLES[path]):
        yield part["spec"]
