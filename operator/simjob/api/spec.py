"""What a user asks for: the spec of a SimulationJob."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import ConfigDict, Field, model_validator

from simjob.api.crd import rules
from simjob.api.podtemplate.template import Template
from simjob.api.policies import FailurePolicy, History, Retries, Timeouts
from simjob.api.resources import Resources
from simjob.api.schema import DNS_LABEL, INT32_MAX, LABEL_VALUE, Model, ObjectName, validated
from simjob.api.sweep.cases import Case, Cases
from simjob.api.sweep.ranges import CheckedRanges, SelectedRanges

DEFAULT_PARALLELISM: Final = 50


class Task(StrEnum):
    """Whether a case ends when its simulation does."""

    BATCH = "Batch"
    PERSISTENT = "Persistent"


class RerunOutcome(StrEnum):
    """Which cases of a finished job are run again."""

    FAILED = "Failed"
    CANCELLED = "Cancelled"


class RerunOf(Model):
    """The cases of a finished SimulationJob that ended so, with the same indexes, names and parameters."""

    name: Annotated[
        ObjectName, Field(description="The SimulationJob, in the same namespace. It may be deleted after the start.")
    ]
    outcomes: Annotated[
        tuple[RerunOutcome, ...],
        Field(
            min_length=1,
            max_length=2,
            description="Which of its cases: those that ended so.",
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
    ] = (RerunOutcome.FAILED, RerunOutcome.CANCELLED)


class Spec(Model):
    """What to run, how much of it at once, and whether to stop. Most of it cannot be changed later."""

    model_config = ConfigDict(json_schema_extra=validated(*rules.SPEC_RULES))

    title: Annotated[str | None, Field(max_length=256, description="A title for people.")] = None
    description: Annotated[str | None, Field(max_length=4096, description="A description for people.")] = None
    type: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=63,
            pattern=r"^[a-z]([a-z0-9_-]{0,61}[a-z0-9])?$",
            description="What kind of work it is, such as simulate, validation or optimize: at most 63 lower case "
            "letters, digits, dashes and underscores, with a letter or digit at the end; a label on Jobs and pods. "
            "Immutable.",
        ),
    ] = None
    project: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=63,
            pattern=LABEL_VALUE,
            description="The project that it belongs to: at most 63 letters, digits, dots, dashes and underscores; a "
            "label on Jobs and pods. Immutable.",
        ),
    ] = None
    parent_job: Annotated[
        ObjectName | None,
        Field(description="The SimulationJob, in the same namespace, that it belongs to; for people. Immutable."),
    ] = None
    cases: Annotated[
        Cases | None,
        Field(description="The cases: exactly one of `count`, `matrix`, `list`, `samples` and `configMap`. Immutable."),
    ] = None
    rerun_of: Annotated[
        RerunOf | None,
        Field(description="In place of `cases`: run what failed or was cancelled in another job. Immutable."),
    ] = None
    subset: Annotated[
        SelectedRanges | None,
        Field(
            description="Run these cases only: indexes and ranges with commas and no blanks, such as '0-9,17'. "
            "Immutable."
        ),
    ] = None
    template: Annotated[
        Template, Field(description="The pod that runs a case; its first container is the simulation. Immutable.")
    ]
    resources: Annotated[
        Resources | None,
        Field(description="What each case asks for; stands above the first container's own. Immutable."),
    ] = None
    task: Annotated[
        Task,
        Field(
            description="Batch: a case ends when its simulation does. Persistent: it is started again whenever it "
            "exits, until it is cancelled or a time-out ends it. Immutable."
        ),
    ] = Task.BATCH
    parallelism: Annotated[
        int,
        Field(
            ge=0,
            le=10_000,
            description="Cases that run at once, at most. May be changed at any time; 0 starts none and lets running "
            "ones finish.",
        ),
    ] = DEFAULT_PARALLELISM
    retries: Annotated[Retries, Field(description="How often a failed case runs again. Immutable.")] = Retries()
    timeouts: Annotated[
        Timeouts | None, Field(description="How long what may take, in seconds; no limit where absent.")
    ] = None
    failure_policy: Annotated[
        FailurePolicy, Field(description="How many cases may fail, and what happens when there are more.")
    ] = FailurePolicy()
    suspend: Annotated[
        bool, Field(description="Stop running cases, to run again later, and start none until it is false.")
    ] = False
    cancel: Annotated[
        bool | None,
        Field(
            description="Stop everything for good: taking it back changes nothing. Refused once the job is "
            "COMPLETED or FAILED."
        ),
    ] = None
    cancel_reason: Annotated[str | None, Field(max_length=1024, description="Why it is cancelled; kept in status.")] = (
        None
    )
    cancel_cases: Annotated[
        CheckedRanges | None,
        Field(
            description="Cancel these cases for good, and run the others; indexes and ranges with commas and no "
            "blanks, such as '3,10-19'. Taking it back changes nothing."
        ),
    ] = None
    priority_class_name: Annotated[
        ObjectName | None,
        Field(description="The PriorityClass of the pods; the cluster's default if absent. Immutable."),
    ] = None
    queue_name: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=63,
            pattern=DNS_LABEL,
            description="The Kueue LocalQueue, in the same namespace, that admits the Jobs. Immutable.",
        ),
    ] = None
    history: Annotated[History, Field(description="How many finished Jobs are kept for their logs.")] = History()
    ttl_seconds_after_finished: Annotated[
        int | None,
        Field(
            ge=0,
            le=INT32_MAX,
            description="Seconds after the end at which the SimulationJob and everything it owns are deleted. Kept if "
            "absent.",
        ),
    ] = None

    @model_validator(mode="after")
    def _says_what_to_run(self) -> "Spec":
        if (self.cases is None) == (self.rerun_of is None):
            raise ValueError(rules.CASES_OR_RERUN)
        return self

    def case(self, index: int) -> Case:
        """Give a case that the spec itself holds; LookupError for any other."""
        if self.cases is None:
            raise LookupError(f"case {index} is not in the spec: its cases are another job's")
        return self.cases.case(index)

    @property
    def needs_table(self) -> bool:
        """Whether the cases have to be written down before the first one runs."""
        return self.cases is None or self.cases.needs_table
