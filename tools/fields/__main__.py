"""The command line: `python -m fields`."""

import argparse
import sys
from collections.abc import Sequence

from fields import schema, shown, table


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say; return 1 if a field lacks a test."""
    parser = argparse.ArgumentParser(
        prog="python -m fields",
        description="Say per field of a SimulationJob's spec which test shows what it does, and which shows that an "
        "invalid value is refused or reported. The fields are those of the CRD, the tests say it by their markers.",
    )
    parser.add_argument("--missing", action="store_true", help="only say what no test shows")
    wanted = parser.parse_args(arguments)
    fields, found = schema.fields(), shown.collect()
    gaps = found.gaps(fields)
    told = gaps if gaps or wanted.missing else table.render(fields, found).splitlines()
    print(*told, sep="\n", end="\n" if told else "")
    return 1 if gaps else 0


if __name__ == "__main__":
    sys.exit(main())
