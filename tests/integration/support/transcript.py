"""Run the terminal sessions of a page: every `$ command` of its console blocks, and the output that it shows.

Figures, times, ages and the hash in a name are as they were when the page was written; all else must be the same.
"""

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import yaml
from docsite.blocks import fenced

_HEADING: Final = re.compile(r"^## (.*)$", re.MULTILINE)
_FILE: Final = re.compile(r"^```\w+\n# (\S+\.\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_AGE: Final = re.compile(r"\b(\d+[dhms])+\b")
_HASH: Final = re.compile(r"-[0-9a-f]{8}-")
_TIMEOUT: Final = 120


@dataclass(frozen=True, slots=True)
class Step:
    """A command, as it is typed, and what it prints."""

    command: str
    output: str


def sections(page: str) -> dict[str, list[Step]]:
    """Give the steps of a Markdown page by heading, of headings that have any."""
    _, *parts = _HEADING.split(page)
    found = {heading: list(steps(text)) for heading, text in zip(parts[::2], parts[1::2], strict=True)}
    return {heading: typed for heading, typed in found.items() if typed}


def files(page: str) -> dict[str, str]:
    """Give the files that a page shows, by name: blocks whose first line is a comment with a name."""
    return dict(_FILE.findall(page))


def steps(text: str) -> Iterator[Step]:
    """Give the steps of a page or a part of it; blocks may be indented, as in lists."""
    for block in map(textwrap.dedent, fenced(text, "console")):
        command, output = "", ""
        for line in block.splitlines():
            if line.startswith("$ "):
                if command:
                    yield Step(command, output)
                command, output = line.removeprefix("$ "), ""
            elif command.endswith("\\"):
                command += f"\n{line}"
            else:
                output += f"{line}\n"
        yield Step(command, output)


@dataclass(frozen=True, slots=True)
class Terminal:
    """A shell in a folder, whose kubectl uses a namespace, and more variables."""

    folder: Path
    kubeconfig: Path
    namespace: str
    variables: Mapping[str, str] = field(default_factory=dict)

    def run(self, command: str) -> str:
        """Run it and return what it prints, also what it prints as an error."""
        programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env={"PATH": programs, "KUBECONFIG": str(self.kubeconfig), **self.variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )
        return done.stdout


def terminal(folder: Path, kubeconfig: Path, namespace: str, **variables: str) -> Terminal:
    """Open a shell in a folder in which `kubectl` works in a namespace."""
    config = yaml.safe_load(kubeconfig.read_text())
    for context in config["contexts"]:
        context["context"]["namespace"] = namespace
    own = folder / "kubeconfig"
    own.write_text(yaml.safe_dump(config))
    return Terminal(folder, own, namespace, variables)


def difference(terminal: Terminal, step: Step) -> str:
    """Type a command. Return it with what it prints if that is not what the page says, else an empty text.

    The namespace of the terminal counts as `default`.
    """
    printed = terminal.run(step.command).replace(terminal.namespace, "default")
    return "" if shape(printed) == shape(step.output) else f"$ {step.command}\n{printed}"


def shape(output: str) -> list[str]:
    """Take out of an output what differs from run to run."""
    without = _HASH.sub("-HASH-", _AGE.sub("AGE", output))
    return [re.sub(r"\s+", " ", re.sub(r"\d+", "0", line)).strip() for line in without.splitlines() if line.strip()]
