"""The spec of a SimulationJob: what a user asks for."""

from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import ConfigDict, Field, model_validator

from simjob.api.crd import rules
from simjob.api.podtemplate.template import Template
from simjob.api.policies import FailurePolicy, History, Retries, Timeouts
from simjob.api.resources import Resources
from simjob.api.schema import DNS_LABEL, INT32_MAX, LABEL_VALUE, OBJECT_NAME, Model, ObjectName, validated
from simjob.api.sweep.cases import Case, Cases
from simjob.api.sweep.ranges import CheckedRanges, SelectedRanges

DEFAULT_PARALLELISM: Final = 50


class Task(StrEnum):
    """Whether a case ends when its simulation exits."""

    BATCH = "Batch"
    PERSISTENT = "Persistent"


class RerunOutcome(StrEnum):
    """An outcome whose cases run again."""

    FAILED = "Failed"
    CANCELLED = "Cancelled"


class RerunOf(Model):
    """Cases of a finished SimulationJob, selected by outcome. They keep their indexes, names and parameters."""

    name: Annotated[
        ObjectName,
        Field(
            description="Name of the finished SimulationJob, in the same namespace. It may be deleted once this job "
            "has started."
        ),
    ]
    outcomes: Annotated[
        tuple[RerunOutcome, ...],
        Field(
            min_length=1,
            max_length=2,
            description="Outcomes of the cases to run again.",
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
    ] = (RerunOutcome.FAILED, RerunOutcome.CANCELLED)


class Spec(Model):
    """What to run, how many cases at once, and whether to stop. Most fields are immutable."""

    model_config = ConfigDict(json_schema_extra=validated(*rules.SPEC_RULES))

    title: Annotated[str | None, Field(max_length=256, description="Title of the job. For information only.")] = None
    description: Annotated[
        str | None, Field(max_length=4096, description="Description of the job. For information only.")
    ] = None
    type: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=63,
            pattern=r"^[a-z]([a-z0-9_-]{0,61}[a-z0-9])?$",
            description="Kind of work, such as simulate, validation or optimize. Becomes a label of the Jobs and pods. "
            "At most 63 lower case letters, digits, dashes and underscores; begins with a letter, and ends with a "
            "letter or digit. Immutable.",
        ),
    ] = None
    project: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=63,
            pattern=LABEL_VALUE,
            description="Project of the job. Becomes a label of the Jobs and pods. At most 63 letters, digits, dots, "
            "dashes and underscores; begins and ends with a letter or digit. Immutable.",
        ),
    ] = None
    parent_job: Annotated[
        ObjectName | None,
        Field(
            description="Name of the SimulationJob, in the same namespace, that this one belongs to. For information "
            "only: the operator does nothing with it. Immutable."
        ),
    ] = None
    cases: Annotated[
        Cases | None,
        Field(
            description="Cases of the sweep: exactly one of `count`, `matrix`, `list`, `samples` and `configMap`. "
            "Either `cases` or `rerunOf` is required. Immutable."
        ),
    ] = None
    rerun_of: Annotated[
        RerunOf | None,
        Field(
            description="Failed and cancelled cases of another job, to run again. Used in place of `cases`. Immutable."
        ),
    ] = None
    subset: Annotated[
        SelectedRanges | None,
        Field(
            description="Indexes of the cases to run, such as '0-9,17': indexes and ranges, separated by commas "
            "without blanks. All cases if absent. Immutable."
        ),
    ] = None
    template: Annotated[
        Template,
        Field(description="Template of the pod that runs a case. Its first container is the simulation. Immutable."),
    ]
    resources: Annotated[
        Resources | None,
        Field(
            description="Resources of each case. These values replace those of the template's first container. "
            "Immutable."
        ),
    ] = None
    task: Annotated[
        Task,
        Field(
            description="Batch: a case ends when its simulation exits. Persistent: the simulation is started again "
            "each time it exits, until the case is cancelled or times out. Immutable."
        ),
    ] = Task.BATCH
    parallelism: Annotated[
        int,
        Field(
            ge=0,
            le=10_000,
            description="Maximum number of cases that run at once. May be changed at any time. 0 starts no further "
            "case; running cases continue.",
        ),
    ] = DEFAULT_PARALLELISM
    retries: Annotated[Retries, Field(description="How often a failed case is retried. Immutable.")] = Retries()
    timeouts: Annotated[
        Timeouts | None, Field(description="Time limits in seconds. No limit where a field is absent.")
    ] = None
    failure_policy: Annotated[
        FailurePolicy, Field(description="How many cases may fail, and what happens when more fail.")
    ] = FailurePolicy()
    suspend: Annotated[
        bool,
        Field(
            description="If true, running cases are stopped and no case starts. Once it is false again, the stopped "
            "cases run from their beginning."
        ),
    ] = False
    cancel: Annotated[
        bool | None,
        Field(
            description="If true, the whole job is stopped for good. It cannot be undone: setting it back to false "
            "changes nothing. It has no effect once the job is COMPLETED or FAILED, and the policy simjob-late-cancel "
            "refuses it then."
        ),
    ] = None
    cancel_reason: Annotated[
        str | None,
        Field(max_length=1024, description="Reason for the cancel, in your words. Copied to `status.cancellation`."),
    ] = None
    cancel_cases: Annotated[
        CheckedRanges | None,
        Field(
            description="Indexes of cases to cancel for good, such as '3,10-19': indexes and ranges, separated by "
            "commas without blanks. The other cases run on. It cannot be undone: removing an index changes nothing."
        ),
    ] = None
    priority_class_name: Annotated[
        ObjectName | None,
        Field(description="PriorityClass of the pods. The cluster's default if absent. Immutable."),
    ] = None
    queue_name: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=63,
            pattern=DNS_LABEL,
            description="Name of the Kueue LocalQueue, in the same namespace, that admits the Jobs. Without Kueue if "
            "absent. Immutable.",
        ),
    ] = None
    queue_priority_class_name: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=63,
            pattern=OBJECT_NAME,
            description="Name of the Kueue WorkloadPriorityClass by which the queue orders and preempts the cases. It "
            "does not change the priority of the pods. If absent, the queue uses the priority of the pods. Needs "
            "`queueName`. Immutable.",
        ),
    ] = None
    queue_max_exec_time_seconds: Annotated[
        int | None,
        Field(
            ge=1,
            le=INT32_MAX,
            description="Seconds that Kueue admits a case for, over all its admissions. After that Kueue deactivates "
            "it: its pod is stopped, and the case waits until somebody activates its Workload again. It does not fail; "
            "`timeouts.runSeconds` makes a case fail. No limit if absent. Needs `queueName`. Immutable.",
        ),
    ] = None
    history: Annotated[History, Field(description="How many finished Jobs are kept for their logs.")] = History()
    ttl_seconds_after_finished: Annotated[
        int | None,
        Field(
            ge=0,
            le=INT32_MAX,
            description="Seconds after the end at which the SimulationJob and everything it owns are deleted. Never "
            "deleted if absent. Leave it out under GitOps: what is deleted and is still in Git is created again, and "
            "runs again, without end.",
        ),
    ] = None

    @model_validator(mode="after")
    def _says_what_to_run(self) -> Self:
        if (self.cases is None) == (self.rerun_of is None):
            raise ValueError(rules.CASES_OR_RERUN)
        return self

    @model_validator(mode="after")
    def _names_a_queue(self) -> "Spec":
        if self.queue_name is None and (self.queue_priority_class_name or self.queue_max_exec_time_seconds):
            raise ValueError(rules.NEEDS_QUEUE)
        return self

    def case(self, index: int) -> Case:
        """Return a case that the spec itself holds. Raise LookupError for any other case."""
        if self.cases is None:
            raise LookupError(f"case {index} is not in the spec: with rerunOf, the cases are those of another job")
        return self.cases.case(index)

    @property
    def needs_table(self) -> bool:
        """Whether the cases must be copied to the operator's case table before the first one runs."""
        return self.cases is None or self.cases.needs_table
