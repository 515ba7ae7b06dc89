"""The operator's requests, as the API server's audit log has them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Record = dict[str, Any]

_READS = ("get", "list", "watch")


class Audit:
    """Reads the log from where it ended when this was made."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.start = self.position()
        self._overlooked: list[tuple[int, int]] = []

    def position(self) -> int:
        """Say where the log ends now."""
        return self.log.stat().st_size if self.log.exists() else 0

    def overlook(self, start: int) -> None:
        """Leave out what was answered since `start` when asked for what no Role allows.

        An API server that has just been started forbids everything until it has read the Roles.
        """
        self._overlooked.append((start, self.position()))

    def records(self, start: int | None = None, end: int | None = None) -> Iterator[Record]:
        """Read the requests that were answered since, or up to `end`."""
        with self.log.open("rb") as log:
            log.seek(self.start if start is None else start)
            content = log.read(-1 if end is None else end - log.tell())
        # The last line may be half written.
        for line in content.split(b"\n")[:-1]:
            yield json.loads(line)

    def forbidden(self) -> list[str]:
        """Name the requests that no Role allows. A 403 of a quota does not count: the request itself was allowed."""
        return [
            describe(record)
            for start, end in self._counted()
            for record in self.records(start, end)
            if not _is_allowed(record)
        ]

    def _counted(self) -> Iterator[tuple[int, int]]:
        start = self.start
        for overlooked, end in self._overlooked:
            yield start, overlooked
            start = end
        yield start, self.position()

    def writes(self, start: int) -> list[str]:
        """Name the requests since `start` that change something; renewing the Lease is none."""
        return [
            describe(record)
            for record in self.records(start)
            if record["verb"] not in _READS and record.get("objectRef", {}).get("resource") != "leases"
        ]

    def unsafe_deletions(self) -> list[str]:
        """Name the deletions that could hit an object of another uid than was meant.

        Of a request that no Role allows the body is not read, nor recorded.
        """
        return [
            describe(record)
            for record in self.records()
            if record["verb"] == "delete"
            and _is_allowed(record)
            and not record.get("requestObject", {}).get("preconditions", {}).get("uid")
        ]


def _is_allowed(record: Record) -> bool:
    decision: str = record.get("annotations", {}).get("authorization.k8s.io/decision", "")
    return decision == "allow"


def describe(record: Record) -> str:
    code = record.get("responseStatus", {}).get("code")
    return f"{record['verb']} {record['requestURI']} -> {code}"
