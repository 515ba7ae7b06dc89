"""Every file that is made from code, and its generator: `make generate` writes them, a test compares them."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

import tabledocs
from apidocs import page
from chart import files
from compatibility import page as compatibility
from compatibility import results
from simjob.api.crd import generate

ROOT: Final = Path(__file__).parents[1]


def _reference() -> str:
    return page.render(generate.definition(generate.job_schema()))


def _fields() -> str:
    """Run in a separate process, because pytest, which may be running here, collects all tests."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(("operator", "tests", "tools"))}
    command = [sys.executable, "-m", "fields"]
    made = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if made.returncode:
        raise RuntimeError(f"a field is not shown by tests, see {ROOT / 'docs/fields.md'}:\n{made.stdout}{made.stderr}")
    return made.stdout


def _of_chart(name: str) -> str:
    return files.committed()[name]


# In an order in which each may read those before it.
FILES: Final[Mapping[str, Callable[[], str]]] = {
    "crds/simulationjobs.simjob.dev.yaml": generate.render,
    "docs/api.md": _reference,
    "docs/fields.md": _fields,
    "docs/tables.md": lambda: tabledocs.render(ROOT / "docs/tables.md"),
    **{f"{files.FOLDER}/{name}": partial(_of_chart, name) for name in files.NAMES},
    "docs/compatibility.md": lambda: compatibility.render(results.load()),
}


def main() -> None:
    """Write every file that is not as it would be made now, and name it."""
    for name, make in FILES.items():
        path, made = ROOT / name, make()
        if not path.exists() or path.read_text() != made:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(made)
            print(f"wrote {name}")


if __name__ == "__main__":
    main()
