"""Requests counted from the API server's audit log: who asked, what, how often.

The log rotates at 100 MB; a position is therefore a file and an offset in it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from cluster import deploy

from bench.observing import access

# KWOK plays the kubelets and the observer only looks: both are left out before they cost a line.
POLICY: Final = f"""\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules:
  - level: None
    users: ["kwok", "system:apiserver", "{access.account("observer")}"]
  - level: None
    nonResourceURLs: ["/*"]
  - level: None
    resources: [{{group: coordination.k8s.io, resources: [leases]}}]
    userGroups: ["system:nodes"]
  - level: Metadata
"""
OPERATOR: Final = access.account("simjob-operator", deploy.NAMESPACE)
CONTROLLER_MANAGER: Final = "controller manager"
SCHEDULER: Final = "scheduler"
READS: Final = ("get", "list", "watch")


class _Object(msgspec.Struct):
    resource: str = ""
    namespace: str = ""
    subresource: str = ""


class _User(msgspec.Struct):
    username: str = ""


class _Answer(msgspec.Struct):
    code: int = 0


class Record(msgspec.Struct, rename="camel"):
    """The part of an audit event that is counted."""

    verb: str
    user: _User
    user_agent: str = ""
    object_ref: _Object = msgspec.field(default_factory=_Object)
    response_status: _Answer = msgspec.field(default_factory=_Answer)


class Request(msgspec.Struct, frozen=True):
    """A kind of request. `agent` is the program without its version."""

    who: str
    agent: str
    verb: str
    resource: str
    refused: bool = False


Requests = Mapping[Request, int]


def who(user: str) -> str:
    """Name the part of the system that a user of the audit log is."""
    if user == OPERATOR:
        return "operator"
    if user.startswith(access.account("")):
        return user.removeprefix(access.account(""))
    if user == "system:kube-scheduler":
        return SCHEDULER
    if user == "system:kube-controller-manager" or user.startswith("system:serviceaccount:kube-system:"):
        return CONTROLLER_MANAGER
    return user


def count(records: Iterable[Record], namespaces: Iterable[str] | None = None) -> Counter[Request]:
    """Count the requests in these namespaces; in none and all if None."""
    wanted = None if namespaces is None else set(namespaces)
    found: Counter[Request] = Counter()
    for record in records:
        target = record.object_ref
        if wanted is not None and target.namespace not in wanted:
            continue
        resource = f"{target.resource}/{target.subresource}" if target.subresource else target.resource
        agent = record.user_agent.partition("/")[0]
        code = record.response_status.code
        found[Request(who(record.user.username), agent, record.verb, resource, code >= 400)] += 1
    return found


def total(requests: Requests, asker: str, *, writes_only: bool = False) -> int:
    """Add up one asker's requests. A watch is none: it lasts, and serves all cases."""
    return sum(
        number
        for request, number in requests.items()
        if request.who == asker and request.verb not in (READS if writes_only else ("watch",))
    )


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the log: the file's inode, and the offset in it."""

    inode: int
    offset: int


class Audit:
    """The log, read between two positions."""

    def __init__(self, log: Path) -> None:
        self._log = log

    def position(self) -> Position:
        """Say where the log ends now."""
        if not self._log.exists():
            return Position(0, 0)
        stat = self._log.stat()
        return Position(stat.st_ino, stat.st_size)

    def records(self, start: Position) -> Iterator[Record]:
        """Read what was answered since, through rotated files."""
        decoder = msgspec.json.Decoder(Record)
        for path, offset in self._files(start):
            with path.open("rb") as log:
                log.seek(offset)
                # The last line may be half written.
                for line in log:
                    if line.endswith(b"\n"):
                        yield decoder.decode(line)

    def _files(self, start: Position) -> list[tuple[Path, int]]:
        rotated = sorted(self._log.parent.glob(f"{self._log.stem}-*{self._log.suffix}"))
        files = [*rotated, self._log] if self._log.exists() else rotated
        inodes = [path.stat().st_ino for path in files]
        first = inodes.index(start.inode) if start.inode in inodes else 0
        offsets = [start.offset if inode == start.inode else 0 for inode in inodes]
        return list(zip(files, offsets, strict=True))[first:]
