"""The command line: `python -m fields`."""

import argparse
import sys
from collections.abc import Sequence

from fields import schema, shown, table


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table or the missing tests; return 1 if a field lacks a test."""
    parser = argparse.ArgumentParser(
        prog="python -m fields",
        description="List for each field of a SimulationJob's spec the test that shows its effect and the test that "
        "shows that an invalid value is refused. Fields come from the CRD, tests from their pytest markers.",
    )
    parser.add_argument("--missing", action="store_true", help="list only fields without a test")
    wanted = parser.parse_args(arguments)
    fields, found = schema.fields(), shown.collect()
    gaps = found.gaps(fields)
    told = gaps if gaps or wanted.missing else table.render(fields, found).splitlines()
    print(*told, sep="\n", end="\n" if told else "")
    return 1 if gaps else 0


if __name__ == "__main__":
    sys.exit(main())
