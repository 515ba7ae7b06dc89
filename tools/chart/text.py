"""Writes objects as YAML in which some fields are template expressions."""

import re
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

_POINT: Final = re.compile(r"^(?P<indent> *)(?P<dash>(?:- )*)(?P<key>[\w-]+: )?POINT(?P<number>\d+)END(?:: null)?$")
_INDENT: Final = re.compile(r"INDENT(?:\+(\d+))?")


@dataclass(frozen=True, slots=True)
class Text:
    """The points of an object: placeholders in the data, and the expressions that take their place in the text.

    INDENT in an expression becomes the number of spaces before it, for `nindent`.
    """

    expressions: list[str] = field(default_factory=list)

    def value(self, expression: str) -> str:
        """Return a placeholder for a value. An expression of several lines is written below the key, indented."""
        if expression not in self.expressions:
            self.expressions.append(expression)
        return f"POINT{self.expressions.index(expression)}END"

    def lines(self, expression: str) -> dict[str, None]:
        """Return a placeholder to append to a list or to merge into a mapping, for whole lines."""
        return {self.value(expression): None}

    def write(self, item: Any) -> str:
        """Write the object. Braces of its own do not begin an expression."""
        text = yaml.dump(item, Dumper=yaml.CSafeDumper, sort_keys=False, width=120, allow_unicode=True)
        return "".join(f"{self._line(line)}\n" for line in escaped(text).splitlines())

    def _line(self, line: str) -> str:
        found = _POINT.match(line)
        if found is None:
            return line
        expression, indent = self.expressions[int(found["number"])], len(found["indent"])
        if found["key"] is None:
            return _indented(expression, indent)
        below = _indented(expression, indent + len(found["dash"]) + 2)
        before = f"{found['indent']}{found['dash']}{found['key']}"
        return f"{before.rstrip()}\n{below}" if "\n" in below else before + below.lstrip()


def escaped(text: str) -> str:
    """Keep braces that are not ours from the template engine."""
    return text.replace("{{", '{{ "{{" }}')


def _indented(expression: str, width: int) -> str:
    text = _INDENT.sub(lambda found: str(width + int(found[1] or 0)), expression)
    return "\n".join(" " * width + line for line in text.splitlines())
