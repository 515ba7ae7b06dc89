"""References such as $(PARAM_MESH) in a pod template that only the variables of a case can resolve.

The kubelet leaves a reference that it cannot resolve unchanged, so the simulation would get the text "$(PARAM_MEHS)".
https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from simjob.api import names
from simjob.api.podtemplate.containers import AnyContainer
from simjob.api.podtemplate.probes import ExecAction
from simjob.api.podtemplate.template import Template

# "$$" is an escaped dollar: no reference begins with its second one.
_REFERENCE: Final = re.compile(r"\$\$|\$\(([^)]*)\)")
# The kubelet sets such variables for each Service of the namespace.
_SERVICE_LINK: Final = re.compile(r"_SERVICE_(HOST|PORT)|_PORT_[0-9]+_(TCP|UDP|SCTP)")
_SHOWN: Final = 10

OF_EVERY_CASE: Final = (names.ENV_NAME, names.ENV_INDEX, names.ENV_CASE_NAME, names.ENV_PARAMETERS)


@dataclass(frozen=True, slots=True)
class Reference:
    """A variable that a field of the template refers to."""

    field: str
    variable: str


def to_cases(template: Template) -> tuple[Reference, ...]:
    """Return the references to PARAM_* and SIMJOB_* variables that a case must define, because nothing else does."""
    return tuple(
        reference
        for container, reference in _with_our_prefixes(template, _texts)
        if not _is_defined(reference.variable, container)
    )


def never_filled_in(template: Template) -> tuple[Reference, ...]:
    """Return the references to PARAM_* and SIMJOB_* variables in lifecycle commands: the kubelet expands none there."""
    return tuple(reference for _, reference in _with_our_prefixes(template, _handlers))


def filled_in(text: str, variables: Mapping[str, str]) -> str:
    """Return a text with references to these variables replaced by their values. The rest stays unchanged."""
    return _REFERENCE.sub(lambda found: variables.get(found[1], found[0]), text)


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """Return a text as the kubelet passes it to a process with these variables."""
    return _REFERENCE.sub(lambda found: "$" if found[0] == "$$" else variables.get(found[1], found[0]), text)


def count(text: str) -> int:
    """Return the number of references in a text."""
    return len(_variables(text))


def containers(template: Template) -> Iterator[tuple[str, AnyContainer]]:
    """Yield the containers and init containers of a template, each with its path."""
    groups = (("containers", template.spec.containers), ("initContainers", template.spec.init_containers or ()))
    for group, containers in groups:
        yield from ((f"spec.template.spec.{group}[{at}]", container) for at, container in enumerate(containers))


def arguments(container: AnyContainer) -> Iterator[tuple[str, str]]:
    """Yield the texts of `command` and `args`, each with its field."""
    yield from ((f"command[{at}]", text) for at, text in enumerate(container.command or ()))
    yield from ((f"args[{at}]", text) for at, text in enumerate(container.args or ()))


def suggestion(variable: str, known: Iterable[str]) -> str:
    """Return a suggestion for a variable that does not exist: the closest known name, or the list of names."""
    choices = sorted(known)
    # Compare without the common prefix, which would make any two short names similar.
    short = {name.removeprefix(names.ENV_PARAMETER_PREFIX): name for name in (*choices, *OF_EVERY_CASE)}
    if close := get_close_matches(variable.upper().removeprefix(names.ENV_PARAMETER_PREFIX), short, n=1):
        return f"did you mean $({short[close[0]]})?"
    if not choices:
        return "the cases have no parameters"
    more = f" and {len(choices) - _SHOWN} more" if len(choices) > _SHOWN else ""
    return f"the parameters are {', '.join(choices[:_SHOWN])}{more}"


def _with_our_prefixes(
    template: Template, texts: Callable[[AnyContainer], Iterable[tuple[str, str]]]
) -> Iterator[tuple[AnyContainer, Reference]]:
    """Yield the references to PARAM_* and SIMJOB_* variables in these texts of each container."""
    for where, container in containers(template):
        for field, text in texts(container):
            for variable in _variables(text):
                if variable.startswith((names.ENV_PARAMETER_PREFIX, names.ENV_PREFIX)):
                    yield container, Reference(f"{where}.{field}", variable)


def _texts(container: AnyContainer) -> Iterator[tuple[str, str]]:
    """Yield the texts in which the kubelet resolves references, each with its field."""
    yield from arguments(container)
    yield from ((f"env[{at}].value", variable.value or "") for at, variable in enumerate(container.env or ()))
    mounts = enumerate(container.volume_mounts or ())
    yield from ((f"volumeMounts[{at}].subPathExpr", mount.sub_path_expr or "") for at, mount in mounts)
    probes = (("startup", container.startup_probe), ("readiness", container.readiness_probe))
    for name, probe in (*probes, ("liveness", container.liveness_probe)):
        yield from _command(f"{name}Probe", probe.exec if probe else None)


def _handlers(container: AnyContainer) -> Iterator[tuple[str, str]]:
    if lifecycle := container.lifecycle:
        for name, handler in (("postStart", lifecycle.post_start), ("preStop", lifecycle.pre_stop)):
            yield from _command(f"lifecycle.{name}", handler.exec if handler else None)


def _command(field: str, action: ExecAction | None) -> Iterator[tuple[str, str]]:
    yield from ((f"{field}.exec.command[{at}]", text) for at, text in enumerate(action.command if action else ()))


def _variables(text: str) -> list[str]:
    return [found[1] for found in _REFERENCE.finditer(text) if found[1]]


def _is_defined(variable: str, container: AnyContainer) -> bool:
    """Return whether every case or the container itself defines the variable, or may define it."""
    if variable in OF_EVERY_CASE or any(own.name == variable for own in container.env or ()):
        return True
    if any(variable.startswith(source.prefix or "") for source in container.env_from or ()):
        return True
    return _SERVICE_LINK.search(variable) is not None
