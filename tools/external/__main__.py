"""Run as `python -m external`: builds the tools that `make test-tools` tests with, or reports which are not built."""

import argparse

from cluster.errors import ClusterError
from cluster.report import Report, tell

from external import programs
from external.programs import TOOLS

# Not 1, with which Python ends when it fails: .ci/run has to know one from the other.
NOT_CACHED = 3


def main(arguments: list[str] | None = None) -> int:
    """Build the tools that are asked for; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m external", description="Build tools of other projects, once.")
    parser.add_argument("tools", nargs="*", metavar="TOOL", help=f"{', '.join(TOOLS)} (default: all)")
    parser.add_argument(
        "--cached", action="store_true", help=f"build nothing; exit with {NOT_CACHED} if one is not built yet"
    )
    asked = parser.parse_args(arguments)
    if unknown := set(asked.tools) - set(TOOLS):
        parser.error(f"no such tool: {', '.join(sorted(unknown))}; there are {', '.join(TOOLS)}")
    wanted = asked.tools or list(TOOLS)
    if asked.cached:
        missing = [name for name in wanted if TOOLS[name].missing()]
        if missing:
            print(f"not built yet: {', '.join(missing)}")
        return NOT_CACHED if missing else 0
    try:
        for name in wanted:
            programs.provide(TOOLS[name], Report())
    except ClusterError as error:
        tell(error)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
