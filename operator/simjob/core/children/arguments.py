"""The template's arguments and variables after the variables of a case are filled in, and the limits of Linux."""

from collections.abc import Mapping

from simjob.api.podtemplate.template import Template
from simjob.core.children import environment, references
from simjob.core.children.environment import MAX_BYTES


def problem(template: Template, variables: Mapping[str, str]) -> str | None:
    """Return which text of the template becomes too long for Linux with these variables; None if none does."""
    for where, container in references.containers(template):
        known = dict(variables)
        for at, own in enumerate(container.env or ()):
            known[own.name] = references.expanded(own.value or "", known)
            if (size := len(own.name) + 1 + _size(known[own.name])) > MAX_BYTES:
                return _too_long(f"{where}.env[{at}].value", size)
        for field, text in references.arguments(container):
            if (size := _size(references.expanded(text, known))) > MAX_BYTES:
                return _too_long(f"{where}.{field}", size)
    return None


def room(template: Template) -> int:
    """Return how many bytes every variable of a case may have without any text of the template becoming too long."""
    low, high = 0, MAX_BYTES
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _bound(template, middle) <= MAX_BYTES else (low, middle - 1)
    return low


def _bound(template: Template, largest: int) -> int:
    """Return an upper bound for the size of all texts if no variable of the case has more than `largest` bytes."""
    found = 0
    for _, container in references.containers(template):
        known = largest
        for own in container.env or ():
            known = max(known, len(own.name) + 1 + _filled(own.value or "", known))
        found = max(found, known, *(_filled(text, known) for _, text in references.arguments(container)), 0)
    return found


def _filled(text: str, largest: int) -> int:
    return _size(text) + references.count(text) * largest


def _size(text: str) -> int:
    """Return the number of bytes, with the NUL at the end."""
    return len(text.encode()) + 1


def _too_long(field: str, size: int) -> str:
    return f"`{field}` would have {size} bytes with the case's variables filled in, {environment.TOO_MUCH}"
