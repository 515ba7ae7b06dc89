"""Every string that the cluster sees: group, kinds, labels, annotations, reasons, codes.

They are in one file, so that dashboards, policies and the operator always use the same ones.
"""

from typing import Final

GROUP: Final = "simjob.dev"
VERSION: Final = "v1beta1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
KIND: Final = "SimulationJob"
PLURAL: Final = "simulationjobs"
SINGULAR: Final = "simulationjob"
SHORT_NAMES: Final = ("simjob", "sj")
CATEGORIES: Final = ("all", "simulation")

# https://kubernetes.io/docs/concepts/workloads/controllers/job/#delegation-of-managing-a-job-object-to-external-controller
MANAGED_BY: Final = f"{GROUP}/operator"
FIELD_MANAGER: Final = "simjob-operator"

LABEL_NAME: Final = f"{GROUP}/name"
LABEL_UID: Final = f"{GROUP}/uid"
LABEL_INDEX: Final = f"{GROUP}/index"
LABEL_RESTARTS: Final = f"{GROUP}/restarts"
LABEL_TYPE: Final = f"{GROUP}/type"
LABEL_PROJECT: Final = f"{GROUP}/project"
LABEL_ATTEMPT: Final = f"{GROUP}/attempt"
# https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/
LABEL_APP_MANAGED_BY: Final = "app.kubernetes.io/managed-by"
LABEL_APP_COMPONENT: Final = "app.kubernetes.io/component"
LABEL_APP_NAME: Final = "app.kubernetes.io/name"
# Set by the API server on a Job's template; the Job's selector matches it.
LABEL_JOB_UID: Final = "batch.kubernetes.io/controller-uid"

# On a Job: the number of the current attempt, the failures that count against retries.limit, the attempts lost in a
# row (all 0 if absent), and the earliest start of the attempt (RFC 3339; at once if absent).
# Also the number of disruptions, and what caused the last one.
ANNOTATION_ATTEMPT: Final = f"{GROUP}/attempt"
ANNOTATION_FAILED: Final = f"{GROUP}/failed"
ANNOTATION_LOST: Final = f"{GROUP}/lost-in-a-row"
ANNOTATION_NOT_BEFORE: Final = f"{GROUP}/not-before"
ANNOTATION_DISRUPTIONS: Final = f"{GROUP}/disruptions"
ANNOTATION_LAST_DISRUPTION: Final = f"{GROUP}/last-disruption"
# On a Job: the error code and message of the last failure, if the operator itself decided it; the seconds that all
# attempts ran.
ANNOTATION_ERROR_CODE: Final = f"{GROUP}/error-code"
ANNOTATION_ERROR_MESSAGE: Final = f"{GROUP}/error-message"
ANNOTATION_SECONDS: Final = f"{GROUP}/seconds"
# On a Job: how the last attempt ended, as JSON. Its pod may be gone before the next one starts.
ANNOTATION_LAST_ATTEMPT: Final = f"{GROUP}/last-attempt"
# On Jobs and pods: a copy of the label with the uid. A policy that rewrites labels does not change annotations.
ANNOTATION_UID: Final = f"{GROUP}/uid"
ANNOTATION_CASE: Final = f"{GROUP}/case"
# On a pod: names of the template's containers, separated by commas; the first is the simulation.
ANNOTATION_CONTAINERS: Final = f"{GROUP}/containers"
# On a ConfigMap: a hash of the cases of its SimulationJob and of what they run (core/children/configmapowner.py).
ANNOTATION_DIGEST: Final = f"{GROUP}/spec-digest"
# With the component `attribution` installed, only the API server writes it. The operator treats it as a cancel.
ANNOTATION_CANCEL_REQUESTED_BY: Final = f"{GROUP}/cancel-requested-by"
ANNOTATION_SUBMITTED_BY: Final = f"{GROUP}/submitted-by"
# https://argo-cd.readthedocs.io/en/stable/operator-manual/reconcile/
ANNOTATION_ARGO_IGNORE: Final = "argocd.argoproj.io/ignore-resource-updates"

ENV_NAME: Final = "SIMJOB_NAME"
ENV_INDEX: Final = "SIMJOB_CASE_INDEX"
ENV_CASE_NAME: Final = "SIMJOB_CASE_NAME"
ENV_PARAMETERS: Final = "SIMJOB_CASE_PARAMETERS"
ENV_PREFIX: Final = "SIMJOB_"
ENV_PARAMETER_PREFIX: Final = "PARAM_"

# https://kueue.sigs.k8s.io/docs/reference/labels-and-annotations/
KUEUE_GROUP: Final = "kueue.x-k8s.io"
KUEUE_WORKLOADS: Final = "workloads"
LABEL_QUEUE: Final = f"{KUEUE_GROUP}/queue-name"
LABEL_QUEUE_PRIORITY: Final = f"{KUEUE_GROUP}/priority-class"
LABEL_QUEUE_MAX_EXEC_TIME: Final = f"{KUEUE_GROUP}/max-exec-time-seconds"
# On a Workload: the uid of its Job.
LABEL_WORKLOAD_OF: Final = f"{KUEUE_GROUP}/job-uid"

