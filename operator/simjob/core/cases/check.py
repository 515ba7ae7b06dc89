"""Checks of the cases before the first one starts, such as references to unknown parameters and too long variables."""

from collections.abc import Iterable, Sequence
from itertools import islice

from simjob.api.podtemplate.template import Template
from simjob.api.simulationjob import SimulationJob
from simjob.api.sweep import cases
from simjob.api.sweep.cases import Axis, Case, Cases
from simjob.api.sweep.ranges import Ranges
from simjob.api.sweep.values import Value, as_text
from simjob.core.cases import misread
from simjob.core.children import arguments, environment, references
from simjob.core.children.references import Reference


class CaseCheck:
    """Checks the cases of a job one by one. `complaint` has the first problem after all cases were looked at."""

    def __init__(self, job: SimulationJob) -> None:
        self._job = job
        self._references = references.to_cases(job.spec.template)
        self._room = arguments.room(job.spec.template)
        self._known: set[str] = set()
        self._lacking: dict[str, Case] = {}
        self._parameters: tuple[str, ...] | None = None
        self._variables: frozenset[str] = frozenset()
        # Final once it is set, while a parameter that a reference needs may still occur in a later case.
        self.unstartable = _in_template(job.spec.template) or ""

    def look(self, case: Case) -> None:
        """Check one case. Cases outside `subset` never run, and are not checked."""
        subset = self._job.spec.subset
        if subset is not None and case.index not in subset:
            return
        if self._references:
            self._look_for_references(case)
        if not self.unstartable and self.is_suspicious([*case.parameters.values(), *case.texts.values()]):
            variables = environment.variables(self._job.metadata.name, case)
            wrong = environment.problem(variables) or arguments.problem(self._job.spec.template, variables)
            self.unstartable = f"{_called(case)}: {wrong}" if wrong else ""

    def is_suspicious(self, values: Sequence[Value]) -> bool:
        """Return whether these values of a case need a full check. This is fast, because most do not."""
        size = environment.bound(len(values), sum(_length(value) for value in values))
        return size > self._room or any(_has_nul(value) for value in values)

    @property
    def complaint(self) -> str | None:
        """Return what is wrong and what to do, for the user; None if nothing is wrong."""
        if self.unstartable:
            return self.unstartable
        return next((text for reference in self._references if (text := self._unresolved(reference))), None)

    def _look_for_references(self, case: Case) -> None:
        parameters = tuple(case.parameters)
        # The cases of a table usually have the same parameters.
        if parameters != self._parameters:
            self._parameters = parameters
            self._variables = frozenset(map(cases.environment_name, parameters))
            self._known |= self._variables
        for reference in self._references:
            if reference.variable not in self._variables:
                self._lacking.setdefault(reference.variable, case)

    def _unresolved(self, reference: Reference) -> str | None:
        lacking = self._lacking.get(reference.variable)
        if lacking is None:
            return None
        where = f"`{reference.field}` refers to $({reference.variable})"
        if reference.variable in self._known:
            return f"{where}, but {_called(lacking)} has no such parameter: each case that runs needs it"
        return f"{where}, but no case has such a parameter: {references.suggestion(reference.variable, self._known)}"


def complaint_about(job: SimulationJob) -> str | None:
    """Return what is wrong with the cases that the spec itself holds; None if nothing is wrong."""
    if job.spec.cases is None:
        return None
    if wrong := misread.complaint(job.spec.cases):
        return wrong
    if job.spec.needs_table:
        return None
    check = CaseCheck(job)
    for index in _representative(job.spec.cases, job.selection, check):
        check.look(job.spec.cases.case(index))
    return check.complaint


def _in_template(template: Template) -> str | None:
    """Return what is wrong in the template for any cases; None if nothing is wrong."""
    for where, container in references.containers(template):
        given = {variable.name: variable.value or "" for variable in container.env or ()}
        if wrong := environment.problem(given):
            return f"`{where}`: {wrong}"
    for reference in references.never_filled_in(template):
        return (
            f"`{reference.field}` refers to $({reference.variable}), but Kubernetes does not replace variables there: "
            f"use a shell, which reads ${reference.variable}"
        )
    return None


def _representative(found: Cases, selection: Ranges, check: CaseCheck) -> Iterable[int]:
    """Return the indexes of the cases to check: all, or only the first if the others cannot differ in the result."""
    if found.list is not None or (found.matrix is not None and not _is_harmless(found.matrix, check)):
        return selection
    return islice(selection, 1)


def _is_harmless(matrix: Iterable[Axis], check: CaseCheck) -> bool:
    """Return whether no combination can be too long. It does not build them: there can be 100,000."""
    longest = [max(axis.values, key=_length) for axis in matrix]
    return not check.is_suspicious(longest) and not any(_has_nul(value) for axis in matrix for value in axis.values)


def _length(value: Value) -> int:
    return len(value) if isinstance(value, str) else len(as_text(value))


def _has_nul(value: Value) -> bool:
    return isinstance(value, str) and "\0" in value


def _called(case: Case) -> str:
    return f"case {case.index}" if case.name == str(case.index) else f'case {case.index} "{case.name}"'
