"""Run as `python -m cluster`."""

from cluster import cli

if __name__ == "__main__":
    raise SystemExit(cli.main())