# Keys in the data of the operator's ConfigMaps.
CASES_KEY: Final = "cases.jsonl"
RESULTS_KEY: Final = "results.jsonl"

# https://kubernetes.io/docs/concepts/architecture/garbage-collection/#orphaned-dependents
FINALIZER_ORPHAN: Final = "orphan"

# NVIDIA GPU feature discovery, https://github.com/NVIDIA/k8s-device-plugin/tree/main/docs/gpu-feature-discovery
GPU_RESOURCE: Final = "nvidia.com/gpu"
LABEL_GPU_PRODUCT: Final = "nvidia.com/gpu.product"
LABEL_GPU_MEMORY: Final = "nvidia.com/gpu.memory"


class Reason:
    """Reasons of phases, conditions and Events: one word each, for programs."""

    ACCEPTED: Final = "Accepted"
    PREPARING: Final = "PreparingCases"
    SOURCE_NOT_FOUND: Final = "CaseSourceNotFound"
    CASES_UNREADABLE: Final = "CasesUnreadable"
    TABLE_REFUSED: Final = "CaseTableRefused"
    RERUN_NOT_FOUND: Final = "RerunOfNotFound"
    RERUN_NOT_FINISHED: Final = "RerunOfNotFinished"
    RERUN_OF_ITSELF: Final = "RerunOfItself"
    NOTHING_TO_RUN: Final = "NothingToRun"
    STARTING: Final = "Starting"
    RUNNING: Final = "CasesRunning"
    RETRYING: Final = "WaitingToRetry"
    PAUSED: Final = "ParallelismIsZero"
    SUSPENDING: Final = "Suspending"
    SUSPENDED: Final = "Suspended"
    CANCEL_REQUESTED: Final = "CancelRequested"
    NOT_STOPPING: Final = "PodsNotStopping"
    CANCELLED: Final = "Cancelled"
    COMPLETED: Final = "AllCasesSucceeded"
    FINISHED: Final = "CasesFinished"
    CASES_FAILED: Final = "CasesFailed"
    TOO_MANY_CASES_FAILED: Final = "TooManyCasesFailed"
    TOTAL_TIMEOUT: Final = "TotalTimeout"
    INVALID_SPEC: Final = "InvalidSpec"
    UNREADABLE_SPEC: Final = "UnreadableSpec"
    CHILDREN_UNREADABLE: Final = "ChildrenUnreadable"
    OPERATOR_DEFECT: Final = "OperatorDefect"
    JOB_REFUSED: Final = "JobRefused"
    POD_REFUSED: Final = "PodRefused"
    API_UNAVAILABLE: Final = "APIUnavailable"
    UNSCHEDULABLE: Final = "Unschedulable"
    # Also the reason of a pod's condition PodScheduled: its scheduling gates keep the scheduler from it.
    SCHEDULING_GATED: Final = "SchedulingGated"
    IMAGE_PULL: Final = "ImagePullFailed"
    CONTAINER_WAITING: Final = "ContainerCannotStart"
    QUEUED: Final = "QueuedByKueue"
    EARLIER_POD: Final = "EarlierPodRuns"
    ATTEMPT_LOST: Final = "AttemptLost"
    JOB_LOST: Final = "JobLost"
    OFTEN_DISRUPTED: Final = "OftenDisrupted"
    RESULTS_REFUSED: Final = "ResultsRefused"
    ADOPTION_REFUSED: Final = "AdoptionRefused"
    RESULTS_TRUNCATED: Final = "ResultsTruncated"
    DEADLINE_REFUSED: Final = "DeadlineRefused"
    HISTORY_REMOVED: Final = "HistoryRemoved"
    STATUS_REFUSED: Final = "StatusRefused"
    UNKNOWN_CASES: Final = "UnknownCases"
    CANCEL_TOO_LATE: Final = "CancelTooLate"
    # Reasons of a Job's condition Failed; the first three are also used by the Job controller. A kubelet also writes
    # the second into a pod that it ended: kubernetes/kubernetes:pkg/kubelet/active_deadline.go.
    BACKOFF_LIMIT: Final = "BackoffLimitExceeded"
    DEADLINE_EXCEEDED: Final = "DeadlineExceeded"
    POD_FAILURE_POLICY: Final = "PodFailurePolicy"
    LOST: Final = "Lost"
    DISRUPTED: Final = "Disrupted"


class ErrorCode:
    """Codes for programs, in `status.errorCode` and `status.failures`."""

    SUBMISSION_FAILED: Final = "SUBMISSION_FAILED"
    CASES_FAILED: Final = "CASES_FAILED"
    INVALID_SPEC: Final = "INVALID_SPEC"
    CASE_FAILED: Final = "CASE_FAILED"
    LOST: Final = "LOST"
    DISRUPTED: Final = "DISRUPTED"
    ASSIGN_TIMEOUT: Final = "ASSIGN_TIMEOUT"
    START_TIMEOUT: Final = "START_TIMEOUT"
    EXECUTION_TIMEOUT: Final = "EXECUTION_TIMEOUT"
    TOTAL_TIMEOUT: Final = "TOTAL_TIMEOUT"
